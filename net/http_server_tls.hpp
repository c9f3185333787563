#pragma once
// HTTPS: an http::server over TLS.
//
//     const tls::context own(tls::server_options(tls::identity::files("chain.pem", "key.pem")));
//     co_await server.serve(net::listen(where), http::over_tls(own));

#include <ringlet/net/http_server.hpp>
#include <ringlet/net/tls_stream.hpp>

#include <utility>

namespace ringlet::http {

/// Does the handshake of a server on each connection.
inline connection_wrapper over_tls(tls::context own) {
    return [own = std::move(own)](io::any_stream below) -> task<io::any_stream> {
        auto handshake = tls::accept(std::move(below), own);
        co_return io::any_stream(co_await std::move(handshake));
    };
}

}  // namespace ringlet::http

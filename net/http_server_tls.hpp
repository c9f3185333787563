#pragma once
// HTTPS: an http::server over TLS.
//
//     const tls::context own(tls::server_options(tls::identity::files("chain.pem", "key.pem")));
//     co_await server.serve(net::listen(where), http::over_tls(own));

#include <ringlet/net/http_server.hpp>
#include <ringlet/net/tls_stream.hpp>

#include <string>
#include <utility>
#include <vector>

namespace ringlet::http {

namespace detail {
/// What can be spoken, best first.
std::vector<std::string> protocols_of_servers();

inline task<io::any_stream> accept_tls(io::any_stream below, tls::context own) {
    auto handshake = tls::accept(std::move(below), std::move(own));
    co_return io::any_stream(co_await std::move(handshake));
}
}  // namespace detail

/// Does the handshake of a server on each connection. HTTP/2 is agreed on with whom offers it, unless the
/// context names its protocols itself: alpn({"http/1.1"}) is without.
inline connection_wrapper over_tls(const tls::context& given) {
    return [own = given.usually(detail::protocols_of_servers())](io::any_stream below) {
        return detail::accept_tls(std::move(below), own);
    };
}

}  // namespace ringlet::http

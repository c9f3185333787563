#pragma once
// TLS for the client, as far as this build has it: http_secure.cpp, or http_secure_none.cpp, whose
// functions throw.

#include <ringlet/core/task.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/http_client_options.hpp>
#include <ringlet/net/url.hpp>

#include <memory>
#include <optional>
#include <string>

namespace ringlet::tls {
class context;
}

namespace ringlet::http::detail {

/// Awaitable: TLS over a stream that leads to the server which `to` names. Null: the machine's authorities
/// are trusted. `http2`, which must outlive it: set to whether that was agreed on; null: it is not spoken.
task<io::any_stream> secured(io::any_stream below, const net::url& to, std::shared_ptr<const tls::context> with,
                             http2_use use = http2_use::off, bool* http2 = nullptr);

/// What differs from that; paths of PEM files, empty if not given.
std::shared_ptr<const tls::context> make_tls_context(bool verify, const std::string& authorities,
                                                     const std::string& chain, const std::string& key);

}  // namespace ringlet::http::detail

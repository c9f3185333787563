#pragma once
// The handshake of RFC 6455 sections 4.1 and 4.2, as pure functions of a head: what each side must see
// in that of the other.

#include <ringlet/net/http_head.hpp>
#include <ringlet/net/websocket.hpp>

#include <string>
#include <string_view>

namespace ringlet::http::detail {

/// What a server answers to a key: base64 of the SHA-1 of key and GUID.
std::string accept_of(std::string_view key);
/// 16 random bytes in base64.
std::string make_key();
std::string base64_of(std::string_view bytes);

/// The status to refuse a request with, and why; 0 when it is a proper handshake.
struct handshake_verdict {
    int status = 0;
    std::string_view why{};
};
handshake_verdict judge_handshake(const message_head& asked, const websocket_options& options);

/// The first of the server's protocols that the client offers; empty: none.
std::string choose_protocol(const fields& asked, const websocket_options& options);

/// Why the response to a handshake with this key is none; empty when it is one.
std::string judge_response(const message_head& answer, std::string_view key, const websocket_options& options);

}  // namespace ringlet::http::detail

#pragma once
// What the handshake says about permessage-deflate, as pure functions of header fields: RFC 6455 section
// 9.1 for the form, RFC 7692 sections 5 and 7.1 for what is in it. Nothing else is known as an extension.

#include <ringlet/net/http_fields.hpp>
#include <ringlet/net/websocket_options.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace ringlet::http::detail {

struct extension_choice {
    std::string_view why{};  // the handshake must fail; empty: it need not
    std::optional<agreed_compression> agreed{};
    std::string answer{};  // a server's field; empty: none
};

/// Servers: takes the first offer that can be met. What cannot is left, and no error.
extension_choice choose_extensions(const fields& asked, const websocket_options& options);

/// Clients: the field that offers; empty: none.
std::string offered_extensions(const websocket_options& options);
/// Clients: what the server chose; it may choose only what was offered.
extension_choice judge_extensions(const fields& answered, const websocket_options& options);

}  // namespace ringlet::http::detail

// What others answer before a stream is ours: SOCKS and CONNECT proxies, and both sides of a websocket's
// handshake. The first byte chooses which.
#include "http_fuzz.hpp"

#include <ringlet/net/proxy_messages_private.hpp>
#include <ringlet/net/websocket_extensions_private.hpp>
#include <ringlet/net/websocket_handshake_private.hpp>

#include <system_error>

using namespace ringlet;
using fuzz::require;

namespace {

void try_proxy(std::string_view text, bool has_password) {
    try {
        const char method = net::detail::socks5_method(text.substr(0, 2), has_password, "ask");
        require(method == net::detail::socks5_no_login || (has_password && method == net::detail::socks5_password));
    } catch (const std::system_error&) {}
    try {
        net::detail::check_socks5_login(text.substr(0, 2), "ask");
    } catch (const std::system_error&) {}
    try {
        if (text.size() >= 5)
            require(net::detail::check_socks5_reply(text.substr(0, 5), "ask") <= 257);
    } catch (const std::system_error&) {}
    try {
        net::detail::check_connect_response(text, "ask");
        require(text.starts_with("HTTP/"));
    } catch (const std::system_error&) {}
}

/// The head of a message, if it is one.
template <class Fn>
void with_head(http::reads what, std::string_view text, Fn fn) {
    http::parser parser(what, http::limits());
    if (parser.try_feed(text).kind == http::event::head)
        fn(parser.head());
}

bool is_sound(const http::agreed_compression& c) {
    return c.sent_bits >= 8 && c.sent_bits <= 15 && c.received_bits >= 8 && c.received_bits <= 15;
}

void try_websocket(std::string_view text, bool compresses) {
    http::websocket_options options;
    options.protocols({"chat", "superchat"});
    if (compresses)
        options.compress({});
    with_head(http::reads::requests, text, [&](const http::message_head& asked) {
        const http::detail::handshake_verdict verdict = http::detail::judge_handshake(asked, options);
        require((verdict.status == 0) == verdict.why.empty());
        const std::string protocol = http::detail::choose_protocol(asked.fields(), options);
        require(protocol.empty() || protocol == "chat" || protocol == "superchat");
        const auto chosen = http::detail::choose_extensions(asked.fields(), options);
        require(!chosen.agreed || (compresses && is_sound(*chosen.agreed) && !chosen.answer.empty()));
        http::fields().add("Sec-WebSocket-Extensions", chosen.answer);  // throws where it could not be sent
    });
    with_head(http::reads::responses, text, [&](const http::message_head& answer) {
        const std::string why = http::detail::judge_response(answer, "dGhlIHNhbXBsZSBub25jZQ==", options);
        require(!why.empty() || answer.status() == 101);
        const auto judged = http::detail::judge_extensions(answer.fields(), options);
        require(!judged.agreed || (compresses && is_sound(*judged.agreed) && judged.why.empty()));
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    // The exact size on the heap: the sanitizer sees a byte too far.
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool flag = (data[0] & 2) != 0;
    (data[0] & 1) != 0 ? try_proxy(text, flag) : try_websocket(text, flag);
    return 0;
}

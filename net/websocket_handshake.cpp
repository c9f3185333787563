#include <ringlet/net/websocket_handshake_private.hpp>

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "ascii_private.hpp"
#include "sha1_private.hpp"

namespace ringlet::http::detail {
namespace {

using net::ascii::iequals;

/// 24 characters that are 16 bytes: 22 digits, of which the last carries two bits only, and "==".
bool is_key(std::string_view text) {
    const auto digit = [](char c) {
        return net::ascii::is_alpha(c) || net::ascii::is_digit(c) || c == '+' || c == '/';
    };
    return text.size() == 24 && text.ends_with("==") && std::all_of(text.begin(), text.end() - 2, digit) &&
           std::string_view("AQgw").find(text[21]) != text.npos;
}

bool origin_may(const fields& asked, const websocket_options& options) {
    const auto origin = asked.get("origin");
    if (!origin)
        return true;
    if (options.origins().empty()) {
        const auto host = origin->find("://");
        return host != origin->npos && iequals(origin->substr(host + 3), asked.get_or("host", ""));
    }
    return std::any_of(options.origins().begin(), options.origins().end(),
                       [&](const std::string& allowed) { return allowed == "*" || iequals(allowed, *origin); });
}

/// As it stands: a client fails when it is answered in other letters.
bool offers_protocol(const fields& asked, std::string_view name) {
    for (std::string_view list : asked.get_all("sec-websocket-protocol"))
        while (!list.empty()) {
            const auto comma = std::min(list.find(','), list.size());
            if (net::ascii::trim(list.substr(0, comma)) == name)
                return true;
            list.remove_prefix(std::min(comma + 1, list.size()));
        }
    return false;
}

}  // namespace

std::string base64_of(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::string_view three = bytes.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = bits << 8 | (i < three.size() ? static_cast<unsigned char>(three[i]) : 0U);
        for (std::size_t i = 0; i < 4; ++i)
            out += i <= three.size() ? digits[bits >> (18 - 6 * i) & 63] : '=';
    }
    return out;
}

std::string accept_of(std::string_view key) {
    return base64_of(net::sha1(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

std::string make_key() {
    std::string bytes(16, '\0');
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw std::system_error(errno, std::system_category(), "make a key for a websocket");
    return base64_of(bytes);
}

handshake_verdict judge_handshake(const message_head& asked, const websocket_options& options) {
    const fields& f = asked.fields();
    if (!asked.upgrade() || !f.has_token("upgrade", "websocket"))
        return {426, "this is for WebSocket clients"};
    if (asked.method() != "GET")
        return {405, "a WebSocket begins with GET"};
    if (asked.version_minor() == 0 || asked.chunked() || asked.content_length().value_or(0) > 0)
        return {400, "a WebSocket begins with an HTTP/1.1 request without a body"};
    if (f.count("sec-websocket-version") != 1 || f.get("sec-websocket-version") != "13")
        return {426, "only version 13 of WebSocket is understood"};
    if (f.count("sec-websocket-key") != 1 || !is_key(*f.get("sec-websocket-key")))
        return {400, "Sec-WebSocket-Key is not 16 bytes in base64"};
    if (f.count("origin") > 1 || !origin_may(f, options))
        return {403, "not from this origin"};
    return {};
}

std::string choose_protocol(const fields& asked, const websocket_options& options) {
    for (const std::string& ours : options.protocols())
        if (offers_protocol(asked, ours))
            return ours;
    return {};
}

std::string judge_response(const message_head& answer, std::string_view key, const websocket_options& options) {
    const fields& f = answer.fields();
    if (answer.status() != 101)
        return "the server answered " + std::to_string(answer.status()) + ' ' +
               net::ascii::printable(answer.reason());
    if (!f.has_token("connection", "upgrade") || !iequals(f.get_or("upgrade", ""), "websocket"))
        return "the server does not speak WebSocket";
    if (f.count("sec-websocket-accept") != 1 || f.get("sec-websocket-accept") != accept_of(key))
        return "Sec-WebSocket-Accept is not the answer to our key";
    if (const auto protocol = f.get("sec-websocket-protocol")) {
        const auto& ours = options.protocols();
        if (f.count("sec-websocket-protocol") > 1 || std::find(ours.begin(), ours.end(), *protocol) == ours.end())
            return "the server chose the protocol '" + net::ascii::printable(*protocol) + "', which was not offered";
    }
    return {};
}

}  // namespace ringlet::http::detail

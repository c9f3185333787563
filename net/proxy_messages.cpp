#include <ringlet/net/proxy_messages_private.hpp>

#include <ringlet/net/address.hpp>
#include <ringlet/net/proxy.hpp>
#include "ascii_private.hpp"

#include <stdexcept>

namespace ringlet::net::detail {
namespace {

[[noreturn]] void nonsense(const std::string& act, const char* what) {
    throw proxy_error(std::errc::protocol_error, act + ": " + what);
}

std::string with_length(std::string_view text, const std::string& act, const char* what) {
    if (text.empty() || text.size() > 255)
        throw std::invalid_argument(act + ": " + what + " must have 1 to 255 bytes");
    return static_cast<char>(text.size()) + std::string(text);
}

/// RFC 4648 section 4.
std::string base64(std::string_view text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string result;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        std::uint32_t three = 0;
        for (std::size_t j = 0; j < 3; ++j)
            three = three << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j)
            result += i + j <= text.size() ? digits[three >> (18 - 6 * j) & 63] : '=';
    }
    return result;
}

}  // namespace

std::string socks5_greeting(bool has_password) {
    return has_password ? std::string("\5\2\0\2", 4) : std::string("\5\1\0", 3);
}

char socks5_method(std::string_view answer, bool has_password, const std::string& act) {
    if (answer[0] != 5)
        nonsense(act, "it does not speak SOCKS5");
    if (answer[1] == socks5_no_login || (answer[1] == socks5_password && has_password))
        return answer[1];
    throw proxy_error(
        std::errc::permission_denied,
        act + (has_password ? ": it takes no password" : ": it wants a name and a password, or something else"));
}

std::string socks5_login(std::string_view username, std::string_view password, const std::string& act) {
    return '\1' + with_length(username, act, "the name for the proxy") +
           with_length(password, act, "the password for the proxy");
}

void check_socks5_login(std::string_view answer, const std::string& act) {
    if (answer[1] != 0)
        throw proxy_error(std::errc::permission_denied, act + ": it refused the name or the password");
}

std::string socks5_request(const std::string& host, std::uint16_t port, const std::string& act) {
    std::string text("\5\1\0", 3);
    if (const auto numeric = address::try_ip(host, port)) {
        const bool six = numeric->family() == AF_INET6;
        const auto* data = reinterpret_cast<const char*>(numeric->data());
        text += six ? '\4' : '\1';
        text.append(data + (six ? offsetof(sockaddr_in6, sin6_addr) : offsetof(sockaddr_in, sin_addr)), six ? 16 : 4);
    } else {
        text += '\3' + with_length(host, act, "a host name");
    }
    text += static_cast<char>(port >> 8);
    text += static_cast<char>(port & 0xff);
    return text;
}

std::size_t check_socks5_reply(std::string_view head, const std::string& act) {
    if (head[0] != 5)
        nonsense(act, "it does not speak SOCKS5");
    const auto refused = [&](std::errc code, const char* why) -> proxy_error { return {code, act + ": " + why}; };
    switch (head[1]) {
        case 0: break;
        case 1: throw refused(std::errc::io_error, "it failed");
        case 2: throw refused(std::errc::permission_denied, "its rules forbid this");
        case 3: throw refused(std::errc::network_unreachable, "it cannot reach the network");
        case 4: throw refused(std::errc::host_unreachable, "it cannot reach the host");
        case 5: throw refused(std::errc::connection_refused, "the host refused the connection");
        case 6: throw refused(std::errc::timed_out, "it gave up waiting");
        case 7: throw refused(std::errc::operation_not_supported, "it does not connect");
        case 8: throw refused(std::errc::operation_not_supported, "it does not know this kind of address");
        default: throw refused(std::errc::io_error, "it failed in an unknown way");
    }
    switch (head[3]) {  // one byte of the address was read already, two of the port follow
        case 1: return 4 - 1 + 2;
        case 3: return static_cast<unsigned char>(head[4]) + std::size_t(2);
        case 4: return 16 - 1 + 2;
        default: nonsense(act, "its answer makes no sense");
    }
}

std::string connect_request(const std::string& target, const std::string& username, const std::string& password) {
    std::string text = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
    if (!username.empty() || !password.empty())
        text += "Proxy-Authorization: Basic " + base64(username + ':' + password) + "\r\n";
    return text + "\r\n";
}

/// RFC 9110 section 9.3.6: any 2xx is a yes, whatever fields come with it.
void check_connect_response(std::string_view head, const std::string& act) {
    const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
    const bool http = line.size() >= 12 && line.starts_with("HTTP/1.") && line[8] == ' ' &&
                      ascii::is_digit(line[9]) && ascii::is_digit(line[10]) && ascii::is_digit(line[11]);
    if (!http)
        nonsense(act, "its answer is no HTTP");
    if (line[9] == '2')
        return;
    const std::string_view status = line.substr(9, 3);
    const std::errc code = status == "403" || status == "407" || status == "401" ? std::errc::permission_denied
                           : status == "504"                                     ? std::errc::timed_out
                           : status == "502" || status == "503"                  ? std::errc::host_unreachable
                                                                                 : std::errc::io_error;
    throw proxy_error(code, act + ": it answered " + ascii::printable(line.substr(9)));
}

}  // namespace ringlet::net::detail

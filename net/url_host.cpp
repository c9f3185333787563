// See the header. The IPv4 rules look odd, but they are what keeps "http://0x7f.1/" and
// "http://127.0.0.1/" the same host for us, for filters in front of us, and for every browser.
#include "url_host_private.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "ascii_private.hpp"
#include "idn_private.hpp"

namespace ringlet::net::detail {
namespace {

[[noreturn]] void refuse(std::string_view host, const std::string& why) {
    throw url_refusal("host '" + ascii::printable(host) + "' " + why);
}

std::vector<std::string_view> labels_of(std::string_view host) {
    std::vector<std::string_view> labels;
    labels.reserve(4);
    for (std::size_t dot; (dot = host.find('.')) != host.npos; host.remove_prefix(dot + 1))
        labels.push_back(host.substr(0, dot));
    labels.push_back(host);
    // One dot at the end only says that the name is complete.
    if (labels.size() > 1 && labels.back().empty())
        labels.pop_back();
    return labels;
}

/// Decimal, 0x hexadecimal or 0 octal; what does not fit into 40 bits is capped there.
std::optional<std::uint64_t> ip4_number(std::string_view digits) {
    if (digits.empty())
        return std::nullopt;
    int base = 10;
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        digits.remove_prefix(2);
        base = 16;
    } else if (digits.size() > 1 && digits.front() == '0') {
        digits.remove_prefix(1);
        base = 8;
    }
    constexpr std::uint64_t cap = std::uint64_t{1} << 40;
    std::uint64_t value = 0;
    for (const char c : digits) {
        const int digit = ascii::hex_value(c);
        if (digit < 0 || digit >= base)
            return std::nullopt;
        value = std::min(cap, value * static_cast<unsigned>(base) + static_cast<unsigned>(digit));
    }
    return value;
}

bool ends_in_a_number(const std::vector<std::string_view>& labels) {
    const auto last = labels.back();
    if (last.empty())
        return false;
    return last.find_first_not_of("0123456789") == last.npos || ip4_number(last).has_value();
}

std::string ip4_text(std::string_view host, const std::vector<std::string_view>& labels) {
    if (labels.size() > 4)
        refuse(host, "has more than four numbers");
    std::uint64_t address = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const auto value = ip4_number(labels[i]);
        if (!value)
            refuse(host, "ends in a number but is no IPv4 address");
        // All but the last are one byte; the last fills what is left.
        const bool last = i + 1 == labels.size();
        const std::uint64_t most = last ? (std::uint64_t{1} << (8 * (5 - labels.size()))) - 1 : 255;
        if (*value > most)
            refuse(host, "has a number that is too large for an IPv4 address");
        address += last ? *value : *value << (8 * (3 - i));
    }
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) {
        text += std::to_string((address >> shift) & 255);
        if (shift > 0)
            text += '.';
    }
    return text;
}

std::string hex(unsigned piece) {
    std::string text;
    for (int shift = 12; shift >= 0; shift -= 4)
        if (const auto digit = (piece >> shift) & 15; digit != 0 || !text.empty() || shift == 0)
            text += "0123456789abcdef"[digit];
    return text;
}

/// RFC 5952, but always in pieces of hexadecimal: never the ::ffff:1.2.3.4 of inet_ntop.
std::string ip6_text(std::string_view literal) {
    in6_addr address;
    if (literal.size() > 45 || literal.find('\0') != literal.npos ||
        inet_pton(AF_INET6, std::string(literal).c_str(), &address) != 1)
        refuse(literal, "is no IPv6 address");
    std::array<unsigned, 8> pieces;
    for (std::size_t i = 0; i < 8; ++i)
        pieces[i] = static_cast<unsigned>(address.s6_addr[2 * i] << 8 | address.s6_addr[2 * i + 1]);

    std::size_t gap = 8, gap_size = 1;  // the first longest run of two or more zeros
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t end = i;
        while (end < 8 && pieces[end] == 0)
            ++end;
        if (end - i > gap_size)
            gap = i, gap_size = end - i;
    }
    std::string text = "[";
    for (std::size_t i = 0; i < 8;) {
        if (i == gap) {
            text += i == 0 ? "::" : ":";
            i += gap_size;
            continue;
        }
        text += hex(pieces[i]);
        if (++i < 8)
            text += ':';
    }
    return text + ']';
}

}  // namespace

std::string percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && ascii::is_hex(text[i + 1]) && ascii::is_hex(text[i + 2])) {
            out += static_cast<char>(ascii::hex_value(text[i + 1]) * 16 + ascii::hex_value(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

namespace {

bool could_be_port(std::string_view text) noexcept {
    unsigned number = 0;
    for (const char digit : text) {
        if (!ascii::is_digit(digit))
            return false;
        number = 10 * number + static_cast<unsigned>(digit - '0');
        if (number > 65535)
            return false;
    }
    return true;
}

// Here a server has the path of its socket, which may have ':' and '@' in it, and no user before it.
constexpr std::string_view socket_path = "http+unix://%2f";

}  // namespace

std::string_view password_in(std::string_view text) noexcept {
    if (ascii::iequals(text.substr(0, socket_path.size()), socket_path))
        return {};
    const std::size_t colon = text.find_first_of(":/?#\\");
    const std::size_t behind_scheme = colon != text.npos && text[colon] == ':' ? colon + 1 : 0;
    const std::size_t place = std::min(text.find_first_not_of("/\\\t\r\n", behind_scheme), text.size());
    // Of "a:b@c" nobody knows whether `a` was meant to be a scheme.
    if (text.substr(behind_scheme, place - behind_scheme).find_first_of("/\\") != text.npos)
        text.remove_prefix(place);
    const std::size_t begin = text.find(':') + 1;
    std::size_t end = std::min(text.find_first_of("/\\?#"), text.size());
    if (begin == 0 || begin > end)
        return {};
    if (const std::size_t at = text.substr(0, end).rfind('@'); at != text.npos)
        end = at;
    else if (!text.starts_with('[') && !could_be_port(text.substr(begin, end - begin)))
        end = text.rfind('@');  // "user:pass/word@host", which a parser takes for a host and a port
    else
        return {};
    return end != text.npos && begin < end ? text.substr(begin, end - begin) : std::string_view();
}

std::string without_password(std::string_view text) {
    const std::string_view password = password_in(text);
    if (password.empty())
        return std::string(text);
    const auto before = static_cast<std::size_t>(password.data() - text.data());
    return std::string(text.substr(0, before)) + "***" + std::string(text.substr(before + password.size()));
}

std::string host_and_port(const std::string& host, std::uint16_t port) {
    const bool bare_ip6 = host.find(':') != host.npos && !host.starts_with('[');
    return (bare_ip6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::string parse_url_host(std::string_view text) {
    if (text.starts_with('[')) {
        if (!text.ends_with(']'))
            refuse(text, "has no closing ']'");
        return ip6_text(text.substr(1, text.size() - 2));
    }
    auto host = percent_decode(text);
    if (host.empty())
        throw url_refusal("the host is missing");
    if (!ascii::is_ascii(host)) {
        std::string reason;
        host = to_ascii_name(host, reason);
        if (host.empty())
            refuse(text, reason);
    }
    for (auto& c : host) {
        if (ascii::is_control(c) || std::string_view(" #/:<>?@[\\]^|%").find(c) != std::string_view::npos)
            refuse(text, "contains '" + ascii::printable({&c, 1}) + "', which no host may");
        c = ascii::lower(c);
    }
    const auto labels = labels_of(host);
    return ends_in_a_number(labels) ? ip4_text(host, labels) : host;
}

}  // namespace ringlet::net::detail

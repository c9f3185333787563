// Text to sockaddr and back. The port and the brackets are ours; the numeric forms themselves are
// inet_pton's (strict: no octal, no short forms), so that "010.1" never means something surprising.
#include <ringlet/net/address.hpp>

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <stdexcept>

#include "ascii_private.hpp"

namespace ringlet::net {
namespace {

constexpr std::size_t path_start = offsetof(sockaddr_un, sun_path);
constexpr std::size_t path_room = sizeof(sockaddr_un) - path_start;

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw std::invalid_argument("address '" + ascii::printable(text) + "': " + why);
}

std::optional<std::uint32_t> number(std::string_view digits, std::uint32_t most) {
    std::uint32_t value = 0;
    const auto* end = digits.data() + digits.size();
    // from_chars takes no sign for unsigned types and no white space: digits only.
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || error != std::errc{} || stop != end || value > most)
        return std::nullopt;
    return value;
}

std::uint16_t port_of(std::string_view text, std::string_view digits) {
    const auto value = number(digits, 65535);
    if (!value)
        refuse(text, "port '" + ascii::printable(digits) + "' is not a number from 0 to 65535");
    return static_cast<std::uint16_t>(*value);
}

std::optional<std::uint32_t> scope_of(const std::string& name) {
    if (const auto index = number(name, UINT32_MAX))
        return index;
    if (const auto index = if_nametoindex(name.c_str()))
        return index;
    return std::nullopt;
}

}  // namespace

address::address() noexcept : size_(sizeof(sa_family_t)) {
    // All bytes, because the kernel and memcmp in tests look at padding too.
    std::memset(&storage_, 0, sizeof storage_);
}

address address::parse(std::string_view text, std::optional<std::uint16_t> default_port) {
    if (text.starts_with("unix:")) {
        const auto name = text.substr(5);
        return name.starts_with('@') ? unix_abstract(name.substr(1)) : unix_path(name);
    }
    std::string_view host = text;
    std::optional<std::uint16_t> port = default_port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == text.npos)
            refuse(text, "no ']' after the IPv6 address");
        host = text.substr(1, close - 1);
        const auto rest = text.substr(close + 1);
        if (rest.starts_with(':')) {
            port = port_of(text, rest.substr(1));
        } else if (!rest.empty()) {
            refuse(text, "':port' expected after ']'");
        }
        if (host.find(':') == host.npos)
            refuse(text, "brackets are for IPv6 only");
    } else if (const auto colon = text.find(':'); colon != text.npos) {
        if (text.find(':', colon + 1) == text.npos) {
            host = text.substr(0, colon);
            port = port_of(text, text.substr(colon + 1));
        } else if (!default_port) {
            refuse(text, "IPv6 with a port is written [address]:port");
        }
    }
    const auto result = try_ip(host, port.value_or(0));
    if (!result)
        refuse(text, "'" + ascii::printable(host) + "' is not a numeric IPv4 or IPv6 address");
    if (!port)
        refuse(text, "the port is missing");
    return *result;
}

address address::ip(std::string_view host, std::uint16_t port) {
    const auto result = try_ip(host, port);
    if (!result)
        refuse(host, "not a numeric IPv4 or IPv6 address");
    return *result;
}

std::optional<address> address::try_ip(std::string_view host, std::uint16_t port) {
    const auto percent = host.find('%');
    const auto bare = std::string(host.substr(0, percent));
    // A NUL would end the text early for inet_pton and hide what follows.
    if (host.size() > 64 || host.find('\0') != host.npos)
        return std::nullopt;
    address result;
    if (inet_pton(AF_INET6, bare.c_str(), &result.storage_.ip6.sin6_addr) == 1) {
        if (percent != host.npos) {
            const auto scope = scope_of(std::string(host.substr(percent + 1)));
            if (!scope)
                return std::nullopt;
            result.storage_.ip6.sin6_scope_id = *scope;
        }
        result.storage_.ip6.sin6_family = AF_INET6;
        result.storage_.ip6.sin6_port = htons(port);
        result.size_ = sizeof(sockaddr_in6);
        return result;
    }
    result = address();
    if (percent == host.npos && inet_pton(AF_INET, bare.c_str(), &result.storage_.ip4.sin_addr) == 1) {
        result.storage_.ip4.sin_family = AF_INET;
        result.storage_.ip4.sin_port = htons(port);
        result.size_ = sizeof(sockaddr_in);
        return result;
    }
    return std::nullopt;
}

address address::ip4_any(std::uint16_t port) noexcept {
    address result;
    result.storage_.ip4.sin_family = AF_INET;
    result.storage_.ip4.sin_port = htons(port);
    result.size_ = sizeof(sockaddr_in);
    return result;
}

address address::ip6_any(std::uint16_t port) noexcept {
    address result;
    result.storage_.ip6.sin6_family = AF_INET6;
    result.storage_.ip6.sin6_port = htons(port);
    result.size_ = sizeof(sockaddr_in6);
    return result;
}

address address::loopback(std::uint16_t port) noexcept {
    auto result = ip4_any(port);
    result.storage_.ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return result;
}

address address::loopback6(std::uint16_t port) noexcept {
    auto result = ip6_any(port);
    result.storage_.ip6.sin6_addr = in6addr_loopback;
    return result;
}

address address::unix_path(std::string_view path) {
    const auto text = "unix:" + std::string(path);
    if (path.empty())
        refuse(text, "the path is empty");
    if (path.find('\0') != path.npos)
        refuse(text, "a path cannot hold a NUL byte");
    if (path.size() > path_room - 1)
        refuse(text, "the path has " + std::to_string(path.size()) + " bytes, a UNIX socket takes at most " +
                         std::to_string(path_room - 1));
    address result;
    result.storage_.un.sun_family = AF_UNIX;
    std::memcpy(result.storage_.un.sun_path, path.data(), path.size());
    result.size_ = static_cast<socklen_t>(path_start + path.size() + 1);
    return result;
}

address address::unix_abstract(std::string_view name) {
    if (name.size() > path_room - 1)
        refuse("unix:@" + std::string(name), "the name has " + std::to_string(name.size()) +
                                                 " bytes, an abstract UNIX socket takes at most " +
                                                 std::to_string(path_room - 1));
    address result;
    result.storage_.un.sun_family = AF_UNIX;
    if (!name.empty())
        std::memcpy(result.storage_.un.sun_path + 1, name.data(), name.size());
    result.size_ = static_cast<socklen_t>(path_start + 1 + name.size());
    return result;
}

address address::from(const void* given, socklen_t length) {
    address result;
    // recvfrom on a UNIX datagram socket reports a sender without a name as length 0.
    if (length == 0)
        return result;
    const auto require_size = [&](std::size_t needed) {
        if (length < needed)
            throw std::invalid_argument("socket address: " + std::to_string(length) +
                                        " bytes, too short for its family");
    };
    require_size(sizeof(sa_family_t));
    sa_family_t family = 0;
    std::memcpy(&family, given, sizeof family);
    switch (family) {
        case AF_UNSPEC: return result;
        case AF_INET:
            require_size(sizeof(sockaddr_in));
            std::memcpy(&result.storage_.ip4, given, sizeof(sockaddr_in));
            std::memset(result.storage_.ip4.sin_zero, 0, sizeof result.storage_.ip4.sin_zero);
            result.size_ = sizeof(sockaddr_in);
            return result;
        case AF_INET6:
            require_size(sizeof(sockaddr_in6));
            std::memcpy(&result.storage_.ip6, given, sizeof(sockaddr_in6));
            result.storage_.ip6.sin6_flowinfo = 0;  // no part of who the peer is
            result.size_ = sizeof(sockaddr_in6);
            return result;
        case AF_UNIX: {
            if (length > sizeof(sockaddr_un))
                throw std::invalid_argument("socket address: UNIX address is too long");
            std::memcpy(&result.storage_.un, given, length);
            result.size_ = length;
            // unix(7): whether a path's terminating NUL is counted depends on who bound it.
            const auto room = length - path_start;
            if (room > 0 && result.storage_.un.sun_path[0] != '\0')
                result.size_ = static_cast<socklen_t>(
                    path_start + std::min(strnlen(result.storage_.un.sun_path, room) + 1, path_room));
            return result;
        }
        default:
            throw std::invalid_argument("socket address: family " + std::to_string(family) + " is not supported");
    }
}

std::uint16_t address::port() const noexcept {
    if (family() == AF_INET)
        return ntohs(storage_.ip4.sin_port);
    if (family() == AF_INET6)
        return ntohs(storage_.ip6.sin6_port);
    return 0;
}

address address::with_port(std::uint16_t port) const {
    auto result = *this;
    if (family() == AF_INET) {
        result.storage_.ip4.sin_port = htons(port);
    } else if (family() == AF_INET6) {
        result.storage_.ip6.sin6_port = htons(port);
    } else {
        refuse(to_string(), "only an IP address has a port");
    }
    return result;
}

std::uint32_t address::scope_id() const noexcept { return family() == AF_INET6 ? storage_.ip6.sin6_scope_id : 0; }

std::string_view address::unix_name() const noexcept {
    const std::string_view all(storage_.un.sun_path, size_ - path_start);
    return all.starts_with('\0') ? all : all.substr(0, strnlen(all.data(), all.size()));
}

std::string address::host() const {
    char text[INET6_ADDRSTRLEN] = "";
    if (family() == AF_INET)
        return inet_ntop(AF_INET, &storage_.ip4.sin_addr, text, sizeof text);
    if (family() == AF_INET6) {
        std::string result = inet_ntop(AF_INET6, &storage_.ip6.sin6_addr, text, sizeof text);
        if (scope_id() != 0)
            result += '%' + std::to_string(scope_id());
        return result;
    }
    if (!is_unix())
        return {};
    const auto name = unix_name();
    return std::string(name.substr(name.starts_with('\0') ? 1 : 0));
}

std::string address::to_string() const {
    switch (family()) {
        case AF_INET: return host() + ':' + std::to_string(port());
        case AF_INET6: return '[' + host() + "]:" + std::to_string(port());
        case AF_UNIX:
            return (unix_name().starts_with('\0') ? "unix:@" : "unix:") + ascii::printable(host(), path_room);
        default: return "unspecified";
    }
}

std::string_view address::host_bytes() const noexcept {
    // The network order of these bytes is also their sorting order.
    if (family() == AF_INET)
        return {reinterpret_cast<const char*>(&storage_.ip4.sin_addr), 4};
    if (family() == AF_INET6)
        return {reinterpret_cast<const char*>(&storage_.ip6.sin6_addr), 16};
    return is_unix() ? unix_name() : std::string_view();
}

std::strong_ordering operator<=>(const address& a, const address& b) noexcept {
    if (const auto by = a.family() <=> b.family(); by != 0)
        return by;
    if (const auto by = a.host_bytes() <=> b.host_bytes(); by != 0)
        return by;
    if (const auto by = a.scope_id() <=> b.scope_id(); by != 0)
        return by;
    return a.port() <=> b.port();
}

std::size_t address::hash() const noexcept {
    const auto rest =
        (std::size_t{scope_id()} << 32) ^ (std::size_t{port()} << 8) ^ static_cast<std::size_t>(family());
    return std::hash<std::string_view>()(host_bytes()) ^ (rest * 0x9e3779b97f4a7c15u);
}

}  // namespace ringlet::net

#include "sim_endpoint_private.hpp"

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace ringlet::sim {
namespace {

constexpr std::size_t mapped = 12;  // where the IPv4 address begins in ::ffff:a.b.c.d

ip_address map(std::uint32_t v4) noexcept {
    ip_address ip{};
    ip[10] = ip[11] = 0xff;
    for (std::size_t i = 0; i < 4; ++i)
        ip[mapped + i] = static_cast<std::uint8_t>(v4 >> (24 - 8 * i));
    return ip;
}

bool is_mapped(const ip_address& ip) noexcept {
    return std::all_of(ip.begin(), ip.begin() + 10, [](std::uint8_t b) { return b == 0; }) && ip[10] == 0xff &&
           ip[11] == 0xff;
}

std::uint32_t low_word(const ip_address& ip) noexcept {
    std::uint32_t word = 0;
    for (std::size_t i = mapped; i < 16; ++i)
        word = word << 8 | ip[i];
    return word;
}

constexpr std::uint32_t private_net = 10u << 24;

}  // namespace

ip_address ip_of(std::uint32_t number) noexcept { return map(private_net + number); }

ip_address ip6_of(std::uint32_t number) noexcept {
    ip_address ip{0xfd};
    for (std::size_t i = 0; i < 4; ++i)
        ip[mapped + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    return ip;
}

ip_address ip_like(const ip_address& other, std::uint32_t number) noexcept {
    return is_mapped(other) ? ip_of(number) : ip6_of(number);
}

std::uint32_t number_in(const ip_address& ip) noexcept {
    if (is_mapped(ip) && low_word(ip) >> 24 == 10)
        return low_word(ip) - private_net;
    // fd00::number
    if (ip[0] == 0xfd && std::all_of(ip.begin() + 1, ip.begin() + mapped, [](std::uint8_t b) { return b == 0; }))
        return low_word(ip);
    return 0;
}

ip_address loopback_ip() noexcept { return map(INADDR_LOOPBACK); }

bool is_loopback(const ip_address& ip) noexcept {
    ip_address one{};
    one[15] = 1;
    return ip == one || (is_mapped(ip) && ip[mapped] == 127);
}

bool is_any(const ip_address& ip) noexcept { return ip == ip_address{} || ip == map(0); }

bool overlap(const endpoint& a, const endpoint& b) noexcept { return is_any(a.ip) || is_any(b.ip) || a.ip == b.ip; }

std::string to_text(const ip_address& ip) {
    std::string text;
    for (std::size_t i = mapped; i < 16; ++i)
        text += (text.empty() ? "" : ".") + std::to_string(ip[i]);
    return text;
}

int parse(const void* address, socklen_t size, endpoint& into) noexcept {
    into = {};
    if (size < sizeof(sa_family_t))
        return -EINVAL;
    std::memcpy(&into.family, address, sizeof into.family);
    if (into.family == AF_INET && size >= sizeof(sockaddr_in)) {
        sockaddr_in in;
        std::memcpy(&in, address, sizeof in);
        into.ip = map(ntohl(in.sin_addr.s_addr));
        into.port = ntohs(in.sin_port);
        return 0;
    }
    if (into.family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
        sockaddr_in6 in;
        std::memcpy(&in, address, sizeof in);
        std::memcpy(into.ip.data(), &in.sin6_addr, into.ip.size());
        into.port = ntohs(in.sin6_port);
        return 0;
    }
    if (into.family == AF_UNIX && size <= sizeof(sockaddr_un)) {
        const char* path = static_cast<const char*>(address) + offsetof(sockaddr_un, sun_path);
        const std::size_t room = size - offsetof(sockaddr_un, sun_path);
        into.path.assign(path, room > 0 && path[0] == '\0' ? room : strnlen(path, room));
        return 0;
    }
    return into.family == AF_INET || into.family == AF_INET6 ? -EINVAL : -EAFNOSUPPORT;
}

void show(const endpoint& what, sa_family_t family, void* into, socklen_t* size) noexcept {
    if (into == nullptr || size == nullptr)
        return;
    union {
        sockaddr_in v4;
        sockaddr_in6 v6;
        sockaddr_un local;
    } out{};
    socklen_t true_size = 0;
    if (family == AF_UNIX) {
        out.local.sun_family = AF_UNIX;
        const std::size_t length = std::min(what.path.size(), sizeof out.local.sun_path);
        std::memcpy(out.local.sun_path, what.path.data(), length);
        const bool ends_in_zero = length > 0 && what.path[0] != '\0' && length < sizeof out.local.sun_path;
        true_size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + ends_in_zero);
    } else if (family == AF_INET) {
        out.v4.sin_family = AF_INET;
        out.v4.sin_port = htons(what.port);
        out.v4.sin_addr.s_addr = htonl(low_word(what.ip));
        true_size = sizeof out.v4;
    } else {
        out.v6.sin6_family = AF_INET6;
        out.v6.sin6_port = htons(what.port);
        // An address that was never set is shown as ::, not as the mapped 0.0.0.0.
        if (!is_any(what.ip))
            std::memcpy(&out.v6.sin6_addr, what.ip.data(), what.ip.size());
        true_size = sizeof out.v6;
    }
    std::memcpy(into, &out, std::min(*size, true_size));
    *size = true_size;
}

}  // namespace ringlet::sim

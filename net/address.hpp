// Where a socket can be reached: an IPv4, IPv6 or UNIX address as a plain value. It holds the very
// bytes that connect(2), bind(2) and sendto(2) take, and is compared, hashed and printed. Names are
// not resolved here (see resolve.hpp); only "%eth0" of a link-local address asks the system.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ringlet::net {

/// A socket address (ip(7), ipv6(7), unix(7)). The default one is unspecified and names nothing.
class address {
public:
    address() noexcept;

    /// "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "unix:/path", "unix:@abstract".
    /// With `default_port` the port may be left out, and then IPv6 needs no brackets.
    /// Throws std::invalid_argument that names the text and what is wrong with it.
    static address parse(std::string_view text, std::optional<std::uint16_t> default_port = {});

    /// A numeric IPv4 or IPv6 host without port or brackets: "127.0.0.1", "::1", "fe80::1%2".
    /// Throws std::invalid_argument; a host name is not resolved.
    static address ip(std::string_view host, std::uint16_t port);
    /// The same, but empty when `host` is no numeric address: how a resolver asks.
    static std::optional<address> try_ip(std::string_view host, std::uint16_t port);

    static address ip4_any(std::uint16_t port) noexcept;
    static address ip6_any(std::uint16_t port) noexcept;
    static address loopback(std::uint16_t port) noexcept;
    static address loopback6(std::uint16_t port) noexcept;

    /// A socket in the file system. The kernel takes 107 bytes and no NUL; else invalid_argument.
    static address unix_path(std::string_view path);
    /// A name in Linux's abstract namespace, any bytes, written without the leading NUL.
    static address unix_abstract(std::string_view name);

    /// A sockaddr that accept(2), getsockname(2) or recvmsg(2) wrote, at any alignment.
    /// Throws std::invalid_argument for other families and for a length that is too short.
    static address from(const void* given, socklen_t length);

    /// AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC for the default address.
    int family() const noexcept { return storage_.any.sa_family; }
    bool is_ip() const noexcept { return family() == AF_INET || family() == AF_INET6; }
    bool is_unix() const noexcept { return family() == AF_UNIX; }

    /// 0 for anything but an IP address.
    std::uint16_t port() const noexcept;
    /// The same host at another port. Throws std::invalid_argument unless is_ip().
    address with_port(std::uint16_t port) const;

    /// The interface index of a link-local IPv6 address, else 0 (RFC 4007).
    std::uint32_t scope_id() const noexcept;
    /// The IP without port and brackets ("::1"), or the UNIX path or name as it is.
    std::string host() const;
    /// What parse() reads; bytes of a UNIX name that are not printable appear as \xNN.
    std::string to_string() const;

    /// For the system calls; valid as long as this object lives and is not assigned to.
    const sockaddr* data() const noexcept { return &storage_.any; }
    socklen_t size() const noexcept { return size_; }

    friend bool operator==(const address& a, const address& b) noexcept { return (a <=> b) == 0; }
    /// By family, then host, then port.
    friend std::strong_ordering operator<=>(const address& a, const address& b) noexcept;

    std::size_t hash() const noexcept;

private:
    std::string_view unix_name() const noexcept;  // with the leading NUL if abstract
    std::string_view host_bytes() const noexcept;

    union storage {
        sockaddr any;
        sockaddr_in ip4;
        sockaddr_in6 ip6;
        sockaddr_un un;
    };
    storage storage_;
    socklen_t size_;
};

}  // namespace ringlet::net

template <>
struct std::hash<ringlet::net::address> {
    std::size_t operator()(const ringlet::net::address& a) const noexcept { return a.hash(); }
};

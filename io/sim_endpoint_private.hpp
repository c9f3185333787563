#pragma once
// Addresses as the simulated network knows them. IPv4 is kept in its mapped form (::ffff:a.b.c.d), so
// that one table serves both families; the family of the socket decides how it is shown.

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>

namespace ringlet::sim {

using ip_address = std::array<std::uint8_t, 16>;

struct endpoint {
    sa_family_t family = AF_UNSPEC;
    ip_address ip{};
    std::uint16_t port = 0;
    std::string path;  // of a UNIX socket; an abstract one begins with a zero byte

    bool operator==(const endpoint&) const = default;
};

/// The address of machine `number`, 10.0.0.0 + number.
ip_address ip_of(std::uint32_t number) noexcept;
/// fd00::number.
ip_address ip6_of(std::uint32_t number) noexcept;
/// The one of the two that is of the family of `other`.
ip_address ip_like(const ip_address& other, std::uint32_t number) noexcept;
/// The number in such an address, or 0.
std::uint32_t number_in(const ip_address& ip) noexcept;
ip_address loopback_ip() noexcept;
bool is_loopback(const ip_address& ip) noexcept;
bool is_any(const ip_address& ip) noexcept;
/// Whether two sockets with these addresses would meet at the same port.
bool overlap(const endpoint& a, const endpoint& b) noexcept;
std::string to_text(const ip_address& ip);

/// 0, or a negative errno: what bind(2) and connect(2) say to an address they cannot take.
int parse(const void* address, socklen_t size, endpoint& into) noexcept;

/// Writes it as a socket of `family` shows it. `size` is the room at first, its true size afterwards.
void show(const endpoint& what, sa_family_t family, void* into, socklen_t* size) noexcept;

}  // namespace ringlet::sim

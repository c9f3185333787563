#include <ringlet/net/address_order_private.hpp>

#include <ringlet/io/at_once.hpp>
#include <ringlet/io/fd.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace ringlet::net::detail {
namespace {

using ip6_bytes = std::array<std::uint8_t, 16>;

/// IPv4 as ::ffff:a.b.c.d, as the RFC's tables have it.
ip6_bytes bytes_of(const address& a) {
    ip6_bytes bytes{};
    if (a.family() == AF_INET6) {
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(a.data())->sin6_addr, 16);
    } else {
        bytes[10] = bytes[11] = 0xff;
        std::memcpy(&bytes[12], &reinterpret_cast<const sockaddr_in*>(a.data())->sin_addr, 4);
    }
    return bytes;
}

unsigned common_prefix(const ip6_bytes& a, const ip6_bytes& b) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const auto differing = static_cast<std::uint8_t>(a[i] ^ b[i]);
        bits += static_cast<unsigned>(std::countl_zero(differing));
        if (differing != 0)
            break;
    }
    return bits;
}

struct policy {
    ip6_bytes prefix;
    unsigned length;
    int precedence;
    int label;
};

/// RFC 6724 section 2.1, longest prefixes first.
constexpr std::array policies{
    policy{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, 50, 0},
    policy{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 35, 4},
    policy{{}, 96, 1, 3},
    policy{{0x20, 0x01}, 32, 5, 5},
    policy{{0x20, 0x02}, 16, 30, 2},
    policy{{0x3f, 0xfe}, 16, 1, 12},
    policy{{0xfe, 0xc0}, 10, 1, 11},
    policy{{0xfc}, 7, 3, 13},
    policy{{}, 0, 40, 1},
};

const policy& policy_of(const ip6_bytes& bytes) {
    return *std::ranges::find_if(policies,
                                 [&](const policy& p) { return common_prefix(p.prefix, bytes) >= p.length; });
}

/// RFC 6724 section 3.1 and 3.2, in the numbers of multicast scopes.
int scope_of(const ip6_bytes& b) {
    constexpr int link_local = 2, site_local = 5, global = 14;
    const policy& p = policy_of(b);
    if (p.label == 4)  // IPv4
        return b[12] == 127 || (b[12] == 169 && b[13] == 254) ? link_local : global;
    if (b[0] == 0xff)
        return b[1] & 0xf;
    if (p.precedence == 50 || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80))
        return link_local;
    return b[0] == 0xfe && (b[1] & 0xc0) == 0xc0 ? site_local : global;
}

/// What the rules compare, in their order; the smaller is better.
class rank {
public:
    rank(const route& r, std::size_t place_before) : destination(r.destination), place(place_before) {
        const ip6_bytes to = bytes_of(r.destination);
        const policy& p = policy_of(to);
        precedence = -p.precedence;
        scope = scope_of(to);
        if (!r.source)
            return;
        const ip6_bytes from = bytes_of(*r.source);
        unreachable = false;
        other_scope = scope_of(from) != scope;
        other_label = policy_of(from).label != p.label;
        // Only the network's half counts (section 2.2). For IPv4 nearness in numbers means nothing.
        if (r.destination.family() == AF_INET6)
            nearness = -static_cast<int>(std::min(common_prefix(to, from), 64U));
    }

    bool before(const rank& other) const {
        if (unreachable != other.unreachable)
            return other.unreachable;
        if (other_scope != other.other_scope)
            return other.other_scope;
        if (other_label != other.other_label)
            return other.other_label;
        if (precedence != other.precedence)
            return precedence < other.precedence;
        if (scope != other.scope)
            return scope < other.scope;
        if (nearness != other.nearness)
            return nearness < other.nearness;
        return place < other.place;
    }

    address destination;
    std::size_t place;
    int precedence = 0;
    int scope = 0;
    int nearness = 0;
    bool unreachable = true;
    bool other_scope = true;
    bool other_label = true;
};

/// Connecting a datagram socket only makes the kernel choose a route.
std::optional<address> source_for(const address& to) {
    const io::fd fd(io::socket_now(to.family(), SOCK_DGRAM | SOCK_CLOEXEC));
    const address there = to.with_port(1);
    sockaddr_storage here;
    socklen_t size = sizeof here;
    if (!fd || io::connect_now(fd.get(), there.data(), there.size()) < 0 ||
        io::getsockname_now(fd.get(), reinterpret_cast<sockaddr*>(&here), &size) < 0)
        return std::nullopt;
    return address::from(&here, size);
}

}  // namespace

std::vector<address> ordered(std::vector<route> routes) {
    std::vector<rank> ranks;
    ranks.reserve(routes.size());
    for (const route& each : routes)
        ranks.emplace_back(each, ranks.size());
    std::ranges::sort(ranks, [](const rank& a, const rank& b) { return a.before(b); });
    std::vector<address> best_first;
    best_first.reserve(ranks.size());
    for (const rank& each : ranks)
        best_first.push_back(each.destination);
    return best_first;
}

std::vector<address> ordered(std::vector<address> destinations) {
    if (destinations.size() < 2)
        return destinations;
    std::vector<route> routes;
    routes.reserve(destinations.size());
    for (const address& each : destinations)
        routes.emplace_back(each, source_for(each));
    return ordered(std::move(routes));
}

}  // namespace ringlet::net::detail

#pragma once
// Which of a host's addresses to try first: destination address selection (RFC 6724 section 6), what
// getaddrinfo does. Rules 3, 4 and 7 are left out: they need to know what only netlink tells.

#include <ringlet/net/address.hpp>

#include <optional>
#include <vector>

namespace ringlet::net::detail {

/// An address to be reached, and from which of ours; empty when there is no way.
class route {
public:
    route(const address& to, const std::optional<address>& from) : destination(to), source(from) {}
    address destination;
    std::optional<address> source;
};

/// Best first; those that are equally good keep their order.
std::vector<address> ordered(std::vector<route> routes);

/// The same, asking the system for the sources. No packet is sent.
std::vector<address> ordered(std::vector<address> destinations);

}  // namespace ringlet::net::detail

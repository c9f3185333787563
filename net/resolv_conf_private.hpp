#pragma once
// What resolv.conf(5) says: which name servers to ask, how patiently, and in which domains short names
// are looked for.

#include <ringlet/core/time.hpp>
#include <ringlet/net/address.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ringlet::net::detail {

class resolv_conf {
public:
    resolv_conf() = default;
    std::vector<address> servers;
    std::vector<std::string> domains;
    duration timeout = 5s;
    int tries = 2;
    int ndots = 1;
};

/// What makes no sense is skipped; what is too large is cut to what resolv.conf(5) allows. Without a
/// name server it is the one on this machine.
resolv_conf parse_resolv_conf(std::string_view text);

/// The names to ask for when somebody says `name`, in that order. One that ends in a dot is complete.
std::vector<std::string> candidates(const std::string& name, const std::vector<std::string>& domains, int ndots);

}  // namespace ringlet::net::detail

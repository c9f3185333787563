#pragma once
// The hosts file (hosts(5)): names that need no name server. It is read again when it has changed.

#include <ringlet/net/address.hpp>
#include <ringlet/net/watched_file_private.hpp>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ringlet::net::detail {

/// From a name in lower case to its addresses, in the order of the file. Lines and words that make no
/// sense are skipped, as everybody who reads this file does.
using hosts = std::unordered_map<std::string, std::vector<address>>;
hosts parse_hosts(std::string_view text);

class hosts_file {
public:
    explicit hosts_file(std::string path) : file_(std::move(path)) {}

    /// The addresses of a name in lower case; empty when it is not there.
    const std::vector<address>& find(const std::string& name);

private:
    watched_file file_;
    hosts entries_;
};

}  // namespace ringlet::net::detail

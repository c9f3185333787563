#pragma once
// The seam between the resolver and who is asked: name servers by resolve_ares.cpp, or libc by
// resolve_getaddrinfo.cpp, which is all there is in a build without c-ares. The hosts file, the search list, the cache, merging, the order of the
// addresses and the limit on what is in flight are the resolver's, and so common to every backend.

#include <ringlet/core/time.hpp>
#include <ringlet/net/address.hpp>

#include <netdb.h>

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace ringlet::net::detail {

/// What became of a question: addresses (port 0, in the order in which they came), or why not.
class name_answer {
public:
    name_answer() = default;
    std::vector<address> addresses;
    std::error_code error;
    duration keep{0};  ///< for how long it stays true; zero: it must not be remembered
    std::optional<address> rescuer;  ///< the server that answered after others had been silent
};

class name_asker {
public:
    /// Called once, and never from within ask(); the asker destroys the query before it returns.
    virtual void answered(name_answer answer) noexcept = 0;

protected:
    ~name_asker() = default;
};

class query_settings {
public:
    query_settings() = default;
    std::vector<address> servers;
    duration timeout{0};  ///< of the first try
    int tries = 1;  ///< of each server
    duration patience{0};  ///< for the second family, once the first is there
};

/// A question under way. Destroying it ends it: no answer comes, and what it had open is closed.
class name_query {
public:
    virtual ~name_query() = default;
};

/// Asks for the addresses of a complete name. `asker` and `settings` must outlive the query.
std::unique_ptr<name_query> ask_cares(const std::string& name, int family, const query_settings& settings,
                                      name_asker& asker);

/// The same of libc, in whose hands the search list is too. `lookup` is getaddrinfo(3), but for tests.
using lookup_function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
std::unique_ptr<name_query> ask_getaddrinfo(const std::string& name, int family, name_asker& asker,
                                            lookup_function lookup = &::getaddrinfo);

}  // namespace ringlet::net::detail

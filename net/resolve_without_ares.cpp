// A build without c-ares asks libc instead.
#include <ringlet/net/name_query_private.hpp>

namespace ringlet::net::detail {

std::unique_ptr<name_query> ask_cares(const std::string& name, int family, const query_settings&, name_asker& asker) {
    return ask_getaddrinfo(name, family, asker);
}

}  // namespace ringlet::net::detail

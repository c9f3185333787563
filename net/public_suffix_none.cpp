#include <ringlet/net/public_suffix_private.hpp>

namespace ringlet::net::detail {

bool is_public_suffix(const std::string& domain) { return domain.find('.') == domain.npos; }

}  // namespace ringlet::net::detail

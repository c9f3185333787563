#include <ringlet/net/public_suffix_private.hpp>

#include <libpsl.h>

namespace ringlet::net::detail {

bool is_public_suffix(const std::string& domain) {
    static const psl_ctx_t* const list = psl_builtin();
    return list == nullptr ? domain.find('.') == domain.npos : psl_is_public_suffix(list, domain.c_str()) != 0;
}

}  // namespace ringlet::net::detail

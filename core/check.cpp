#include <ringlet/core/check.hpp>

#include <cstdio>
#include <cstdlib>

namespace ringlet {

void check_failed(const char* what, std::source_location where) noexcept {
    std::fprintf(stderr, "ringlet: broken invariant: %s (%s:%u, %s)\n", what, where.file_name(), where.line(),
                 where.function_name());
    std::abort();
}

}  // namespace ringlet

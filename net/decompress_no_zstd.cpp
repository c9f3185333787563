#include <ringlet/net/decompress_private.hpp>

namespace ringlet::http::detail {

std::unique_ptr<coder> make_zstd() { return nullptr; }

}  // namespace ringlet::http::detail

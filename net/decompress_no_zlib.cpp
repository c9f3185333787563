#include <ringlet/net/decompress_private.hpp>

namespace ringlet::http::detail {

std::unique_ptr<coder> make_gzip() { return nullptr; }
std::unique_ptr<coder> make_deflate() { return nullptr; }

}  // namespace ringlet::http::detail

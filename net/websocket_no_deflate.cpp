// Without zlib no message is compressed.
#include <ringlet/net/websocket_deflate_private.hpp>

namespace ringlet::http::detail {

struct message_deflater::stream {};
struct message_inflater::stream {};

bool can_deflate() noexcept { return false; }

message_deflater::message_deflater(int window_bits, bool forgets) noexcept : bits_(window_bits), forgets_(forgets) {}
message_deflater::~message_deflater() = default;
std::string message_deflater::deflate(std::string_view message) { return std::string(message); }

message_inflater::message_inflater(int window_bits, bool forgets) noexcept : bits_(window_bits), forgets_(forgets) {}
message_inflater::~message_inflater() = default;
message_inflater::verdict message_inflater::inflate(std::string_view, std::size_t, std::string&) {
    return verdict::malformed;
}

}  // namespace ringlet::http::detail

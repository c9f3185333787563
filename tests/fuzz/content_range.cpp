// What a server says of the part it sends must make sense before it is believed.
#include <ringlet/net/http_range_private.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto range = ringlet::http::detail::parse_content_range({reinterpret_cast<const char*>(data), size});
    if (!range)
        return 0;
    if (range->satisfied ? range->first > range->last || (range->total && range->last >= *range->total)
                         : !range->total)
        std::abort();
    return 0;
}

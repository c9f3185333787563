// Whatever the bytes and whatever they claim to be, their text is UTF-8.
#include <ringlet/net/http_text.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace ringlet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const auto cut = std::min(all.find('\n'), all.size());
    const auto body = all.substr(std::min(cut + 1, all.size()));
    (void)http::charset_of(all.substr(0, cut));
    static const http::fields none;
    if (!http::is_utf8(http::to_utf8(body, "utf-8")))
        std::abort();
    if (!http::is_utf8(http::to_utf8(body, "shift_jis")))
        std::abort();
    const std::string encoding = http::encoding_of(none, body);
    if (encoding.size() < 40 && !http::is_utf8(http::to_utf8(body, encoding)))
        std::abort();
    return 0;
}

// Responses, also those to HEAD and CONNECT: the verdict does not depend on the cut.
#include "http_fuzz.hpp"

using namespace ringlet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    if (size < 4)
        return 0;
    const bool small = (data[0] & 1) != 0;
    const auto bytes = all.substr(4);
    const auto before = [&](http::parser& p) {
        if ((data[0] & 2) != 0)
            p.expect_no_body();
        if ((data[0] & 4) != 0)
            p.expect_tunnel();
    };
    const auto check = [](const http::parser& p) {
        fuzz::require(p.head().status() >= 100 && p.head().status() <= 999);
        fuzz::require(!(p.head().chunked() && p.head().content_length()));
    };
    const auto whole = fuzz::read(http::reads::responses, small, bytes, {}, before, check);
    fuzz::require(whole == fuzz::read(http::reads::responses, small, bytes, all.substr(1, 3), before, check));
    fuzz::require(whole == fuzz::read(http::reads::responses, small, bytes, "\x01", before, check));
    return 0;
}

// Requests: the verdict does not depend on the cut, and what was accepted can be written again and
// means the same to a second reader. The first byte chooses limits and cuts.
#include "http_fuzz.hpp"

using namespace ringlet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    if (size < 4)
        return 0;
    const bool small = (data[0] & 1) != 0;
    const auto bytes = all.substr(4);
    const auto nothing = [](auto&) {};
    const auto rewrite = [](const http::parser& p) {
        const auto& h = p.head();
        const auto size_of_body =
            h.chunked() ? http::body_size::chunked() : http::body_size::exactly(h.content_length().value_or(0));
        auto fields = h.fields();
        fields.remove("content-length");
        fields.remove("host");
        std::string out;
        // Only HTTP/1.0 can do without a Host, which is written all the same.
        http::append_request(out, h.method(), h.target(), h.get("host").value_or("h"), fields, size_of_body);
        auto wide = http::limits();
        wide.start_line = wide.field_line = wide.fields = 1 << 20;
        wide.field_count = 1000;
        http::parser second(http::reads::requests, wide);
        fuzz::require(second.feed(out).kind == http::event::head);
        fuzz::require(second.head().method() == h.method() && second.head().target() == h.target());
        fuzz::require(second.head().chunked() == h.chunked() &&
                      second.head().content_length().value_or(0) == h.content_length().value_or(0));
    };
    const auto whole = fuzz::read(http::reads::requests, small, bytes, {}, nothing, rewrite);
    fuzz::require(whole == fuzz::read(http::reads::requests, small, bytes, all.substr(1, 3), nothing, nothing));
    fuzz::require(whole == fuzz::read(http::reads::requests, small, bytes, "\x01", nothing, nothing));
    return 0;
}

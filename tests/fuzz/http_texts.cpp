// The small texts that a server reads beside the head: ranges, dates, tags, paths, queries. What comes out
// must make sense, and two ways to ask the same must agree. The first byte chooses which.
#include "http_fuzz.hpp"

#include <ringlet/net/http_byte_ranges.hpp>
#include <ringlet/net/http_conditions.hpp>
#include <ringlet/net/http_date.hpp>
#include <ringlet/net/http_router.hpp>

using namespace ringlet;
using fuzz::require;

namespace {

void try_ranges(std::string_view text, std::uint64_t size) {
    std::vector<http::byte_range> parts;
    const http::ranges which = http::parse_ranges(text, size, parts);
    require((which == http::ranges::some) == !parts.empty());
    std::uint64_t together = 0;
    for (const http::byte_range& part : parts) {
        require(part.first <= part.last && part.last < size);
        together += part.size();
    }
    require(parts.size() <= 16 && together <= size);
}

void try_date(std::string_view text) {
    if (const auto when = http::parse_date(text))
        require(http::parse_date(http::format_date(*when)) == when);
}

void try_path(std::string_view path) {
    static const http::router routes = [] {
        http::router r;
        for (const std::string_view pattern : {"/", "/a", "/a/{x}", "/{x}/b/{rest...}", "/a/{x}/{y}/c", "/{all...}"})
            r.add("GET", pattern, [](http::request&, http::response_writer&) -> task<> { co_return; });
        return r;
    }();
    http::route_match found;
    routes.find("GET", path, found);
    require((found.answer != nullptr) == path.starts_with('/'));
    for (std::size_t i = 0; i < found.parameters.size(); ++i)
        require(path.find(found.parameters[i].value) != path.npos);
    routes.find("PUT", path, found);
    require(found.answer == nullptr);
}

void try_decoding(std::string_view text) {
    const std::string decoded = http::percent_decode(text);
    require(http::percent_decodes_to(text, decoded));
    require(!http::percent_decodes_to(text, decoded + "x"));
    http::form_value(text, "a");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 5) {
        case 0: try_ranges(text, data[0]); break;
        case 1: try_date(text); break;
        case 2: try_path(text); break;
        case 3: try_decoding(text); break;
        default: {
            http::fields asked;
            if (text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos)
                asked.add("If-None-Match", text);
            http::judge_conditions("GET", asked, {"\"a\"", 0});
            http::range_counts(asked, {"\"a\"", 0});
        }
    }
    return 0;
}

// Any bytes as the beginning of a connection: what is asked for ends, and what is accepted has an end.
#include <ringlet/net/proxy_header.hpp>

#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace ringlet::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string got;
    try {
        std::size_t at = 0;
        while (const std::size_t more = proxy_header_needs(got)) {
            if (more > size - at)
                return 0;
            got.append(reinterpret_cast<const char*>(data) + at, more);
            at += more;
            if (got.size() > 4096)
                std::abort();
        }
        // A heap copy of the exact size, so that one byte too far is seen.
        const std::vector<char> exact(got.begin(), got.end());
        const proxy_header header = parse_proxy_header({exact.data(), exact.size()});
        if (header.source && header.source->to_string().empty())
            std::abort();
    } catch (const proxy_header_error&) {}
    return 0;
}

// Any text and any bytes from a "kernel": what is accepted prints to a text that reads back the same.
#include <ringlet/net/address.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using ringlet::net::address;

namespace {

void check(const address& a) {
    if (a.is_ip() && address::parse(a.to_string()) != a)
        std::abort();
    const auto copy = address::from(a.data(), a.size());
    if (copy != a || copy.hash() != a.hash() || copy.to_string() != a.to_string())
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        check(address::parse(text));
    } catch (const std::invalid_argument&) {}
    try {
        check(address::parse(text, 80));
    } catch (const std::invalid_argument&) {}
    // A heap copy of the exact size, so that one byte too far is seen; unaligned on purpose.
    std::vector<std::uint8_t> raw(1);
    raw.insert(raw.end(), data, data + size);
    raw.shrink_to_fit();
    try {
        check(address::from(raw.data() + 1, static_cast<socklen_t>(size)));
    } catch (const std::invalid_argument&) {}
    return 0;
}

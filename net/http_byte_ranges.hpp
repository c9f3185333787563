#pragma once
// Parts of a resource: the Range field (RFC 9110 section 14), as pure functions of text.

#include <cstdint>
#include <string_view>
#include <vector>

namespace ringlet::http {

/// From the first to the last byte, both included.
struct byte_range {
    std::uint64_t first = 0, last = 0;
    std::uint64_t size() const noexcept { return last - first + 1; }
    friend bool operator==(const byte_range&, const byte_range&) = default;
};

enum class ranges {
    all,  // the field says nothing that binds us: send everything (200)
    some,  // send these (206)
    none,  // nothing of what was asked for exists (416)
};

/// What a Range field asks of `size` bytes. Parts that do not exist are left out. More than 16 parts, or
/// parts that overlap so that they make more than the whole, are an attack or a mistake: all.
ranges parse_ranges(std::string_view field, std::uint64_t size, std::vector<byte_range>& parts);

}  // namespace ringlet::http

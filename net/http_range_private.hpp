#pragma once
// Parts of files (RFC 9110 section 14), as a client reads them.

#include <ringlet/net/http_fields.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringlet::http::detail {

struct content_range {
    bool satisfied = false;  // else only the total is said, as in "bytes */100"
    std::uint64_t first = 0, last = 0;
    std::optional<std::uint64_t> total;
};

/// "bytes 0-99/200"; empty if it is nothing sound.
std::optional<content_range> parse_content_range(std::string_view text);

/// What an If-Range may hold (section 13.1.5): an ETag that is not weak, or a date by which the file had not
/// changed for a minute. Empty if there is neither.
std::string strong_validator(const fields& f);

}  // namespace ringlet::http::detail

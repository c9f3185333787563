#include <ringlet/net/http_byte_ranges.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>

#include "ascii_private.hpp"

namespace ringlet::http {
namespace {

constexpr std::size_t most_parts = 16;

/// Numbers too large for us are larger than any file.
std::optional<std::uint64_t> number_of(std::string_view digits) {
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), net::ascii::is_digit))
        return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc{} ? value : UINT64_MAX;
}

/// "0-499", "500-" or "-500". False when it is none of these.
bool add_part(std::string_view text, std::uint64_t size, std::vector<byte_range>& parts) {
    const auto dash = text.find('-');
    if (dash == text.npos)
        return false;
    const auto first = number_of(text.substr(0, dash)), last = number_of(text.substr(dash + 1));
    if (dash == 0) {
        if (!last)
            return false;
        if (*last > 0 && size > 0)
            parts.push_back({size - std::min(*last, size), size - 1});
        return true;
    }
    if (!first || (!last && dash + 1 < text.size()) || (last && *last < *first))
        return false;
    if (*first < size)
        parts.push_back({*first, std::min(last.value_or(UINT64_MAX), size - 1)});
    return true;
}

}  // namespace

ranges parse_ranges(std::string_view field, std::uint64_t size, std::vector<byte_range>& parts) {
    parts.clear();
    const auto equals = field.find('=');
    if (equals == field.npos || !net::ascii::iequals(net::ascii::trim(field.substr(0, equals)), "bytes"))
        return ranges::all;
    std::string_view list = field.substr(equals + 1);
    bool any = false;
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        const std::string_view member = net::ascii::trim(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
        if (member.empty())
            continue;
        if (!add_part(member, size, parts) || parts.size() > most_parts) {
            parts.clear();
            return ranges::all;
        }
        any = true;
    }
    if (!any)
        return ranges::all;
    std::uint64_t together = 0;
    for (const byte_range& part : parts)
        together += part.size();  // at most 16 times a size that a file can have
    if (parts.size() > 1 && together > size) {
        parts.clear();
        return ranges::all;
    }
    return parts.empty() ? ranges::none : ranges::some;
}

}  // namespace ringlet::http

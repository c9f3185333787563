// Byte classes and comparisons for protocols that are ASCII whatever the locale says.
// <cctype> is not used in net/: its answers depend on setlocale and it is undefined for
// negative chars. Everything here is constexpr and takes the bytes as they come.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace ringlet::net::ascii {

static_assert(std::endian::native == std::endian::little, "the first byte of a word is its lowest");

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_alpha(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

/// The value of a hexadecimal digit, -1 if `c` is none.
constexpr int hex_value(char c) {
    if (is_digit(c))
        return c - '0';
    const char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}
constexpr bool is_hex(char c) { return hex_value(c) >= 0; }

constexpr bool is_ascii(std::string_view s) {
    for (const char c : s)
        if (static_cast<unsigned char>(c) >= 0x80)
            return false;
    return true;
}

/// C0 controls and DEL.
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Where, from `at` on, the first control character is; the size if there is none. Eight bytes at a time.
inline std::size_t find_control(std::string_view s, std::size_t at = 0) {
    constexpr std::uint64_t ones = ~std::uint64_t{0} / 255, tops = ones << 7;
    for (; s.size() - at >= 8; at += 8) {
        std::uint64_t bytes;
        std::memcpy(&bytes, s.data() + at, 8);
        const std::uint64_t is_low = bytes - ones * 0x20, is_del = (bytes ^ (ones * 0x7f)) - ones;
        // A borrow can mark bytes above one that was found, so the lowest mark is a true one.
        if (const auto found = ((is_low & ~bytes) | (is_del & ~(bytes ^ (ones * 0x7f)))) & tops; found != 0)
            return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
    while (at < s.size() && !is_control(s[at]))
        ++at;
    return at;
}

/// `tchar`, what methods and field names are made of (RFC 9110 section 5.6.2).
constexpr bool is_token_char(char c) {
    return is_digit(c) || is_alpha(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// As is_token_char, by one table look-up: header parsing asks it for every byte of a name.
struct token_table {
    bool is[256]{};
    constexpr token_table() {
        for (unsigned i = 0; i < 128; ++i)
            is[i] = is_token_char(static_cast<char>(i));
    }
};
inline constexpr token_table token_chars;

constexpr bool is_token(std::string_view s) {
    for (const char c : s)
        if (!token_chars.is[static_cast<unsigned char>(c)])
            return false;
    return !s.empty();
}

/// Eight bytes at a time, the upper-case letters among them made lower.
inline std::uint64_t lower_word(const char* at) {
    constexpr std::uint64_t ones = ~std::uint64_t{0} / 255, tops = ones << 7;
    std::uint64_t bytes;
    std::memcpy(&bytes, at, 8);
    const std::uint64_t sevens = bytes & ~tops;
    const std::uint64_t from_a = sevens + ones * (0x80 - 'A'), behind_z = sevens + ones * (0x7f - 'Z');
    return bytes | (((from_a ^ behind_z) & ~bytes & tops) >> 2);
}

constexpr bool iequals(std::string_view a, std::string_view b) {
    if (a.size() != b.size())
        return false;
    std::size_t i = 0;
    if (!std::is_constant_evaluated())
        for (; a.size() - i >= 8; i += 8)
            if (lower_word(a.data() + i) != lower_word(b.data() + i))
                return false;
    for (; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Without the optional white space (RFC 9110 section 5.6.3) at both ends.
constexpr std::string_view trim(std::string_view s) {
    while (!s.empty() && is_blank(s.front()))
        s.remove_prefix(1);
    while (!s.empty() && is_blank(s.back()))
        s.remove_suffix(1);
    return s;
}

/// Foreign bytes fit for an error message or a log: what is not printable ASCII becomes \xNN, and
/// what is long is cut, so that hostile input can neither forge log lines nor flood them.
inline std::string printable(std::string_view s, std::size_t most = 80) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : s.substr(0, most)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    if (s.size() > most)
        out += "...";
    return out;
}

}  // namespace ringlet::net::ascii

// RFC 6265 section 5.1.1: a date is cut into tokens, and the first token that looks like a time, a day, a
// month or a year is it, in whatever order they come.
#include <ringlet/net/cookies.hpp>

#include <ringlet/net/ascii_private.hpp>

namespace ringlet::http {
namespace {

using net::ascii::is_digit;

bool is_delimiter(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x09 || (byte >= 0x20 && byte <= 0x2f) || (byte >= 0x3b && byte <= 0x40) ||
           (byte >= 0x5b && byte <= 0x60) || (byte >= 0x7b && byte <= 0x7e);
}

/// The number of `least` to `most` digits that `text` begins with, which is cut off; what follows is no digit.
std::optional<int> cut_number(std::string_view& text, std::size_t least, std::size_t most) {
    std::size_t digits = 0;
    int value = 0;
    while (digits < text.size() && is_digit(text[digits])) {
        if (++digits > most)
            return std::nullopt;
        value = value * 10 + (text[digits - 1] - '0');
    }
    if (digits < least)
        return std::nullopt;
    text.remove_prefix(digits);
    return value;
}

struct clock_time {
    int hour = 0, minute = 0, second = 0;
};

std::optional<clock_time> time_in(std::string_view token) {
    const auto hour = cut_number(token, 1, 2);
    if (!hour || !token.starts_with(':'))
        return std::nullopt;
    token.remove_prefix(1);
    const auto minute = cut_number(token, 1, 2);
    if (!minute || !token.starts_with(':'))
        return std::nullopt;
    token.remove_prefix(1);
    const auto second = cut_number(token, 1, 2);
    if (!second)
        return std::nullopt;
    return clock_time{*hour, *minute, *second};
}

std::optional<int> month_in(std::string_view token) {
    constexpr std::string_view names = "janfebmaraprmayjunjulaugsepoctnovdec";
    if (token.size() < 3)
        return std::nullopt;
    for (int i = 0; i < 12; ++i)
        if (net::ascii::iequals(token.substr(0, 3), names.substr(3 * static_cast<std::size_t>(i), 3)))
            return i;
    return std::nullopt;
}

/// Days from 1970-01-01 in the Gregorian calendar; March is the first month, so that a leap day is the last.
std::int64_t days_from_civil(int year, int month, int day) {
    const int y = month < 2 ? year - 1 : year;
    const int m = (month + 10) % 12;
    return std::int64_t{365} * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

int days_of(int year, int month) {
    constexpr int usual[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return usual[month] + (month == 1 && leap ? 1 : 0);
}

struct found_parts {
    std::optional<clock_time> time;
    std::optional<int> day, month, year;

    void judge(std::string_view token) {
        if (!time && (time = time_in(token)))
            return;
        std::string_view rest = token;
        if (!day && (day = cut_number(rest, 1, 2)))
            return;
        if (!month && (month = month_in(token)))
            return;
        if (!year)
            year = cut_number(token, 2, 4);
    }
};

}  // namespace

std::optional<std::time_t> parse_cookie_date(std::string_view text) {
    found_parts parts;
    while (!text.empty()) {
        std::size_t end = 0;
        while (end < text.size() && !is_delimiter(text[end]))
            ++end;
        if (end > 0)
            parts.judge(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (!parts.time || !parts.day || !parts.month || !parts.year)
        return std::nullopt;
    int year = *parts.year;
    if (year >= 70 && year <= 99)
        year += 1900;
    else if (year >= 0 && year <= 69)
        year += 2000;
    const auto [hour, minute, second] = *parts.time;
    if (year < 1601 || *parts.day < 1 || *parts.day > days_of(year, *parts.month) || hour > 23 || minute > 59 ||
        second > 59)
        return std::nullopt;
    return static_cast<std::time_t>(days_from_civil(year, *parts.month, *parts.day) * 86400 + hour * 3600 +
                                    minute * 60 + second);
}

}  // namespace ringlet::http

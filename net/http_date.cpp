#include <ringlet/net/http_date.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>

#include "ascii_private.hpp"

namespace ringlet::http {
namespace {

// Not strftime and strptime: the names must not depend on setlocale.
constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads a text from left to right; once something is missing it stays failed.
class reader {
public:
    explicit reader(std::string_view text) : text_(text) {}

    void expect(std::string_view what) {
        failed_ = failed_ || !text_.starts_with(what);
        skip(what.size());
    }
    int digits(std::size_t count) {
        int value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            failed_ = failed_ || i >= text_.size() || !net::ascii::is_digit(text_[i]);
            value = failed_ ? 0 : value * 10 + (text_[i] - '0');
        }
        skip(count);
        return value;
    }
    int month() {
        const auto found = std::find(months.begin(), months.end(), text_.substr(0, 3));
        failed_ = failed_ || found == months.end();
        skip(3);
        return static_cast<int>(found - months.begin());
    }
    void time(std::tm& t) {
        t.tm_hour = digits(2);
        expect(":");
        t.tm_min = digits(2);
        expect(":");
        t.tm_sec = digits(2);
    }
    bool next_is(char c) const { return text_.starts_with(c); }
    bool done() const { return !failed_ && text_.empty(); }

private:
    void skip(std::size_t count) { text_.remove_prefix(std::min(count, text_.size())); }

    std::string_view text_;
    bool failed_ = false;
};

}  // namespace

std::string format_date(std::time_t when) {
    std::tm t{};
    gmtime_r(&when, &t);
    char text[64];
    const int size = std::snprintf(
        text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[static_cast<std::size_t>(t.tm_wday)],
        t.tm_mday, months[static_cast<std::size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    return {text, static_cast<std::size_t>(size)};
}

std::optional<std::time_t> parse_date(std::string_view text) {
    std::tm t{};
    const auto comma = text.find(',');
    reader r(comma == text.npos ? text.substr(std::min<std::size_t>(3, text.size())) : text.substr(comma + 1));
    r.expect(" ");
    if (comma == text.npos) {  // asctime
        t.tm_mon = r.month();
        r.expect(" ");
        const bool one_digit = r.next_is(' ');
        if (one_digit)
            r.expect(" ");
        t.tm_mday = r.digits(one_digit ? 1 : 2);
        r.expect(" ");
        r.time(t);
        r.expect(" ");
        t.tm_year = r.digits(4) - 1900;
    } else {
        t.tm_mday = r.digits(2);
        const bool dashes = r.next_is('-');
        const std::string_view between = dashes ? "-" : " ";
        r.expect(between);
        t.tm_mon = r.month();
        r.expect(between);
        // Two digits mean the past century from 70 on, as everywhere.
        t.tm_year = dashes ? r.digits(2) : r.digits(4) - 1900;
        if (dashes && t.tm_year < 70)
            t.tm_year += 100;
        r.expect(" ");
        r.time(t);
        r.expect(" GMT");
    }
    if (!r.done() || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60)
        return std::nullopt;
    return timegm(&t);
}

std::string_view date_cache::line(time_point now) {
    if (now >= until_) {
        timespec wall{};  // no timing depends on it
        ::clock_gettime(CLOCK_REALTIME, &wall);
        until_ = after(now, 1s - std::chrono::nanoseconds(wall.tv_nsec));
        line_ = "Date: " + format_date(wall.tv_sec) + "\r\n";
    }
    return line_;
}

}  // namespace ringlet::http

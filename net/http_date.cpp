#include <ringlet/net/http_date.hpp>

#include <cstdio>

namespace ringlet::http {

std::string format_date(std::time_t when) {
    // Not strftime: the names of days and months must not depend on setlocale.
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm t{};
    gmtime_r(&when, &t);
    char text[64];
    const int size = std::snprintf(text, sizeof text, "%s, %02d %s %d %02d:%02d:%02d GMT", days[t.tm_wday],
                                   t.tm_mday, months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    return {text, static_cast<std::size_t>(size)};
}

std::string_view date_cache::line() {
    const std::time_t now = std::time(nullptr);  // the wall clock; no timing depends on it
    if (now != second_) {
        second_ = now;
        line_ = "Date: " + format_date(now) + "\r\n";
    }
    return line_;
}

}  // namespace ringlet::http

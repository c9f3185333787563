#pragma once
// The Date field of the responses that leave in one second (RFC 9110 section 6.6.1): formatting it
// costs more than all the rest of a small head, so each loop does it once a second.

#include <ringlet/core/time.hpp>

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace ringlet::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string format_date(std::time_t when);

/// The three forms of RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT",
/// "Sunday, 06-Nov-94 08:49:37 GMT" and "Sun Nov  6 08:49:37 1994". The day of the week is not checked.
std::optional<std::time_t> parse_date(std::string_view text);

/// A service of the loop.
class date_cache {
public:
    /// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"; valid until the next call. `now` is the time of the loop:
    /// the wall clock is asked only when its next second has begun.
    std::string_view line(time_point now);

private:
    time_point until_ = time_point::min();
    std::string line_;
};

}  // namespace ringlet::http

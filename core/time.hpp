#pragma once
// The words for time. Every clock that the runtime reads is its kernel's, so that a simulated kernel
// can make a day pass in a microsecond; nothing else in core asks the operating system what time it is.

#include <chrono>
#include <concepts>
#include <string>
#include <type_traits>

namespace ringlet {

using namespace std::chrono_literals;

using duration = std::chrono::nanoseconds;
using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;

/// A point that never comes.
inline constexpr time_point never = time_point::max();

/// `start + wait` without overflow: a wait too long to express never ends.
constexpr time_point after(time_point start, duration wait) noexcept {
    if (wait > duration::zero())
        return start > never - wait ? never : start + wait;
    return start < time_point::min() - wait ? time_point::min() : start + wait;
}

/// A double counts seconds, as in Python; chrono durations pass through.
constexpr duration seconds(double count) noexcept {
    constexpr double longest = 9.2e9;
    if (!(count < longest))
        return duration::max();
    return count <= 0 ? duration::zero() : duration(static_cast<duration::rep>(count * 1e9));
}

/// A duration that may be given in any unit, for parameters and options: nothing when it is negative, and for
/// ever when it is too long to be counted. (Declared as a `duration`, std::chrono::hours::max() would overflow
/// before anybody could look at it.)
class any_duration : public duration {
public:
    template <class Rep, class Period>
    constexpr any_duration(const std::chrono::duration<Rep, Period>& d) noexcept : duration(length_of(d)) {}

private:
    template <class Rep, class Period>
    static constexpr duration length_of(const std::chrono::duration<Rep, Period>& d) noexcept {
        if constexpr (std::is_same_v<std::chrono::duration<Rep, Period>, ringlet::duration>)
            return d > zero() ? d : zero();
        const duration about = seconds(std::chrono::duration<double>(d).count());
        return about == zero() || about == max() ? about : std::chrono::duration_cast<duration>(d);
    }
};

/// "5 s", "150 ms", "20 us": for error messages.
std::string to_string(duration d);

}  // namespace ringlet

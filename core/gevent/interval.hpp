#pragma once
// How gevent says how long: a number of seconds, a chrono duration, or None for ever.

#include <ringlet/core/time.hpp>

#include <limits>
#include <optional>
#include <type_traits>

namespace ringlet::gevent {

inline constexpr std::nullopt_t None = std::nullopt;

template <class N>
concept number = std::is_arithmetic_v<N> && !std::is_same_v<N, bool>;

class interval {
public:
    constexpr interval() noexcept = default;
    constexpr interval(std::nullopt_t) noexcept {}
    template <number N>
    constexpr interval(N seconds) noexcept
        : length_(ringlet::seconds(static_cast<double>(seconds))), seconds_(static_cast<double>(seconds)) {}
    template <number N>
    constexpr interval(std::optional<N> seconds) noexcept : interval(seconds ? interval(*seconds) : interval()) {}
    template <class Rep, class Period>
    constexpr interval(std::chrono::duration<Rep, Period> d) noexcept
        : length_(any_duration(d)), seconds_(std::chrono::duration<double>(d).count()) {}

    /// True for None: no limit.
    constexpr bool infinite() const noexcept { return length_ == duration::max(); }
    constexpr duration length() const noexcept { return length_; }
    /// As it was given: gevent prints what is less than nothing.
    constexpr double seconds() const noexcept { return seconds_; }

private:
    duration length_ = duration::max();
    double seconds_ = std::numeric_limits<double>::infinity();
};

}  // namespace ringlet::gevent

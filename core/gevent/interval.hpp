#pragma once
// How gevent says how long: a number of seconds, a chrono duration, or None for ever.

#include <ringlet/core/time.hpp>

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
    constexpr interval(N seconds) noexcept : length_(ringlet::seconds(static_cast<double>(seconds))) {}
    template <number N>
    constexpr interval(std::optional<N> seconds) noexcept
        : length_(seconds ? ringlet::seconds(static_cast<double>(*seconds)) : duration::max()) {}
    template <class Rep, class Period>
    constexpr interval(std::chrono::duration<Rep, Period> d) noexcept : length_(any_duration(d)) {}

    /// True for None: no limit.
    constexpr bool infinite() const noexcept { return length_ == duration::max(); }
    constexpr duration length() const noexcept { return length_; }
    /// As gevent prints it.
    constexpr double seconds() const noexcept { return std::chrono::duration<double>(length_).count(); }

private:
    duration length_ = duration::max();
};

}  // namespace ringlet::gevent

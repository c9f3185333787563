#pragma once
// Timers in user space: a 4-ary heap whose nodes know their place, so that arming and cancelling cost
// nanoseconds and the kernel hears of one deadline only, the earliest. Equal times fire in the order
// in which they were armed.

#include <ringlet/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace ringlet {

/// Calls back once when its time has come. Must be disarmed before it is destroyed.
class timer {
public:
    using function = void (*)(timer&) noexcept;

    explicit timer(function on_fire) noexcept : on_fire_(on_fire) {}
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;
    ~timer();

    bool armed() const noexcept { return place_ != nowhere; }

private:
    friend class timer_heap;
    static constexpr std::uint32_t nowhere = UINT32_MAX;
    static constexpr std::uint32_t postponed = UINT32_MAX - 1;

    function on_fire_;
    std::uint32_t place_ = nowhere;
    std::uint32_t order_ = 0;  // of arming; it may wrap, since it tells only equal times apart
};

class timer_heap {
public:
    bool empty() const noexcept { return heap_.empty(); }
    std::size_t size() const noexcept { return heap_.size(); }

    /// The earliest deadline, or `never`.
    time_point next() const noexcept { return heap_.empty() ? never : heap_.front().when; }

    /// For `never` it does nothing: a timer that will not fire must not look like something to wait for.
    void arm(timer& t, time_point when);
    void disarm(timer& t) noexcept;

    /// Fires everything due at `now`, earliest first. A timer armed meanwhile waits for the next call,
    /// even if it is due already: a zero timeout re-armed in its own callback must not hold the loop.
    void fire_due(time_point now) noexcept;

private:
    struct entry {
        time_point when;
        timer* node;

        bool before(const entry& other) const noexcept {
            return when != other.when ? when < other.when
                                      : static_cast<std::int32_t>(node->order_ - other.node->order_) < 0;
        }
    };

    void place(std::size_t at, const entry& e) noexcept;
    void sift_up(std::size_t at, const entry& e) noexcept;
    void sift_down(std::size_t at, const entry& e) noexcept;

    std::vector<entry> heap_;
    std::vector<entry> postponed_;  // armed by callbacks while timers fire, and due already
    std::optional<time_point> firing_;
    std::uint32_t armed_ = 0;
};

}  // namespace ringlet

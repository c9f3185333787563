#pragma once
// sleep_for, sleep_until, yield. The name sleep stays free for <unistd.h>.

#include <ringlet/core/greenlet_base.hpp>

#include <algorithm>

namespace ringlet {

/// Suspends until a point in time.
class [[nodiscard]] sleep_awaiter : public waiter, private timer {
public:
    explicit sleep_awaiter(time_point when) noexcept
        : waiter(source::greenlets, kind::sleep), timer(&fire), when_(std::max(when, time_point())) {}
    explicit sleep_awaiter(duration d) noexcept
        : waiter(source::greenlets, kind::sleep), timer(&fire), when_(-1ns - std::max(d, duration::zero())) {}
    sleep_awaiter(sleep_awaiter&& other) noexcept : waiter(std::move(other)), timer(&fire), when_(other.when_) {}
    const char* what() const noexcept override { return "a sleep"; }

    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    void await_suspend(std::coroutine_handle<> h) {
        loop& l = loop::current();
        if (when_ < time_point())
            when_ = after(l.fresh_now(), -1ns - when_.time_since_epoch());
        l.timers().arm(*this, when_);
        park(h);
    }
    void await_resume() const { throw_if_aborted(); }

    /// When it ends, while it waits.
    time_point until() const noexcept { return when_; }

private:
    static void fire(timer& t) noexcept { wake(static_cast<sleep_awaiter&>(t)); }
    void abort() noexcept override {
        loop::current().timers().disarm(*this);
        wake(*this);
    }
    bool wakes_empty_handed() const noexcept override { return true; }

    time_point when_;  // before zero: as far from -1 ns as it will be from now
};

/// Suspends for at least `d`, counted from when the wait begins. Zero or less lets others run first. (By
/// reference, because g++ keeps a copy that is passed by value in the frame of the coroutine that awaits.)
sleep_awaiter sleep_for(const std::convertible_to<any_duration> auto& d) noexcept {
    return sleep_awaiter(any_duration(d));
}
inline sleep_awaiter sleep_until(const time_point& when) noexcept { return sleep_awaiter(when); }

/// Lets everything that is ready run first. It is never waiting, so that what aborts waits leaves it alone, and the
/// next one fails instead; only greenlet_base::interrupt_now ends it.
class [[nodiscard]] yield_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "a yield"; }
    yield_awaiter() noexcept : waiter() {}
    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept { park_ready(h); }
    void await_resume() const { throw_if_aborted(); }

private:
    bool wakes_empty_handed() const noexcept override { return true; }
};

inline yield_awaiter yield() noexcept { return {}; }

}  // namespace ringlet

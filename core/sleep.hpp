#pragma once
// sleep_for, sleep_until, yield. The name sleep stays free for <unistd.h>.

#include <ringlet/core/greenlet_base.hpp>

namespace ringlet {

/// Suspends until a point in time.
class [[nodiscard]] sleep_awaiter : public waiter, private timer {
public:
    explicit sleep_awaiter(time_point when) noexcept
        : waiter("a sleep", &abort_sleep, source::greenlets, kind::sleep), timer(&fire), when_(when), for_(duration::max()) {}
    explicit sleep_awaiter(duration d) noexcept
        : waiter("a sleep", &abort_sleep, source::greenlets, kind::sleep), timer(&fire), when_(never), for_(d) {}
    sleep_awaiter(sleep_awaiter&& other) noexcept
        : waiter(std::move(other)), timer(&fire), when_(other.when_), for_(other.for_) {}

    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    void await_suspend(std::coroutine_handle<> h) {
        loop& l = loop::current();
        if (for_ != duration::max())
            when_ = after(l.fresh_now(), for_);
        // A sleep that never ends waits for nobody: alone it is a deadlock, and is reported as one.
        if (when_ != never)
            l.timers().arm(*this, when_);
        park(h);
    }
    void await_resume() const { throw_if_aborted(); }

    /// When it ends, while it waits.
    time_point until() const noexcept { return when_; }

private:
    static void fire(timer& t) noexcept { wake(static_cast<sleep_awaiter&>(t)); }
    static void abort_sleep(waiter& w) noexcept {
        auto& self = static_cast<sleep_awaiter&>(w);
        loop::current().timers().disarm(self);
        wake(self);
    }

    time_point when_;
    duration for_;
};

/// Suspends for at least `d`, counted from when the wait begins. Zero or less lets others run first.
inline sleep_awaiter sleep_for(duration d) noexcept { return sleep_awaiter(d); }
inline sleep_awaiter sleep_until(time_point when) noexcept { return sleep_awaiter(when); }

/// Lets everything that is ready run first. It cannot be aborted midway: the next wait fails instead.
class [[nodiscard]] yield_awaiter : public waiter {
public:
    yield_awaiter() noexcept : waiter("a yield", nullptr) {}
    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept { park_ready(h); }
    void await_resume() const noexcept {}
};

inline yield_awaiter yield() noexcept { return {}; }

}  // namespace ringlet

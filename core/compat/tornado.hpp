#pragma once
// Tornado's IOLoop and PeriodicCallback. docs/coming_from.md says which ringlet name each stands for.

#include <ringlet/core/add_callback.hpp>
#include <ringlet/core/periodic.hpp>
#include <ringlet/core/run.hpp>

#include <algorithm>
#include <stdexcept>

namespace ringlet::tornado {

/// A value that names a loop; what it starts are greenlets of that loop.
class IOLoop {
public:
    using Timeout = greenlet<>;

    static IOLoop current() { return IOLoop(this_loop()); }

    /// From any thread. False: the loop has ended.
    template <class Fn>
    bool add_callback(Fn&& fn) const {
        return ringlet::add_callback(loop_, std::forward<Fn>(fn));
    }

    /// On the loop's own thread; remove_timeout cancels.
    template <class Fn, class... Args>
    static Timeout call_later(any_duration delay, Fn fn, Args... args) {
        return spawn_after(delay, [fn = std::move(fn), ... args = std::move(args)]() mutable { fn(args...); });
    }
    template <class Fn, class... Args>
    static Timeout call_at(time_point when, Fn fn, Args... args) {
        return call_later(std::max(when - time(), duration::zero()), std::move(fn), std::move(args)...);
    }
    static void remove_timeout(const Timeout& t) noexcept { t.kill(); }
    static time_point time() { return hub().fresh_now(); }

    const loop_ref& ref() const noexcept { return loop_; }

private:
    explicit IOLoop(loop_ref l) noexcept : loop_(std::move(l)) {}
    loop_ref loop_;
};

/// IOLoop.add_callback_from_signal: made in advance, since a handler can make nothing.
using SignalCallback = signal_callback;

/// Calls fn() every `interval`; a line over ringlet::periodic, which says when the calls are due.
class PeriodicCallback {
public:
    template <class Fn>
        requires std::is_invocable_v<Fn&>
    PeriodicCallback(Fn fn, any_duration interval, double jitter = 0)
        : calls_(positive(interval), std::move(fn), jitter) {}

    /// The first call comes one interval from now.
    void start() { calls_.start(); }
    void stop() noexcept { calls_.stop(); }
    bool is_running() const noexcept { return calls_.running(); }

private:
    static duration positive(duration interval) {
        if (interval <= duration::zero())
            throw std::invalid_argument("PeriodicCallback: the interval must be longer than zero");
        return interval;
    }

    periodic calls_;
};

}  // namespace ringlet::tornado

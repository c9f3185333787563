#pragma once
// Tornado's IOLoop and PeriodicCallback. docs/coming_from.md says which ringlet name each stands for.

#include <ringlet/core/add_callback.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>

#include <cmath>
#include <functional>
#include <random>

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
    static Timeout call_later(duration delay, Fn fn, Args... args) {
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

/// Calls fn() every `interval`, in a greenlet of its own. A call that takes longer than the interval lets
/// the calls fall out that it overlaps. `jitter` is the share of the interval by which each may be early
/// or late, so that many do not keep in step: with 0.1, each is drawn from 95 to 105 %.
class PeriodicCallback {
public:
    template <class Fn>
        requires std::is_invocable_v<Fn&>
    PeriodicCallback(Fn fn, duration interval, double jitter = 0)
        : interval_(interval), jitter_(jitter), random_(seed()) {
        using returned = std::invoke_result_t<Fn&>;
        if constexpr (is_task<returned>)
            call_ = [fn = std::move(fn)]() mutable -> task<> { return call_task(fn); };
        else
            call_blocking_ = std::move(fn);
        if (interval <= duration::zero())
            throw std::invalid_argument("PeriodicCallback: the interval must be longer than zero");
    }
    ~PeriodicCallback() { stop(); }
    PeriodicCallback(const PeriodicCallback&) = delete;
    PeriodicCallback& operator=(const PeriodicCallback&) = delete;

    /// The first call comes one interval from now.
    void start() {
        if (is_running())
            return;
        next_ = hub().fresh_now();
        if (call_)
            runner_ = spawn([this]() -> task<> {
                for (;;) {
                    co_await sleep_until(schedule_next());
                    co_await call_();
                }
            });
        else
            runner_ = spawn([this] {
                for (;;) {
                    await(sleep_until(schedule_next()));
                    call_blocking_();
                }
            });
    }

    /// No further call; one that is under way is cut short at its next wait.
    void stop() noexcept {
        if (runner_)
            runner_.kill();
        runner_ = {};
    }
    bool is_running() const noexcept { return runner_ && !runner_.ready(); }

private:
    template <class Fn>
    static task<> call_task(Fn& fn) {
        co_await fn();
    }

    /// A simulated run must be the same each time.
    static std::uint32_t seed() { return hub().kernel().clock_jumps() ? 1 : std::random_device()(); }

    time_point schedule_next() {
        const double share =
            jitter_ == 0 ? 1 : 1 + jitter_ * (std::uniform_real_distribution<>(0, 1)(random_) - 0.5);
        const auto step = std::max(duration(static_cast<duration::rep>(static_cast<double>(interval_.count()) * share)), duration(1));
        const time_point now = hub().fresh_now();
        next_ += step;
        if (next_ <= now)  // as Tornado has it: stay in phase, and skip what is past
            next_ += ((now - next_) / step + 1) * step;
        return next_;
    }

    duration interval_;
    double jitter_;
    std::minstd_rand random_;
    time_point next_{};
    std::function<task<>()> call_;
    std::function<void()> call_blocking_;
    greenlet<> runner_;
};

}  // namespace ringlet::tornado

#pragma once
// periodic: calls a function again and again, as Tornado's PeriodicCallback does. The calls are due at
// multiples of the period from the start; one that takes longer than that makes those due meanwhile
// fall away. It can run as a coroutine or on a fiber, as fn says.

#include <ringlet/core/await.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/spawn.hpp>

#include <concepts>
#include <functional>
#include <random>

namespace ringlet {

class periodic {
public:
    /// `jitter` is the part of a period, between 0 and 1, by which a call may come too early or late, so
    /// that many programs with the same period do not call all at once. Nothing runs before start().
    template <class Fn>
        requires std::is_invocable_v<Fn&>
    periodic(any_duration period, Fn fn, double jitter = 0)
        : begin_([period, fn = std::move(fn), jitter] {
              check(period > duration::zero(), "a period is longer than nothing");
              if constexpr (is_task<std::invoke_result_t<Fn&>>)
                  return ringlet::spawn(&repeat_task<Fn>, fn, period, jitter);
              else
                  return ringlet::spawn(&repeat_call<Fn>, fn, period, jitter);
          }) {}
    periodic(const periodic&) = delete;
    periodic& operator=(const periodic&) = delete;
    ~periodic() { stop(); }

    /// The first call comes after one period. Does nothing while it is running.
    void start() {
        if (!running())
            running_ = begin_();
    }

    /// No more calls; one that is under way is killed.
    void stop() noexcept {
        if (running_)
            std::exchange(running_, {}).kill();
    }
    bool running() const noexcept { return running_ && !running_.ready(); }

private:
    /// When the next call is due, the last one having been due at `last`.
    static time_point next(time_point last, duration period, double jitter);
    static void failed() noexcept;

    template <class Fn>
    static task<> repeat_task(Fn fn, duration period, double jitter) {
        for (time_point due = loop::current().fresh_now();;) {
            due = next(due, period, jitter);
            co_await sleep_until(due);
            throw_if_canceled();  // it may have been stopped after the time had come: no more calls
            try {
                co_await fn();
            } catch (const canceled&) {
                throw;
            } catch (...) {
                failed();
            }
        }
    }
    template <class Fn>
    static void repeat_call(Fn fn, duration period, double jitter) {
        for (time_point due = loop::current().fresh_now();;) {
            due = next(due, period, jitter);
            await(sleep_until(due));
            throw_if_canceled();
            try {
                fn();
            } catch (const canceled&) {
                throw;
            } catch (...) {
                failed();
            }
        }
    }

    std::function<greenlet<>()> begin_;
    greenlet<> running_;
};

}  // namespace ringlet

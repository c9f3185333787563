#pragma once
// gevent.threadpool: calls that block run on threads, and only the greenlet that asked for one waits. A
// handle: copies name the same pool. thread_pool.hpp has the same for coroutines.

#include <ringlet/core/gevent/mapping.hpp>
#include <ringlet/core/thread_pool.hpp>

#include <algorithm>
#include <memory>

namespace ringlet::gevent {

class ThreadPool : public Mapping<ThreadPool> {
public:
    /// At most `maxsize` threads, which go when they had nothing to do for `idle_task_timeout`.
    explicit ThreadPool(std::size_t maxsize = 10, interval idle_task_timeout = 10)
        : state_(std::make_shared<state>(maxsize, std::min(idle_task_timeout.length(), duration(24h)))) {}

    /// Python's len(pool): how many calls are not over.
    std::size_t size() const noexcept { return state_->pool.threads().unfinished(); }
    /// Python's pool.size: how many threads there are now.
    std::size_t threads() const noexcept { return state_->pool.threads().threads(); }

    std::size_t maxsize() const noexcept { return state_->pool.size(); }
    /// Fewer: those that are too many go when they have done what they do now.
    void set_maxsize(std::size_t maxsize) const {
        const std::size_t before = state_->pool.size();
        state_->pool.resize(maxsize);
        for (std::size_t n = before; n < maxsize; ++n)
            state_->room.release();
        for (std::size_t n = maxsize; n < before; ++n)
            ringlet::spawn([room = state_->room] { room.acquire(); });
    }

    /// Starts fn(args...) on a thread, and gives an AsyncResult. Waits while all threads are busy.
    template <class Fn, class... Args>
    auto spawn(Fn&& fn, Args&&... args) const {
        const auto held = state_;
        held->room.acquire();
        const auto call = [&] {
            try {
                return held->pool.apply_async(std::forward<Fn>(fn), std::forward<Args>(args)...);
            } catch (...) {  // no thread to be had
                held->room.release();
                throw;
            }
        }();
        using T = typename std::remove_cvref_t<decltype(call)>::value_type;
        const AsyncResult<T> result;
        ringlet::spawn([held, call, result] { bring<T>(*held, call, result); });
        return result;
    }

    /// What fn(args...) gives, run on a thread.
    template <class Fn, class... Args>
    auto apply(Fn fn, Args... args) const {
        return spawn(std::move(fn), std::move(args)...).get();
    }

    /// The same without waiting: gives the greenlet that waits. `callback` gets the result.
    template <class Fn, class... Args>
    auto apply_async(Fn fn, std::tuple<Args...> args = {}) const {
        auto work = [self = *this, fn = std::move(fn), args = std::move(args)]() mutable {
            return std::apply([&](Args&... each) { return self.apply(fn, each...); }, args);
        };
        return Greenlet<decltype(work())>::spawn(work);
    }
    template <class Fn, class... Args, class Callback>
    auto apply_async(Fn fn, std::tuple<Args...> args, Callback callback) const {
        const auto g = apply_async(std::move(fn), std::move(args));
        using T = typename std::remove_cvref_t<decltype(g)>::value_type;
        g.link_value([callback](const Greenlet<T>& done) mutable {
            if constexpr (std::is_void_v<T>)
                callback();
            else
                callback(*done.value());
        });
        return g;
    }

    /// Waits until all that was asked for is done.
    void join() const {
        const auto held = state_;
        await(held->pool.join());
    }
    /// The same: a call that runs on a thread cannot be stopped, and none waits for a thread in here.
    void kill() const { join(); }

    friend bool operator==(const ThreadPool& a, const ThreadPool& b) noexcept { return a.state_ == b.state_; }

private:
    struct state {
        state(std::size_t maxsize, duration idle) : pool(maxsize, idle), room(maxsize) {}
        thread_pool pool;
        Semaphore room;
    };

    /// Waits for the call and tells its result.
    template <class T>
    static void bring(const state& of, const futures::future<T>& call, const AsyncResult<T>& result) {
        struct give_back {
            const Semaphore& room;
            ~give_back() { room.release(); }
        } const at_exit{of.room};
        try {
            if constexpr (std::is_void_v<T>) {
                await(call.result());
                result.set();
            } else {
                result.set(await(call.result()));
            }
        } catch (...) {  // also a GreenletExit that the call threw
            result.set_exception(std::current_exception());
        }
    }

    std::shared_ptr<state> state_;
};

/// Its futures and shutdown() are awaitables: `await(executor.submit(f).result())`.
using ThreadPoolExecutor = futures::thread_pool_executor;

}  // namespace ringlet::gevent

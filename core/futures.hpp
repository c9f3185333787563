#pragma once
// Python's concurrent.futures over greenlets: work goes to threads, and its futures are waited for
// without blocking the loop. Every wait is an awaitable: `co_await f.result()` in a coroutine,
// `await(f.result())` on a fiber. A future may be passed to other loops and threads.

#include <ringlet/core/add_callback.hpp>
#include <ringlet/core/offload.hpp>
#include <ringlet/core/shared.hpp>
#include <ringlet/core/timeout.hpp>

#include <functional>
#include <ranges>
#include <tuple>

namespace ringlet::futures {

/// What result() throws when the future was cancelled.
class cancelled_error : public std::runtime_error {
public:
    cancelled_error() : std::runtime_error("the future was cancelled") {}
};

template <class T>
class [[nodiscard]] result_awaiter : public shared_wait {
public:
    explicit result_awaiter(std::shared_ptr<shared_result<T>> of) noexcept
        : shared_wait("a future", of, clock::stands_still), of_(std::move(of)) {}
    T await_resume() const {
        shared_wait::await_resume();
        if (of_->was_canceled())
            throw cancelled_error();
        return of_->kept.get();
    }

private:
    std::shared_ptr<shared_result<T>> of_;
};

template <class T>
class [[nodiscard]] exception_awaiter : public shared_wait {
public:
    explicit exception_awaiter(std::shared_ptr<shared_result<T>> of) noexcept
        : shared_wait("a future", of, clock::stands_still), of_(std::move(of)) {}
    std::exception_ptr await_resume() const {
        shared_wait::await_resume();
        if (of_->was_canceled())
            throw cancelled_error();
        return of_->kept.error();
    }

private:
    std::shared_ptr<shared_result<T>> of_;
};

/// The result of a call on another thread, now or later. A value: copies name the same call.
template <class T>
class future {
public:
    using value_type = T;

    future() = default;
    explicit future(std::shared_ptr<shared_result<T>> state) noexcept : state_(std::move(state)) {}

    bool done() const { return state().done(); }
    bool running() const { return state().running(); }
    bool cancelled() const { return state().was_canceled(); }

    /// True: it had not begun, and never will (or was cancelled before).
    bool cancel() const { return state().cancel() || cancelled(); }

    /// Awaitable: what the call gave, or throws what it threw, or cancelled_error. A result that cannot
    /// be copied is moved out, so that it can be asked for once.
    result_awaiter<T> result() const { return state(), result_awaiter<T>(state_); }
    /// Awaitable: the same, or timeout_error.
    auto result(any_duration limit) const { return with_timeout(limit, result()); }

    /// Awaitable: what the call threw, or null.
    exception_awaiter<T> exception() const { return state(), exception_awaiter<T>(state_); }
    auto exception(any_duration limit) const { return with_timeout(limit, exception()); }

    /// Calls fn(*this) in a greenlet of the loop that adds it, when it is done.
    template <class Fn>
    void add_done_callback(Fn fn) const {
        state().on_end([fn = std::move(fn), self = *this, here = this_loop()] {
            add_callback(here, [fn, self]() mutable { return fn(self); });
        });
    }

    /// Calls fn() on whichever thread ends it; at once if it is done.
    void on_end(std::function<void()> fn) const { state().on_end(std::move(fn)); }

    explicit operator bool() const noexcept { return state_ != nullptr; }
    friend bool operator==(const future&, const future&) = default;

private:
    shared_result_base& state() const {
        check(state_ != nullptr, "this future is of no call");
        return *state_;
    }

    std::shared_ptr<shared_result<T>> state_;
};

/// Runs fn(args...) on one of `threads`.
template <class Fn, class... Args>
auto submit(workers& threads, Fn&& fn, Args&&... args) {
    auto call = [fn = std::decay_t<Fn>(std::forward<Fn>(fn)),
                 arguments =
                     std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable -> decltype(auto) {
        return std::apply(std::move(fn), std::move(arguments));
    };
    using job = detail::owning_job<decltype(call)>;
    auto made = std::make_shared<job>(std::move(call));
    job::start(made, threads);
    return future<std::invoke_result_t<std::decay_t<Fn>, std::decay_t<Args>...>>(made);
}

/// Awaitable: all results, in order. The first error comes out, and what has not begun is cancelled.
template <class T>
task<std::vector<T>> gather(std::vector<future<T>> all) {
    std::vector<T> results;
    results.reserve(all.size());
    try {
        for (const future<T>& each : all)
            results.push_back(co_await each.result());
    } catch (...) {
        for (const future<T>& each : all)
            each.cancel();
        throw;
    }
    co_return results;
}

inline task<> gather(std::vector<future<void>> all) {
    try {
        for (const future<void>& each : all)
            co_await each.result();
    } catch (...) {
        for (const future<void>& each : all)
            each.cancel();
        throw;
    }
}

/// Gives futures in the order in which they end: `while (auto f = co_await ended.next())`.
template <class T>
class as_completed {
public:
    explicit as_completed(std::vector<future<T>> all) : order_(std::make_shared<order>(all.size())) {
        if (all.empty())
            order_->ended.close();
        for (const future<T>& each : all)
            each.on_end([order = order_, each] { order->add(each); });
    }

    /// Awaitable: a std::optional of the next one; empty when all have been given.
    auto next() { return order_->ended.next(); }

private:
    /// Has room for all from the beginning: an end is not lost for lack of memory.
    class ended_futures {
    public:
        explicit ended_futures(std::size_t all) { futures_.reserve(all); }
        std::size_t size() const noexcept { return futures_.size() - taken_; }
        bool empty() const noexcept { return size() == 0; }
        void push_back(future<T> f) { futures_.push_back(std::move(f)); }
        future<T>& front() noexcept { return futures_[taken_]; }
        void pop_front() noexcept { futures_[taken_++] = future<T>(); }

    private:
        std::vector<future<T>> futures_;
        std::size_t taken_ = 0;
    };

    struct order {
        using queue = shared_queue<future<T>, ended_futures>;
        explicit order(std::size_t all)
            : ended(queue::unbounded, outside_waiter::clock::stands_still, ended_futures(all)), left(all) {}
        void add(future<T> next) {
            ended.try_put(next);
            if (left.fetch_sub(1, std::memory_order_acq_rel) == 1)
                ended.close();
        }
        queue ended;
        std::atomic<std::size_t> left;
    };
    std::shared_ptr<order> order_;
};

enum class return_when { first_completed, first_exception, all_completed };
inline constexpr return_when FIRST_COMPLETED = return_when::first_completed;
inline constexpr return_when FIRST_EXCEPTION = return_when::first_exception;
inline constexpr return_when ALL_COMPLETED = return_when::all_completed;

/// Both in the order in which they were given to wait().
template <class T>
struct wait_result {
    std::vector<future<T>> done;
    std::vector<future<T>> not_done;
};

/// Awaitable: waits until `until` holds or `limit` has passed; that is no error.
template <class T>
task<wait_result<T>> wait(std::vector<future<T>> all, return_when until = ALL_COMPLETED,
                          any_duration limit = duration::max()) {
    as_completed<T> ended(all);
    bool enough = false;
    deadline d(limit);
    try {
        while (!enough) {
            const auto f = co_await ended.next();
            if (!f)
                break;
            enough =
                until == FIRST_COMPLETED || (until == FIRST_EXCEPTION && !f->cancelled() && co_await f->exception());
        }
    } catch (const canceled&) {
        if (!d.ends_here())
            throw;
    }
    wait_result<T> result;
    for (future<T>& each : all)
        (each.done() ? result.done : result.not_done).push_back(std::move(each));
    co_return result;
}

/// Threads of one's own, with futures.
class thread_pool_executor {
public:
    explicit thread_pool_executor(std::size_t max_workers = workers::default_size()) : threads_(max_workers) {}

    /// Runs fn(args...) on one of its threads.
    template <class Fn, class... Args>
    auto submit(Fn&& fn, Args&&... args) {
        if (shut_down_.load(std::memory_order_relaxed))
            throw std::runtime_error("cannot submit after shutdown");
        return futures::submit(threads_, std::forward<Fn>(fn), std::forward<Args>(args)...);
    }

    /// Awaitable: what fn gives for each item, in their order. All are submitted now; the first error
    /// comes out, and what has not begun then is cancelled.
    template <class Fn, std::ranges::input_range Items>
    auto map(Fn fn, const Items& items) {
        std::vector<decltype(submit(fn, *std::ranges::begin(items)))> all;
        for (const auto& item : items)
            all.push_back(submit(fn, item));
        return futures::gather(std::move(all));
    }

    /// Takes no more calls. Awaitable, if one wants to: until all that were submitted have ended. With
    /// `cancel_futures`, those that have not begun are cancelled.
    workers::drain_awaiter shutdown(bool cancel_futures = false) {
        shut_down_.store(true, std::memory_order_relaxed);
        if (cancel_futures)
            threads_.drop_queued();
        return threads_.drained();
    }

    workers& threads() noexcept { return threads_; }

private:
    std::atomic<bool> shut_down_{false};
    workers threads_;
};

}  // namespace ringlet::futures

#pragma once
// asyncio's words for what ringlet has. docs/coming_from.md says which is which. Numbers are seconds;
// chrono durations work too. Everything that waits is an awaitable, for coroutines and fibers alike.

#include <ringlet/core/add_callback.hpp>
#include <ringlet/core/all.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/gevent/interval.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/offload.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/semaphore.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>

#include <string>
#include <vector>

namespace ringlet::asyncio {

using gevent::interval;
using CancelledError = canceled;
using TimeoutError = timeout_error;
using Event = event;
using Lock = mutex;
using Semaphore = semaphore;
template <class T>
using Queue = queue<T>;
template <class T = void>
using Task = greenlet<T>;
using TaskGroup = group;

using ringlet::run;

/// run(fn) under its own name there.
inline loop_ref get_running_loop() { return this_loop(); }

/// asyncio.create_task(fn(args...)): it runs whether it is awaited or not.
template <class Fn, class... Args>
auto create_task(Fn&& fn, Args&&... args) {
    return spawn(std::forward<Fn>(fn), std::forward<Args>(args)...);
}

inline sleep_awaiter sleep(interval how_long) noexcept { return sleep_for(how_long.length()); }

/// asyncio.gather(a, b): a tuple of all results; the first error cancels the rest and comes out.
template <awaitable... X>
auto gather(X... x) {
    return all(std::move(x)...);
}
template <class T>
auto gather(std::vector<task<T>> tasks) {
    return all(std::move(tasks));
}

/// gather(return_exceptions, a, b): waits for all, and gives for each a kept_result, whose error() is what
/// it threw, or else whose get() is what it gave.
struct return_exceptions_tag {};
inline constexpr return_exceptions_tag return_exceptions{};

namespace detail {

template <awaitable X>
task<kept_result<await_result<X>>> kept(X x) {
    using T = await_result<X>;
    kept_result<T> result;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(x);
            result.keep([] {});
        } else {
            T value = co_await std::move(x);
            result.keep([&]() -> T { return std::forward<T>(value); });
        }
    } catch (const canceled&) {
        throw;
    } catch (...) {
        result.keep_error(std::current_exception());
    }
    co_return result;
}

}  // namespace detail

template <awaitable... X>
auto gather(return_exceptions_tag, X... x) {
    return all(detail::kept(std::move(x))...);
}
template <class T>
auto gather(return_exceptions_tag, std::vector<task<T>> tasks) {
    std::vector<task<kept_result<T>>> each;
    for (task<T>& t : tasks)
        each.push_back(detail::kept(std::move(t)));
    return all(std::move(each));
}

/// asyncio.shield: a cancellation ends the wait and not what is waited for, which goes on by itself. A
/// region that must not be cut short is a ringlet::shield.
template <class T>
get_awaiter_of<T> shield(task<T> t) {
    return create_task(std::move(t)).get();
}
template <class T>
get_awaiter_of<T> shield(const Task<T>& t) {
    return t.get();
}

/// asyncio.wait_for(x, seconds), and `async with asyncio.timeout(seconds):` around a function.
template <awaitable X>
auto wait_for(X x, interval limit) {
    return with_timeout(limit.length(), std::move(x));
}
template <class Fn>
    requires(!awaitable<Fn> && std::invocable<Fn&>)
auto timeout(interval limit, Fn fn) {
    return with_timeout(limit.length(), std::move(fn));
}

/// `async with asyncio.TaskGroup() as g:` around fn(g).
template <class Fn>
auto task_group(Fn fn) {
    return with_group(std::move(fn));
}

/// asyncio.to_thread(fn, args...)
template <class Fn, class... Args>
auto to_thread(Fn fn, Args... args) {
    auto call = [fn = std::move(fn), ... args = std::move(args)]() mutable -> decltype(auto) {
        return std::invoke(fn, args...);
    };
    return offload(std::move(call));
}

/// loop.call_soon_threadsafe
template <class Fn>
bool call_soon_threadsafe(const loop_ref& where, Fn&& fn) {
    return add_callback(where, std::forward<Fn>(fn));
}

/// What asyncio.all_tasks tells. dump() tells more.
struct task_info {
    std::uint64_t id;
    std::string name;
};
inline std::vector<task_info> all_tasks() {
    std::vector<task_info> all;
    hub().for_each_greenlet([&all](const greenlet_base& each) { all.push_back({each.id(), each.name()}); });
    return all;
}

}  // namespace ringlet::asyncio

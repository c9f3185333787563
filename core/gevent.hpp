#pragma once
// gevent's names and call shapes, for ports line by line. Every call may block its fiber; in the main
// program, the first one makes the event loop and runs it until that call is satisfied, so a main()
// needs no ceremony. Numbers are seconds, as in Python; chrono durations work too. What waits for the
// same thing, runs in the order in which gevent runs it: see docs/gevent.md.

#include <ringlet/core/gevent/channel.hpp>
#include <ringlet/core/gevent/event.hpp>
#include <ringlet/core/gevent/greenlet.hpp>
#include <ringlet/core/gevent/hub.hpp>
#include <ringlet/core/gevent/kill.hpp>
#include <ringlet/core/gevent/local.hpp>
#include <ringlet/core/gevent/lock.hpp>
#include <ringlet/core/gevent/pool.hpp>
#include <ringlet/core/gevent/queue.hpp>
#include <ringlet/core/gevent/threadpool.hpp>
#include <ringlet/core/gevent/timeout.hpp>
#include <ringlet/core/gevent/wait.hpp>
#include <ringlet/core/idle.hpp>
#include <ringlet/core/sleep.hpp>

namespace ringlet::gevent {

/// Nothing can ever run again: thrown in the main program by the call that waits in vain.
using LoopExit = deadlock_error;

/// Starts fn(args...) as a greenlet; it runs when the caller waits next, after those spawned before.
template <class Fn>
Greenlet<detail::body_result<Fn>> spawn(Fn&& fn, std::source_location where = std::source_location::current()) {
    return ringlet::spawn(std::forward<Fn>(fn), where);
}
template <class Fn, class... Args>
    requires(sizeof...(Args) > 0)
Greenlet<detail::body_result<Fn, Args...>> spawn(Fn&& fn, Args&&... args) {
    return ringlet::spawn(std::forward<Fn>(fn), std::forward<Args>(args)...);
}

/// In gevent a cheaper greenlet; here the same.
template <class Fn, class... Args>
Greenlet<detail::body_result<Fn, Args...>> spawn_raw(Fn&& fn, Args&&... args) {
    return ringlet::spawn(std::forward<Fn>(fn), std::forward<Args>(args)...);
}

/// Starts fn(args...) so many seconds from now. Killed before, it never runs.
template <class Fn, class... Args>
Greenlet<detail::body_result<Fn, Args...>> spawn_later(interval seconds, Fn&& fn, Args&&... args) {
    return ringlet::spawn_after(seconds.length(), std::forward<Fn>(fn), std::forward<Args>(args)...);
}

/// Zero or less lets everything run that is ready.
inline void sleep(interval seconds = 0) {
    if (seconds.length() == duration::zero())
        await(yield());
    else
        await(sleep_for(seconds.length()));
}

/// The same for plain numbers: else they would go to POSIX's sleep(3), which takes whole seconds and stops the whole
/// thread, wherever both names are in sight.
template <class Number>
    requires std::is_arithmetic_v<Number>
void sleep(Number seconds) {
    sleep(interval(seconds));
}

/// Waits until nobody else is ready to run.
inline void idle() { await(ringlet::idle()); }

}  // namespace ringlet::gevent

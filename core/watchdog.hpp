#pragma once
// A loop stands still while one greenlet computes or makes a blocking call. The watchdog, a thread of
// its own, reports who has held a loop for too long, and where. It looks at one counter of each loop, so
// that it costs nothing until then.
//
// It is on, with 100 ms, where ringlet was compiled without optimization, and off elsewhere. The
// environment variable RINGLET_WATCHDOG gives the milliseconds; 0 is off. Time that the thread was not
// given a processor does not count. It asks the thread by SIGURG, which is otherwise ignored.

#include <ringlet/core/time.hpp>

namespace ringlet {

class loop;

/// For the loops that are made from now on; zero is off.
void set_watchdog(any_duration limit);

/// How long a greenlet may hold a loop that is made now; zero when nobody watches.
duration watchdog_limit() noexcept;

/// What a loop does at its beginning and its end, on its own thread.
void watch(loop& l);
void unwatch(loop& l) noexcept;

}  // namespace ringlet

#pragma once
// gevent's names and call shapes, for ports line by line. Every call may block its fiber; in the main
// program, the first one makes the event loop and runs it until that call is satisfied, so a main()
// needs no ceremony. Numbers are seconds, as in Python; chrono durations work too.

#include <ringlet/core/await.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/spawn.hpp>

#include <vector>

namespace ringlet::gevent {

}  // namespace ringlet::gevent

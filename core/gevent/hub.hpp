#pragma once
// gevent.get_hub(), and what gevent.util shows of a running program.

#include <ringlet/core/assert_yields.hpp>
#include <ringlet/core/dump.hpp>
#include <ringlet/core/gevent/threadpool.hpp>
#include <ringlet/core/gevent/wait.hpp>

#include <ostream>

namespace ringlet::gevent {

/// Names the loop of this thread.
class Hub {
public:
    /// Runs until nothing is left that could run: true; false when `timeout` came first. For the main
    /// program only.
    bool join(interval timeout = None) const { return gevent::wait(timeout); }

    /// The threads of this hub: ten at most.
    ThreadPool threadpool() const { return ringlet::hub().service<ThreadPool>(); }

    friend bool operator==(const Hub&, const Hub&) = default;
};

inline Hub get_hub() {
    ringlet::hub();
    return {};
}

/// gevent.util.print_run_info: every greenlet, what it waits for and where.
inline void print_run_info(std::ostream& out) {
    ringlet::hub();
    dump(out);
}

/// gevent.util.assert_switches: runs fn(), and throws did_not_yield when nobody else could run meanwhile.
template <class Fn>
decltype(auto) assert_switches(Fn&& fn, std::source_location where = std::source_location::current()) {
    return assert_yields(std::forward<Fn>(fn), where);
}

}  // namespace ringlet::gevent

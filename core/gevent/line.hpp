#pragma once
// A place in a queue's line of those who wait to get or to put, until a turn of the hub calls them up.

#include <ringlet/core/gevent/wait_within.hpp>
#include <ringlet/core/waiter.hpp>

namespace ringlet::gevent {

/// Pinned. Somebody else takes it out of the line when its turn has come.
class place_in_line : public waiter {
public:
    place_in_line(const char* what, list<place_in_line>& line) noexcept : what_(what), line_(line) {}
    const char* what() const noexcept override { return what_; }

    /// Waits to be called up; false when `timeout` came first.
    bool wait(interval timeout) {
        return within(timeout, [this] { await(*this); });
    }

    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        line_.push_back(*this);
    }
    void await_resume() const { throw_if_aborted(); }

private:
    // Who is called up runs at once; only a shutdown wakes all of them, and leaves them with nothing.
    bool wakes_empty_handed() const noexcept override { return true; }

    const char* what_;
    list<place_in_line>& line_;
};

}  // namespace ringlet::gevent

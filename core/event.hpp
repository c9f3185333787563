#pragma once
// event: a flag to wait for. Waiters wake in the order in which they came.

#include <ringlet/core/callback.hpp>
#include <ringlet/core/greenlet_base.hpp>

namespace ringlet {

class event {
public:
    class awaiter;

    event() = default;
    explicit event(bool set) noexcept : set_(set) {}

    bool is_set() const noexcept { return set_; }

    /// Wakes everybody who waits; who comes later does not wait, until clear().
    void set() noexcept {
        set_ = true;
        while (!waiting_.empty())
            wake(waiting_.front());
    }
    void clear() noexcept { set_ = false; }

    /// For waits for several things at once (source.hpp).
    bool ready() const noexcept { return set_; }
    void watch(callback& c) noexcept { c.watch_in(waiting_); }

    /// Awaitable: until the flag is set. The event must outlive the wait.
    awaiter wait() noexcept;

private:
    list<waiter> waiting_;
    bool set_ = false;
};

class [[nodiscard]] event::awaiter : public waiter {
public:
    const char* what() const noexcept override { return "an event"; }
    explicit awaiter(event& e) noexcept : event_(e) {}
    bool await_ready() const {
        throw_if_canceled();
        return event_.set_;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        event_.waiting_.push_back(*this);
    }
    void await_resume() const { throw_if_aborted(); }

private:
    event& event_;
};

inline event::awaiter event::wait() noexcept { return awaiter(*this); }

}  // namespace ringlet

#pragma once
// hub_task: a coroutine of the loop rather than of a greenlet. It takes a turn in the ready list, like a
// callback, and can hand its place to waiters one by one: `co_await hub_task::hand_over(w)` runs w at
// once, before everybody else who is ready, and comes back when w waits again or is over. This is what
// gevent's hub does with those who wait for a queue.

#include <ringlet/core/frame_pool.hpp>
#include <ringlet/core/loop.hpp>

#include <coroutine>
#include <exception>
#include <utility>

namespace ringlet {

/// Owns the coroutine; destroying it takes the coroutine out of the ready list, wherever it got to.
class hub_task {
public:
    struct promise_type;

    hub_task() = default;
    hub_task(hub_task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    hub_task& operator=(hub_task&& other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~hub_task() {
        if (frame_)
            frame_.destroy();
    }

    /// True from start() until the coroutine has returned.
    bool running() const noexcept { return frame_ && !frame_.done(); }

    /// Puts it at the end of the ready list.
    void start() noexcept;

    /// The same for one that nobody owns: it goes when it has returned.
    void detach() && noexcept;

    class hand_over;

private:
    explicit hub_task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

struct hub_task::promise_type : pooled_frame, waiter {
    const char* what() const noexcept override { return "its turn"; }
    promise_type() noexcept = default;
    ~promise_type() override { stand_down(); }

    hub_task get_return_object() noexcept {
        return hub_task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept { return stay_unless{detached}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }

    using waiter::post;
    void take_turn() noexcept override {
        loop& l = loop::current();
        l.run(std::coroutine_handle<promise_type>::from_promise(*this), l.hub());
    }

    struct stay_unless {
        bool detached;
        bool await_ready() const noexcept { return detached; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        void await_resume() const noexcept {}
    };
    bool detached = false;
};

inline void hub_task::start() noexcept { frame_.promise().post(); }

inline void hub_task::detach() && noexcept {
    frame_.promise().detached = true;
    start();
    frame_ = nullptr;
}

/// `w` must be waiting. Nothing may be assumed of it afterwards: it ran.
class [[nodiscard]] hub_task::hand_over {
public:
    explicit hand_over(waiter& w) noexcept : waiter_(w) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
        loop& l = loop::current();
        self.promise().post();
        l.run_first(self.promise());
        wake(waiter_);
        l.run_first(waiter_);
    }
    void await_resume() const noexcept {}

private:
    waiter& waiter_;
};

}  // namespace ringlet

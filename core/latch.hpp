#pragma once
// latch: a gate that opens when it was counted down to zero, and stays open. barrier: a gate at which
// each of a number of greenlets waits for all of them, again and again.

#include <ringlet/core/event.hpp>

#include <cstddef>

namespace ringlet {

class latch {
public:
    explicit latch(std::size_t count) noexcept : left_(count), open_(count == 0) {}

    std::size_t left() const noexcept { return left_; }
    bool ready() const noexcept { return left_ == 0; }
    void watch(callback& c) noexcept { open_.watch(c); }

    /// Counting below zero is a mistake.
    void count_down(std::size_t by = 1) noexcept {
        check(by <= left_, "a latch was counted down below zero");
        left_ -= by;
        if (left_ == 0)
            open_.set();
    }

    /// Awaitable: until it is open.
    event::awaiter wait() noexcept { return open_.wait(); }

    /// Awaitable: counts down by one, and waits.
    event::awaiter arrive_and_wait() noexcept {
        count_down();
        return open_.wait();
    }

private:
    std::size_t left_;
    event open_;
};

class barrier {
public:
    /// `parties` of at least 1 pass together.
    explicit barrier(std::size_t parties) noexcept : parties_(parties) {
        check(parties > 0, "a barrier needs somebody to wait for");
    }

    std::size_t parties() const noexcept { return parties_; }
    /// How many wait now.
    std::size_t waiting() const noexcept { return arrived_; }

    class awaiter;

    /// Awaitable: until all have come. Gives 0 to the last, who does not wait, and to the others how many
    /// were missing when they came. Who is cancelled while waiting has not come.
    awaiter arrive_and_wait() noexcept;

private:
    std::size_t parties_;
    std::size_t arrived_ = 0;
    list<waiter> waiting_;
};

class [[nodiscard]] barrier::awaiter : public waiter {
public:
    const char* what() const noexcept override { return "a barrier"; }
    explicit awaiter(barrier& b) noexcept : barrier_(b) {}
    bool await_ready() {
        throw_if_canceled();
        missing_ = barrier_.parties_ - ++barrier_.arrived_;
        if (missing_ > 0)
            return false;
        barrier_.arrived_ = 0;
        while (!barrier_.waiting_.empty())
            wake(barrier_.waiting_.front());
        return true;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        barrier_.waiting_.push_back(*this);
    }
    std::size_t await_resume() const {
        throw_if_aborted();
        return missing_;
    }

private:
    void abort() noexcept override {
        --barrier_.arrived_;
        waiter::abort();
    }

    barrier& barrier_;
    std::size_t missing_ = 0;
};

inline barrier::awaiter barrier::arrive_and_wait() noexcept { return awaiter(*this); }

}  // namespace ringlet

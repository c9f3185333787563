#pragma once
// semaphore: a number of permits, handed out first come, first served. A released permit goes straight
// to the one who waits longest, so nobody can overtake and nobody starves; one who gave up waiting
// takes none.

#include <ringlet/core/callback.hpp>
#include <ringlet/core/greenlet_base.hpp>

#include <cstddef>

namespace ringlet {

class semaphore {
public:
    class awaiter;

    explicit semaphore(std::size_t permits = 1) noexcept : permits_(permits) {}

    std::size_t available() const noexcept { return permits_; }

    /// Awaitable: takes a permit.
    awaiter acquire() noexcept;

    /// Takes a permit if one is free and nobody waits.
    bool try_acquire() noexcept {
        if (permits_ == 0)
            return false;
        --permits_;
        return true;
    }

    /// Gives one back. Anybody may, not only who took it.
    void release() noexcept {
        if (!waiting_.empty()) {
            wake(waiting_.front());
            return;
        }
        ++permits_;
        while (!watching_.empty())
            wake(watching_.front());
    }

    /// For waits for several things at once (source.hpp), which take no permit.
    bool ready() const noexcept { return permits_ > 0; }
    void watch(callback& c) noexcept { c.watch_in(watching_); }

private:
    list<waiter> waiting_;
    list<waiter> watching_;
    std::size_t permits_;  // zero whenever somebody waits
};

class [[nodiscard]] semaphore::awaiter : public waiter {
public:
    explicit awaiter(semaphore& s) noexcept : semaphore_(s) {}
    const char* what() const noexcept override { return "a semaphore"; }
    bool await_ready() const {
        throw_if_canceled();
        return semaphore_.try_acquire();
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        semaphore_.waiting_.push_back(*this);
    }
    void await_resume() const { throw_if_aborted(); }

protected:
    awaiter(semaphore& s, kind is) noexcept : waiter(source::greenlets, is), semaphore_(s) {}

private:
    semaphore& semaphore_;
};

inline semaphore::awaiter semaphore::acquire() noexcept { return awaiter(*this); }

}  // namespace ringlet

#pragma once
// mutex: mutual exclusion between greenlets of one loop, across their waits. Handed over in the order
// of asking. Not recursive.

#include <ringlet/core/semaphore.hpp>

#include <mutex>

namespace ringlet {

class mutex {
public:
    /// Unlocks when it goes.
    using guard = std::unique_lock<mutex>;

    class awaiter;

    /// Awaitable: `auto held = co_await m.lock();` unlocks when `held` goes.
    awaiter lock() noexcept;

    bool try_lock() noexcept {
        if (!one_.try_acquire())
            return false;
        taken();
        return true;
    }
    void unlock() noexcept {
        check(one_.available() == 0, "a mutex was unlocked that nobody holds");
        holder_ = nullptr;
        one_.release();
    }
    bool locked() const noexcept { return one_.available() == 0; }

    /// Who locked it, for reports only: it may be gone, and have left the lock to somebody else.
    const greenlet_base* holder() const noexcept { return holder_; }

private:
    void taken() noexcept { holder_ = &loop::current().running(); }

    semaphore one_{1};
    const greenlet_base* holder_ = nullptr;
};

class [[nodiscard]] mutex::awaiter : public semaphore::awaiter {
public:
    explicit awaiter(mutex& m) noexcept : semaphore::awaiter(m.one_, kind::mutex), mutex_(m) {}
    const char* what() const noexcept override { return "a mutex"; }
    guard await_resume() const {
        semaphore::awaiter::await_resume();
        mutex_.taken();
        return guard(mutex_, std::adopt_lock);
    }

    const mutex& of() const noexcept { return mutex_; }

private:
    mutex& mutex_;
};

inline mutex::awaiter mutex::lock() noexcept { return awaiter(*this); }

}  // namespace ringlet

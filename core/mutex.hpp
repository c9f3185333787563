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

    bool try_lock() noexcept { return one_.try_acquire(); }
    void unlock() noexcept {
        check(one_.available() == 0, "a mutex was unlocked that nobody holds");
        one_.release();
    }
    bool locked() const noexcept { return one_.available() == 0; }

private:
    semaphore one_{1};
};

class [[nodiscard]] mutex::awaiter : public semaphore::awaiter {
public:
    explicit awaiter(mutex& m) noexcept : semaphore::awaiter(m.one_, "a mutex"), mutex_(m) {}
    guard await_resume() const {
        semaphore::awaiter::await_resume();
        return guard(mutex_, std::adopt_lock);
    }

private:
    mutex& mutex_;
};

inline mutex::awaiter mutex::lock() noexcept { return awaiter(*this); }

}  // namespace ringlet

#pragma once
// recursive_mutex: a mutex that the greenlet which holds it can lock again. Handed over in the order of
// asking, once every lock has been unlocked.

#include <ringlet/core/greenlet_base.hpp>

#include <cstddef>
#include <mutex>

namespace ringlet {

class recursive_mutex {
public:
    /// Unlocks once when it goes.
    using guard = std::unique_lock<recursive_mutex>;

    class awaiter;

    /// Awaitable: gives a guard.
    awaiter lock() noexcept;

    bool try_lock() noexcept {
        greenlet_base* me = &loop::current().running();
        if (owner_ != nullptr && owner_ != me)
            return false;
        owner_ = me;
        ++depth_;
        return true;
    }

    /// By the owner only.
    void unlock() noexcept;

    bool locked() const noexcept { return owner_ != nullptr; }
    const greenlet_base* owner() const noexcept { return owner_; }

private:
    list<waiter> waiting_;
    greenlet_base* owner_ = nullptr;
    std::size_t depth_ = 0;
};

class [[nodiscard]] recursive_mutex::awaiter : public waiter {
public:
    const char* what() const noexcept override { return "a recursive mutex"; }
    explicit awaiter(recursive_mutex& m) noexcept : waiter(source::greenlets, kind::recursive_mutex), mutex_(m) {}
    bool await_ready() const {
        throw_if_canceled();
        return mutex_.try_lock();
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        mutex_.waiting_.push_back(*this);
    }
    guard await_resume() const {
        throw_if_aborted();
        return guard(mutex_, std::adopt_lock);
    }

    const recursive_mutex& of() const noexcept { return mutex_; }

private:
    recursive_mutex& mutex_;
};

inline recursive_mutex::awaiter recursive_mutex::lock() noexcept { return awaiter(*this); }

inline void recursive_mutex::unlock() noexcept {
    check(owner_ == &loop::current().running(), "a recursive mutex was unlocked by another greenlet");
    if (--depth_ > 0)
        return;
    owner_ = nullptr;
    if (waiting_.empty())
        return;
    waiter& next = waiting_.front();
    owner_ = next.owner();
    depth_ = 1;
    wake(next);
}

}  // namespace ringlet

#pragma once
// rw_lock: many may read at a time, or one may write. First come, first served: a reader who comes after
// a waiting writer waits too, so neither kind can starve the other.

#include <ringlet/core/greenlet_base.hpp>

#include <cstddef>
#include <mutex>
#include <shared_mutex>

namespace ringlet {

class rw_lock {
public:
    using write_guard = std::unique_lock<rw_lock>;
    using read_guard = std::shared_lock<rw_lock>;

    class awaiter;
    class write_awaiter;
    class read_awaiter;

    /// Awaitable: gives a write_guard, respectively a read_guard.
    write_awaiter lock() noexcept;
    read_awaiter lock_shared() noexcept;

    bool try_lock() noexcept {
        if (writing_ || readers_ > 0)
            return false;
        return writing_ = true;
    }
    bool try_lock_shared() noexcept {
        if (writing_ || !waiting_.empty())
            return false;
        ++readers_;
        return true;
    }
    void unlock() noexcept {
        check(writing_, "a rw_lock was unlocked that nobody writes under");
        writing_ = false;
        hand_over();
    }
    void unlock_shared() noexcept {
        check(readers_ > 0, "a rw_lock was unlocked that nobody reads under");
        --readers_;
        hand_over();
    }

    std::size_t readers() const noexcept { return readers_; }
    bool writing() const noexcept { return writing_; }

private:
    void hand_over() noexcept;

    list<awaiter> waiting_;
    std::size_t readers_ = 0;
    bool writing_ = false;
};

class rw_lock::awaiter : public waiter {
public:
    awaiter(rw_lock& l, bool writes) noexcept : lock_(l), writes_(writes) {}
    const char* what() const noexcept override { return writes_ ? "a rw_lock, to write" : "a rw_lock, to read"; }
    bool await_ready() const {
        throw_if_canceled();
        return writes_ ? lock_.try_lock() : lock_.try_lock_shared();
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        lock_.waiting_.push_back(*this);
    }

protected:
    rw_lock& lock_;

private:
    friend rw_lock;

    // Readers who only waited because of this writer can go on.
    void abort() noexcept override {
        rw_lock& l = lock_;
        waiter::abort();
        l.hand_over();
    }

    bool writes_;
};

class [[nodiscard]] rw_lock::write_awaiter : public awaiter {
public:
    explicit write_awaiter(rw_lock& l) noexcept : awaiter(l, true) {}
    write_guard await_resume() const {
        throw_if_aborted();
        return write_guard(lock_, std::adopt_lock);
    }
};

class [[nodiscard]] rw_lock::read_awaiter : public awaiter {
public:
    explicit read_awaiter(rw_lock& l) noexcept : awaiter(l, false) {}
    read_guard await_resume() const {
        throw_if_aborted();
        return read_guard(lock_, std::adopt_lock);
    }
};

inline rw_lock::write_awaiter rw_lock::lock() noexcept { return write_awaiter(*this); }
inline rw_lock::read_awaiter rw_lock::lock_shared() noexcept { return read_awaiter(*this); }

inline void rw_lock::hand_over() noexcept {
    while (!waiting_.empty() && !writing_) {
        awaiter& next = waiting_.front();
        if (next.writes_ && readers_ > 0)
            return;
        if (next.writes_)
            writing_ = true;
        else
            ++readers_;
        wake(next);
    }
}

}  // namespace ringlet

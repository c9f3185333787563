#pragma once
// gevent.lock: Semaphore, BoundedSemaphore, RLock; and threading's Condition over them. All are handles:
// copies name the same lock. Python's `with lock:` is with(lock, fn), or std::lock_guard held(lock).

#include <ringlet/core/gevent/greenlet.hpp>
#include <ringlet/core/gevent/linkable.hpp>
#include <ringlet/core/shared_result.hpp>

#include <concepts>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace ringlet::gevent {

/// `value`, unless it is below zero: then throws std::invalid_argument, which says `error`.
std::size_t not_negative(std::intmax_t value, const std::string& error);

class Semaphore {
public:
    explicit Semaphore(std::size_t value = 1) : Semaphore(value, SIZE_MAX) {}
    template <std::signed_integral N>
    explicit Semaphore(N value) : Semaphore(not_negative(value, "semaphore initial value must be >= 0")) {}

    /// Takes one, waiting for it. Always true, unless not `blocking`, or `timeout` came first.
    bool acquire() const { return acquire(true); }
    bool acquire(std::same_as<bool> auto blocking, interval timeout = None) const {
        return std::shared_ptr(state_)->acquire(blocking, timeout);  // `this` may go meanwhile
    }
    /// Gives one back, and says how many are free. Those who wait get it when the hub comes round: until
    /// then whoever runs may take it.
    std::size_t release() const { return state_->release(); }

    /// Waits until one is free, without taking it; says how many are, which can be none again by then.
    std::size_t wait(interval timeout = None) const { return std::shared_ptr(state_)->wait(timeout); }

    bool locked() const noexcept { return !state_->ready(); }
    bool ready() const noexcept { return state_->ready(); }
    std::size_t counter() const noexcept { return state_->counter; }

    void lock() const { acquire(true); }
    bool try_lock() const { return acquire(false); }
    void unlock() const { release(); }

    template <class Fn>
    std::uint64_t rawlink(Fn fn) const {
        return state_->rawlink([fn, self = std::weak_ptr<state>(state_)]() mutable { fn(Semaphore(self.lock())); });
    }
    bool unlink(std::uint64_t link) const noexcept { return state_->unlink(link); }

    operator source() const { return source(state_); }
    friend bool operator==(const Semaphore&, const Semaphore&) = default;

protected:
    Semaphore(std::size_t value, std::size_t bound) : state_(std::make_shared<state>(value, bound)) {}

private:
    struct state final : linkable {
        state(std::size_t value, std::size_t limit) noexcept
            : linkable("a Semaphore", false), counter(value), bound(limit) {}
        bool ready() const noexcept override { return counter > 0; }
        bool acquire(bool blocking, interval timeout);
        std::size_t release();
        std::size_t wait(interval timeout);
        std::size_t counter;
        std::size_t bound;
    };
    explicit Semaphore(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

    std::shared_ptr<state> state_;
};

/// Throws std::invalid_argument when released more often than acquired.
class BoundedSemaphore : public Semaphore {
public:
    explicit BoundedSemaphore(std::size_t value = 1) : Semaphore(value, value) {}
    template <std::signed_integral N>
    explicit BoundedSemaphore(N value)
        : BoundedSemaphore(not_negative(value, "semaphore initial value must be >= 0")) {}
};

/// Never locked: for code that takes a lock as an argument and needs none.
class DummySemaphore {
public:
    template <class... Args>
    bool acquire(Args&&...) const noexcept {
        return true;
    }
    void release() const noexcept {}
    bool locked() const noexcept { return false; }
    bool ready() const noexcept { return true; }
    std::size_t wait(interval = None) const noexcept { return 1; }
    void lock() const noexcept {}
    bool try_lock() const noexcept { return true; }
    void unlock() const noexcept {}
};

/// A lock that its owner, a greenlet, can take again. Each acquire needs a release.
class RLock {
public:
    RLock() : state_(std::make_shared<state>()) {}

    bool acquire() const { return acquire(true); }
    bool acquire(std::same_as<bool> auto blocking, interval timeout = None) const {
        return acquire_for(blocking, timeout);
    }
    /// Throws std::runtime_error when the greenlet that calls is not the owner. If it throws, nothing has changed.
    void release() const;
    bool locked() const noexcept { return state_->block.locked(); }

    void lock() const { acquire(true); }
    bool try_lock() const { return acquire(false); }
    void unlock() const { release(); }

    friend bool operator==(const RLock&, const RLock&) = default;

private:
    friend class Condition;
    struct state {
        Semaphore block{1};
        AnyGreenlet owner;
        std::size_t count = 0;
    };
    bool acquire_for(bool blocking, interval timeout) const;
    bool is_owned() const;
    std::size_t release_all() const noexcept;
    void acquire_again(std::size_t count) const;

    std::shared_ptr<state> state_;
};

/// threading.Condition: those who wait are woken by notify, first come, first served. All of it throws
/// std::runtime_error unless the caller holds the lock.
class Condition {
public:
    explicit Condition(RLock lock = RLock())
        : lock_(std::move(lock)), waiting_(std::make_shared<std::deque<Semaphore>>()) {}

    bool acquire() const { return lock_.acquire(); }
    bool acquire(std::same_as<bool> auto blocking, interval timeout = None) const {
        return lock_.acquire(blocking, timeout);
    }
    void release() const { lock_.release(); }
    void lock() const { acquire(); }
    void unlock() const { release(); }

    /// Lets go of the lock, waits to be notified, takes the lock again. False when `timeout` came first.
    bool wait(interval timeout = None) const;

    /// Waits until predicate() says so; gives what it said last.
    template <std::predicate Fn>
    bool wait_for(Fn predicate, interval timeout = None) const {
        const Condition held(*this);  // `this` may go meanwhile
        const time_point until = timeout.infinite() ? never : after(hub().fresh_now(), timeout.length());
        while (!predicate()) {
            const time_point now = hub().fresh_now();
            if (now >= until)
                return predicate();
            held.wait(until == never ? interval() : interval(until - now));
        }
        return true;
    }

    void notify(std::size_t count = 1) const;
    void notify_all() const { notify(waiting_->size()); }

private:
    RLock lock_;
    std::shared_ptr<std::deque<Semaphore>> waiting_;
};

/// Python's `with lock:`. Throws what the release throws, such as of an RLock that fn() released already; but
/// what fn() itself threw goes before it.
template <class Lock, std::invocable Fn>
    requires requires(const Lock& l) { l.lock(), l.unlock(); }
std::invoke_result_t<Fn&> with(Lock lock, Fn body) {
    lock.lock();
    kept_result<std::invoke_result_t<Fn&>> result;
    result.keep(body);
    try {
        lock.unlock();
    } catch (...) {
        if (!result.error())
            throw;
    }
    return result.take();
}

}  // namespace ringlet::gevent

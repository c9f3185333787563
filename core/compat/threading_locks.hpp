#pragma once
// threading's Lock and Barrier over greenlets. Handles: copies name the same object. Both block the fiber that
// calls; RLock, Condition, Semaphore and Event are gevent's (gevent/lock.hpp, gevent/event.hpp).

#include <ringlet/core/gevent/lock.hpp>

#include <functional>
#include <memory>
#include <stdexcept>

namespace ringlet::threading {

using gevent::interval;

/// Not reentrant, and not owned: another thread may release it. Python's `with lock:` is std::lock_guard.
class Lock {
public:
    bool acquire() const { return free_.acquire(); }
    /// False when it is held and not to `blocking`, or when `timeout` came first.
    bool acquire(std::same_as<bool> auto blocking, interval timeout = gevent::None) const {
        return free_.acquire(blocking, timeout);
    }
    /// Throws std::runtime_error when nobody holds it.
    void release() const {
        if (!locked())
            throw std::runtime_error("release unlocked lock");
        free_.release();
    }
    bool locked() const noexcept { return free_.locked(); }

    void lock() const { acquire(); }
    bool try_lock() const { return acquire(false); }
    void unlock() const { release(); }

    friend bool operator==(const Lock&, const Lock&) = default;

private:
    gevent::Semaphore free_{1};
};

/// What a Barrier throws to all who wait when one of them gave up, or somebody broke it.
class BrokenBarrierError : public std::runtime_error {
public:
    BrokenBarrierError() : std::runtime_error("the barrier is broken") {}
};

/// Lets threads pass when `parties` of them wait. The last to come calls `action`, and goes on first.
class Barrier {
public:
    explicit Barrier(std::size_t parties, std::function<void()> action = nullptr, interval timeout = gevent::None);

    /// Gives the number of those who came before. When `timeout` (or that of the constructor) comes first,
    /// the barrier is broken, for everybody.
    std::size_t wait() const;
    std::size_t wait(interval timeout) const;

    /// Who waits gets BrokenBarrierError; then it is as new.
    void reset() const;
    /// Who waits gets BrokenBarrierError, and so does whoever comes until reset().
    void abort() const;

    std::size_t parties() const noexcept;
    std::size_t n_waiting() const noexcept;
    bool broken() const noexcept;

    friend bool operator==(const Barrier&, const Barrier&) = default;

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace ringlet::threading

#pragma once
// What gevent's Group and Pool keep track of: greenlets that are not over, and how many more may be. The
// mapping functions are in pool.hpp.

#include <ringlet/core/gevent/event.hpp>
#include <ringlet/core/gevent/lock.hpp>
#include <ringlet/core/gevent/queue.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace ringlet::gevent {

class PoolFull : public Full {
public:
    PoolFull() : Full("the pool is full") {}
};

/// A handle; copies name the same tracked greenlets.
class TrackedGreenlets {
public:
    /// Python's len(group): how many are tracked.
    std::size_t size() const noexcept { return state_->greenlets.size(); }
    bool empty() const noexcept { return size() == 0; }
    explicit operator bool() const noexcept { return !empty(); }
    bool contains(const AnyGreenlet& g) const noexcept { return find(state_->greenlets, g); }
    std::vector<AnyGreenlet> greenlets() const { return state_->greenlets; }

    /// Tracks it until it is over, and counts it once. In a full pool waits for room, and throws PoolFull when
    /// `timeout` came first, or at once if not `blocking`.
    void add(AnyGreenlet g, bool blocking = true, interval timeout = None) const;
    /// Tracks it no longer.
    void discard(const AnyGreenlet& g) const;
    /// add(), and then starts it.
    void start(AnyGreenlet g, bool blocking = true, interval timeout = None) const {
        add(g, blocking, timeout);
        g.start();
    }

    /// Starts fn(args...) and tracks it; waits for room first.
    template <class Fn, class... Args>
    auto spawn(Fn&& fn, Args&&... args) const {
        using T = detail::body_result<Fn, Args...>;
        const Greenlet<T> g(std::forward<Fn>(fn), std::forward<Args>(args)...);
        start(g);
        return g;
    }

    /// Waits until none is tracked; false when `timeout` came first. With raise_error throws the error of
    /// one of those that were tracked when it was called.
    bool join(interval timeout = None, bool raise_error = false) const;

    /// Raises `exception` once in each that is tracked. With `block` waits for their ends; `timeout` ends
    /// the wait and not more.
    void kill(std::exception_ptr exception = std::make_exception_ptr(GreenletExit()), bool block = true,
              interval timeout = None) const;
    void kill(std::same_as<bool> auto block, interval timeout = None) const {
        kill(std::make_exception_ptr(GreenletExit()), block, timeout);
    }
    template <raisable E>
    void kill(E exception, bool block = true, interval timeout = None) const {
        kill(std::make_exception_ptr(std::move(exception)), block, timeout);
    }
    /// The same for one, if it is tracked and was not killed so before.
    void killone(const AnyGreenlet& g, std::exception_ptr exception = std::make_exception_ptr(GreenletExit()),
                 bool block = true, interval timeout = None) const;
    void killone(const AnyGreenlet& g, std::same_as<bool> auto block, interval timeout = None) const {
        killone(g, std::make_exception_ptr(GreenletExit()), block, timeout);
    }
    template <raisable E>
    void killone(const AnyGreenlet& g, E exception, bool block = true, interval timeout = None) const {
        killone(g, std::make_exception_ptr(std::move(exception)), block, timeout);
    }

    bool full() const noexcept { return free_count() == 0; }
    /// How many more can be added now; 1 where there is no limit.
    std::size_t free_count() const noexcept;
    /// Waits until there is room; says how much, 0 when `timeout` came first.
    std::size_t wait_available(interval timeout = None) const;

    friend bool operator==(const TrackedGreenlets&, const TrackedGreenlets&) = default;

protected:
    explicit TrackedGreenlets(std::optional<std::size_t> limit);

    std::optional<std::size_t> limit() const noexcept { return state_->limit; }

private:
    struct state {
        std::vector<AnyGreenlet> greenlets;
        std::vector<std::uint64_t> links;  // one for each of them
        std::vector<AnyGreenlet> dying;  // killed once, and not again
        Event none_left;
        std::optional<std::size_t> limit;
        std::optional<Semaphore> room;
    };

    static bool find(const std::vector<AnyGreenlet>& all, const AnyGreenlet& g) noexcept;
    static std::uint64_t forget(state& s, const AnyGreenlet& g);

    std::shared_ptr<state> state_;
};

}  // namespace ringlet::gevent

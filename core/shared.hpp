#pragma once
// What greenlets of several loops, and plain threads, share: an event and a queue (with capacity 0 a
// rendezvous, that is a channel). They look like event.hpp and queue.hpp, which are for one loop and
// much cheaper: here every call takes a mutex for a moment, and a wake-up on another loop costs
// microseconds. Everything but the waits may be called from threads without a loop.

#include <ringlet/core/outside.hpp>
#include <ringlet/core/queue.hpp>

#include <deque>
#include <optional>

namespace ringlet {

class shared_event {
public:
    class awaiter;

    explicit shared_event(bool set = false) noexcept : set_(set) {}

    bool is_set() const noexcept {
        const std::lock_guard lock(mutex_);
        return set_;
    }

    /// Wakes everybody who waits; who comes later does not wait, until clear().
    void set() noexcept {
        outside_batch woken;
        const std::lock_guard lock(mutex_);
        set_ = true;
        while (!waiting_.empty())
            woken.add(waiting_.front());
    }
    void clear() noexcept {
        const std::lock_guard lock(mutex_);
        set_ = false;
    }

    /// Awaitable: until the flag is set. The event must outlive the wait.
    awaiter wait() noexcept;

private:
    mutable std::mutex mutex_;
    list<outside_waiter> waiting_;
    bool set_ = false;
};

class [[nodiscard]] shared_event::awaiter : public outside_waiter {
public:
    explicit awaiter(shared_event& e) noexcept : outside_waiter(&e.mutex_), event_(e) {}
    const char* what() const noexcept override { return "a shared event"; }
    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    bool await_suspend(std::coroutine_handle<> h) noexcept {
        const std::lock_guard lock(event_.mutex_);
        if (event_.set_)
            return false;
        park(h);
        event_.waiting_.push_back(*this);
        return true;
    }
    void await_resume() const { throw_if_aborted(); }

private:
    shared_event& event_;
};

inline shared_event::awaiter shared_event::wait() noexcept { return awaiter(*this); }

/// Hands items from greenlet to greenlet across loops, in order, with a bound. Waiters are served in
/// the order in which they came, whatever their loop. They are kept in `Items`, which is used like a deque.
template <class T, class Items = std::deque<T>>
class shared_queue {
public:
    static constexpr std::size_t unbounded = SIZE_MAX;

    class put_awaiter;
    class get_awaiter;
    class next_awaiter;

    /// `c` says what a clock that jumps does while a consumer waits.
    explicit shared_queue(std::size_t capacity = unbounded, outside_waiter::clock c = outside_waiter::clock::runs)
        : capacity_(capacity), clock_(c) {}
    shared_queue(std::size_t capacity, outside_waiter::clock c, Items items)
        : capacity_(capacity), clock_(c), items_(std::move(items)) {}

    std::size_t size() const noexcept {
        const std::lock_guard lock(mutex_);
        return items_.size();
    }
    std::size_t capacity() const noexcept { return capacity_; }
    bool closed() const noexcept {
        const std::lock_guard lock(mutex_);
        return closed_;
    }

    /// Awaitable: adds an item, waiting for room. Throws queue_closed.
    put_awaiter put(T item) { return put_awaiter(*this, std::move(item)); }

    /// Awaitable: takes the oldest item, waiting for one. Throws queue_closed when none will come.
    get_awaiter get() noexcept { return get_awaiter(*this); }

    /// Awaitable: the same as a std::optional, empty when the queue is closed and drained.
    next_awaiter next() noexcept { return next_awaiter(*this); }

    /// Adds an item if that needs no waiting; `item` is moved from only then.
    bool try_put(T& item) {
        outside_batch woken;
        const std::lock_guard lock(mutex_);
        return put_now(item, woken);
    }
    bool try_put(T&& item) { return try_put(item); }

    /// Takes an item if one is there.
    std::optional<T> try_get() {
        outside_batch woken;
        const std::lock_guard lock(mutex_);
        return get_now(woken);
    }

    /// No more items will come: consumers get what is left and then the end; producers who wait fail.
    void close() noexcept {
        outside_batch woken;
        const std::lock_guard lock(mutex_);
        closed_ = true;
        while (!getters_.empty())
            woken.add(getters_.front());
        while (!putters_.empty())
            woken.add(putters_.front());
    }

private:
    bool put_now(T& item, outside_batch& woken) {
        if (closed_)
            throw queue_closed();
        if (!getters_.empty()) {
            get_awaiter& getter = getters_.front();
            getter.item_.emplace(std::move(item));
            woken.add(getter);
            return true;
        }
        if (items_.size() >= capacity_)
            return false;
        items_.push_back(std::move(item));
        return true;
    }

    std::optional<T> get_now(outside_batch& woken) {
        std::optional<T> item;
        if (!items_.empty()) {
            item.emplace(std::move(items_.front()));
            items_.pop_front();
            while (!putters_.empty() && items_.size() < capacity_)
                store_from_putter(woken);
        } else if (!putters_.empty()) {
            item.emplace(take_from_putter(woken));
        }
        return item;
    }

    /// What keeps its item from being stored is the putter's error, and the next one comes in.
    void store_from_putter(outside_batch& woken) noexcept {
        put_awaiter& putter = putters_.front();
        try {
            items_.push_back(std::move(putter.item_));
            putter.stored_ = true;
        } catch (...) {
            putter.failed_ = std::current_exception();
        }
        woken.add(putter);
    }

    T take_from_putter(outside_batch& woken) {
        put_awaiter& putter = putters_.front();
        T item = std::move(putter.item_);  // first, because it may throw
        putter.stored_ = true;
        woken.add(putter);
        return item;
    }

    const std::size_t capacity_;
    const outside_waiter::clock clock_;
    mutable std::mutex mutex_;
    Items items_;
    list<get_awaiter> getters_;
    list<put_awaiter> putters_;
    bool closed_ = false;
};

template <class T, class Items>
class [[nodiscard]] shared_queue<T, Items>::put_awaiter : public outside_waiter {
public:
    put_awaiter(shared_queue& q, T item) : outside_waiter(&q.mutex_), queue_(q), item_(std::move(item)) {}
    const char* what() const noexcept override { return "room in a shared queue"; }
    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    bool await_suspend(std::coroutine_handle<> h) {
        outside_batch woken;
        const std::lock_guard lock(queue_.mutex_);
        if ((stored_ = queue_.put_now(item_, woken)))
            return false;
        park(h);
        queue_.putters_.push_back(*this);
        return true;
    }
    void await_resume() {
        if (stored_)
            return;
        throw_if_aborted();
        if (failed_)
            std::rethrow_exception(std::exchange(failed_, nullptr));
        throw queue_closed();
    }

private:
    friend shared_queue;
    shared_queue& queue_;
    T item_;
    bool stored_ = false;
    std::exception_ptr failed_;
};

template <class T, class Items>
class [[nodiscard]] shared_queue<T, Items>::get_awaiter : public outside_waiter {
public:
    explicit get_awaiter(shared_queue& q) noexcept : outside_waiter(&q.mutex_, q.clock_), queue_(q) {}
    const char* what() const noexcept override { return "an item from a shared queue"; }
    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    bool await_suspend(std::coroutine_handle<> h) {
        outside_batch woken;
        const std::lock_guard lock(queue_.mutex_);
        item_ = queue_.get_now(woken);
        if (item_ || queue_.closed_)
            return false;
        park(h);
        queue_.getters_.push_back(*this);
        return true;
    }
    T await_resume() {
        if (!item_) {
            throw_if_aborted();
            throw queue_closed();
        }
        return std::move(*item_);
    }

protected:
    friend shared_queue;
    shared_queue& queue_;
    std::optional<T> item_;
};

template <class T, class Items>
class [[nodiscard]] shared_queue<T, Items>::next_awaiter : public shared_queue<T, Items>::get_awaiter {
public:
    using get_awaiter::get_awaiter;
    std::optional<T> await_resume() {
        if (!this->item_)
            this->throw_if_aborted();
        return std::move(this->item_);
    }
};

}  // namespace ringlet

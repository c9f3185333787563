#pragma once
// queue<T>: hands items from greenlet to greenlet, in order, with a bound that makes producers wait
// (backpressure). An item goes straight to the consumer who waits longest; capacity 0 is a rendezvous.

#include <ringlet/core/event.hpp>
#include <ringlet/core/items.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>

namespace ringlet {

/// get() on a queue that is closed and empty, put() on a closed one.
class queue_closed : public std::runtime_error {
public:
    queue_closed() : std::runtime_error("the queue is closed") {}
};

template <class T, class Items = fifo_items<T>>
class queue {
public:
    static constexpr std::size_t unbounded = SIZE_MAX;

    class put_awaiter;
    class get_awaiter;
    class next_awaiter;

    explicit queue(std::size_t capacity = unbounded) noexcept : capacity_(capacity) {}

    std::size_t size() const noexcept { return items_.size(); }
    std::size_t capacity() const noexcept { return capacity_; }
    bool empty() const noexcept { return items_.empty(); }
    bool full() const noexcept { return items_.size() >= capacity_; }
    bool closed() const noexcept { return closed_; }

    /// Awaitable: adds an item, waiting for room. Throws queue_closed.
    put_awaiter put(T item) { return put_awaiter(*this, std::move(item)); }

    /// Awaitable: takes the oldest item, waiting for one. Throws queue_closed when none will come.
    get_awaiter get() noexcept { return get_awaiter(*this); }

    /// Awaitable: the same as a std::optional, empty when the queue is closed and drained.
    next_awaiter next() noexcept { return next_awaiter(*this); }

    /// Adds an item if that needs no waiting; `item` is moved from only then.
    bool try_put(T& item) {
        if (closed_)
            throw queue_closed();
        if (!getters_.empty()) {
            get_awaiter& getter = getters_.front();
            getter.item_.emplace(std::move(item));
            ++unfinished_;
            wake(getter);
            return true;
        }
        if (full())
            return false;
        items_.put(std::move(item));
        ++unfinished_;
        tell_watchers();
        return true;
    }
    bool try_put(T&& item) { return try_put(item); }

    /// Takes an item if one is there.
    std::optional<T> try_get() {
        std::optional<T> item;
        if (!items_.empty()) {
            item.emplace(items_.take());
            while (!putters_.empty() && items_.size() < capacity_)
                store_from_putter();
        } else if (!putters_.empty()) {
            item.emplace(take_from_putter());
        }
        return item;
    }

    /// No more items will come: consumers get what is left and then the end; producers who wait fail.
    void close() noexcept {
        closed_ = true;
        while (!getters_.empty())
            wake(getters_.front());
        while (!putters_.empty())
            wake(putters_.front());
        tell_watchers();
    }

    /// For waits for several things at once (source.hpp), which take no item: one is there, or none will
    /// ever come.
    bool ready() const noexcept { return !items_.empty() || !putters_.empty() || closed_; }
    void watch(callback& c) noexcept { c.watch_in(watching_); }

    /// Says that one item taken by get() has been dealt with; see join().
    void task_done() {
        if (unfinished_ == 0)
            throw std::logic_error("task_done was called more often than items were put");
        if (--unfinished_ == 0)
            all_done_.set();
    }

    /// Awaitable: until task_done() was called for every item ever put.
    event::awaiter join() noexcept {
        if (unfinished_ == 0)
            all_done_.set();
        else
            all_done_.clear();
        return all_done_.wait();
    }

private:
    void tell_watchers() noexcept {
        while (!watching_.empty())
            wake(watching_.front());
    }

    /// What keeps its item from being stored is the putter's error, and the next one comes in.
    void store_from_putter() noexcept {
        put_awaiter& putter = putters_.front();
        try {
            items_.put(std::move(putter.item_));
            putter.stored_ = true;
            ++unfinished_;
        } catch (...) {
            putter.failed_ = std::current_exception();
        }
        wake(putter);
    }

    T take_from_putter() {
        put_awaiter& putter = putters_.front();
        T item = std::move(putter.item_);  // first, because it may throw
        putter.stored_ = true;
        ++unfinished_;
        wake(putter);
        return item;
    }

    std::size_t capacity_;
    Items items_;
    list<get_awaiter> getters_;
    list<put_awaiter> putters_;
    list<waiter> watching_;
    std::size_t unfinished_ = 0;
    event all_done_;
    bool closed_ = false;
};

template <class T, class Items>
class queue<T, Items>::put_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "room in a queue"; }
    put_awaiter(queue& q, T item) : queue_(q), item_(std::move(item)) {}
    bool await_ready() {
        throw_if_canceled();
        return stored_ = queue_.try_put(item_);
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        queue_.putters_.push_back(*this);
        queue_.tell_watchers();
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
    friend queue;
    queue& queue_;
    T item_;
    bool stored_ = false;
    std::exception_ptr failed_;
};

template <class T, class Items>
class queue<T, Items>::get_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "an item from a queue"; }
    explicit get_awaiter(queue& q) noexcept : queue_(q) {}
    bool await_ready() {
        throw_if_canceled();
        item_ = queue_.try_get();
        return item_ || queue_.closed_;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        queue_.getters_.push_back(*this);
    }
    T await_resume() {
        if (!item_) {
            throw_if_aborted();
            throw queue_closed();
        }
        return std::move(*item_);
    }

protected:
    friend queue;
    queue& queue_;
    std::optional<T> item_;
};

template <class T, class Items>
class queue<T, Items>::next_awaiter : public queue<T, Items>::get_awaiter {
public:
    using get_awaiter::get_awaiter;
    std::optional<T> await_resume() {
        if (!this->item_)
            this->throw_if_aborted();
        return std::move(this->item_);
    }
};

/// Gives out the smallest first, and equal ones in the order in which they came.
template <class T, class Less = std::less<T>>
using priority_queue = queue<T, priority_items<T, Less>>;

/// Gives out the youngest first.
template <class T>
using lifo = queue<T, lifo_items<T>>;

}  // namespace ringlet

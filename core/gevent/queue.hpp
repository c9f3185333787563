#pragma once
// gevent.queue: Queue, JoinableQueue, SimpleQueue, PriorityQueue, LifoQueue. Handles: copies name the
// same queue. What is put into a queue stays in it until a turn of the hub calls up those who wait, so
// that whoever runs first can take it, as in gevent; core's queue hands items over at once.
//
//     for (auto& job : queue) …      until StopIteration is put into it, or it is shut down

#include <ringlet/core/gevent/event.hpp>
#include <ringlet/core/gevent/line.hpp>
#include <ringlet/core/hub_task.hpp>
#include <ringlet/core/items.hpp>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>

namespace ringlet::gevent {

class Empty : public std::runtime_error {
public:
    Empty() : std::runtime_error("the queue is empty") {}
};
class Full : public std::runtime_error {
public:
    explicit Full(const char* what = "the queue is full") : std::runtime_error(what) {}
};
class ShutDown : public std::runtime_error {
public:
    ShutDown() : std::runtime_error("the queue is shut down") {}
};

/// Ends an iteration: put it into a queue. get() throws it.
struct stop_iteration : std::exception {
    const char* what() const noexcept override { return "StopIteration"; }
};
inline constexpr struct stop_iteration_tag {
} StopIteration;

/// Walks over what next() gives until it is empty; for queues, channels and imap.
template <class Of>
class drain_iterator {
public:
    using value_type = typename Of::value_type;
    using difference_type = std::ptrdiff_t;
    explicit drain_iterator(Of of) : of_(std::move(of)), now_(of_.next()) {}
    value_type& operator*() const noexcept { return *now_; }
    drain_iterator& operator++() {
        now_ = of_.next();
        return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !now_; }

private:
    Of of_;  // a handle of its own: the name may mean another one meanwhile
    mutable std::optional<value_type> now_;
};

template <class T, class Items>
class basic_queue {
    using item = std::optional<T>;  // empty: StopIteration

public:
    using value_type = T;

    /// Holds at most `maxsize` items; 0 or None: any number.
    explicit basic_queue(std::optional<std::size_t> maxsize = None) : state_(std::make_shared<state>()) {
        state_->maxsize = maxsize.value_or(0) > 0 ? *maxsize : SIZE_MAX;
    }
    basic_queue(std::optional<std::size_t> maxsize, std::initializer_list<T> items) : basic_queue(maxsize) {
        for (const T& each : items)
            state_->store(each);
    }

    std::size_t qsize() const noexcept { return state_->items.size(); }
    std::size_t size() const noexcept { return qsize(); }
    bool empty() const noexcept { return state_->items.empty(); }
    bool full() const noexcept { return state_->full(); }
    std::size_t unfinished_tasks() const noexcept { return state_->unfinished; }

    /// Waits for room. Throws Full when `timeout` came first, or at once if not to `block`; and ShutDown.
    void put(T value, bool block = true, interval timeout = None) const {
        keep()->put(item(std::move(value)), block, timeout);
    }
    void put(stop_iteration_tag) const { keep()->put(item(), true, None); }
    void put_nowait(T value) const { put(std::move(value), false); }

    /// Waits for an item. Throws Empty when `timeout` came first, or at once if not to `block`; ShutDown
    /// when none will come.
    T get() const { return get(true); }
    T get(std::same_as<bool> auto block, interval timeout = None) const {
        const auto alive = keep();
        alive->wait_for_item(block, timeout);
        return or_stop(alive->items.take());
    }
    T get(interval timeout) const { return get(true, timeout); }
    T get_nowait() const { return get(false); }

    /// The same without taking it.
    T peek() const { return peek(true); }
    T peek(std::same_as<bool> auto block, interval timeout = None) const {
        const auto alive = keep();
        alive->wait_for_item(block, timeout, false);
        return or_stop(alive->items.first());
    }
    T peek_nowait() const { return peek(false); }

    /// The next item; empty at a StopIteration, or when it is shut down and drained.
    std::optional<T> next() const {
        const auto alive = keep();
        try {
            alive->wait_for_item(true, None);
        } catch (const ShutDown&) {
            return std::nullopt;
        }
        return alive->items.take();
    }
    drain_iterator<basic_queue> begin() const { return drain_iterator<basic_queue>(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

    /// Says that an item taken by get() has been dealt with. Throws std::invalid_argument when said more
    /// often than items were put.
    void task_done() const { state_->task_done(); }
    /// Waits until that was said of every item; false when `timeout` came first.
    bool join(interval timeout = None) const { return keep()->all_done.wait(timeout); }

    /// No more puts; gets go on until it is empty, or fail at once if `immediate`, which empties it.
    void shutdown(bool immediate = false) const { state_->shutdown(immediate); }

    /// As the target of a link.
    void operator()(T value) const { put(std::move(value)); }

    /// For wait() and iwait(): until an item is there, or none will come. It is not taken.
    operator source() const { return source(state_); }

    friend bool operator==(const basic_queue&, const basic_queue&) = default;

private:
    struct state {
        bool full() const noexcept { return items.size() >= maxsize; }
        bool ready() const noexcept { return !items.empty() || shut; }
        void watch(callback& c) noexcept { c.watch_in(watching); }

        void store(item value) {
            items.put(std::move(value));
            ++unfinished;
            all_done.clear();
            tell();
        }
        void tell() noexcept {
            while (!watching.empty())
                wake(watching.front());
        }
        void put(item value, bool block, interval timeout) {
            if (shut)
                throw ShutDown();
            if (!full()) {
                const bool calls = !getters.empty() && !calling.running();
                hub_task caller = calls ? call_them_up() : hub_task();  // first: there may be no memory for it
                store(std::move(value));
                if (calls)
                    call_up_by(std::move(caller));
                return;
            }
            if (!block)
                throw Full();
            place_in_line place("room in a Queue", putters);
            if (!getters.empty())
                call_up();
            if (!place.wait(timeout))
                throw Full();
            if (shut)
                throw ShutDown();
            store(std::move(value));
        }
        void wait_for_item(bool block, interval timeout, bool taking = true) {
            if (!items.empty()) {
                if (taking && !putters.empty())
                    call_up();
                return;
            }
            if (shut)
                throw ShutDown();
            if (!block)
                throw Empty();
            place_in_line place("an item from a Queue", getters);
            if (!putters.empty())
                call_up();
            if (!place.wait(timeout))
                throw Empty();
            if (items.empty())
                throw ShutDown();
        }
        void task_done() {
            if (unfinished == 0)
                throw std::invalid_argument("task_done() was called too many times");
            if (--unfinished == 0)
                all_done.set();
        }
        void shutdown(bool immediate) {
            shut = true;
            Items thrown_away;  // at the end, since their destructors may look at the queue
            if (immediate) {
                std::swap(items, thrown_away);
                unfinished -= std::min(unfinished, thrown_away.size());  // those that were taken are still in work
                if (unfinished == 0)
                    all_done.set();
            }
            tell();
            while (!getters.empty())
                wake(getters.front());
            while (!putters.empty())
                wake(putters.front());
        }

        void call_up() {
            if (!calling.running())
                call_up_by(call_them_up());
        }
        void call_up_by(hub_task caller) noexcept {
            calling = std::move(caller);
            calling.start();
        }
        /// Who is called up runs at once, and puts or takes its item itself: what that throws is thrown there.
        hub_task call_them_up() {
            for (bool again = true; again;) {
                again = false;
                if (!putters.empty() && !full()) {
                    again = true;
                    co_await hub_task::hand_over(putters.front());
                }
                if (!getters.empty() && !items.empty()) {
                    again = true;
                    co_await hub_task::hand_over(getters.front());
                }
            }
        }

        Items items;
        std::size_t maxsize = SIZE_MAX;
        list<place_in_line> getters;
        list<place_in_line> putters;
        list<waiter> watching;
        std::size_t unfinished = 0;
        Event all_done = [] {
            Event e;
            e.set();
            return e;
        }();
        bool shut = false;
        hub_task calling;
    };

    /// Who waits keeps the queue alive.
    std::shared_ptr<state> keep() const {
        hub();
        return state_;
    }
    static T or_stop(item value) {
        if (!value)
            throw stop_iteration();
        return std::move(*value);
    }

    std::shared_ptr<state> state_;
};

/// StopIteration after everything else.
template <class T, class Less>
struct less_item {
    Less less;
    bool operator()(const std::optional<T>& a, const std::optional<T>& b) const { return a && (!b || less(*a, *b)); }
};

template <class T>
using Queue = basic_queue<T, fifo_items<std::optional<T>>>;
template <class T>
using JoinableQueue = Queue<T>;
template <class T>
using SimpleQueue = Queue<T>;
template <class T>
using LifoQueue = basic_queue<T, lifo_items<std::optional<T>>>;
/// The smallest first; among equals the one that was put first.
template <class T, class Less = std::less<T>>
using PriorityQueue = basic_queue<T, priority_items<std::optional<T>, less_item<T, Less>>>;

}  // namespace ringlet::gevent

#pragma once
// as_completed, wait_any, wait_all: waits for several things at once. as_completed gives them one by
// one, in the order in which they come:
//
//     for (auto done = as_completed(greenlets); auto g = co_await done.next();)
//         use(co_await g->get());

#include <ringlet/core/source.hpp>
#include <ringlet/core/task.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace ringlet {

/// The untyped part: numbers of sources in the order of their arrival. Each arrives once.
class arrival_order {
public:
    arrival_order() = default;
    arrival_order(const arrival_order&) = delete;
    arrival_order& operator=(const arrival_order&) = delete;

    /// What does not arrive before `this` goes is simply no longer watched.
    void add(const source& s) {
        // Its place is there before it can come: then there is nobody who could be told that it is missing.
        if (arrived_.capacity() == spots_.size())
            arrived_.reserve(2 * spots_.size() + 1);
        spots_.emplace_back(*this, spots_.size());
        s.watch(spots_.back());
    }

    std::size_t size() const noexcept { return spots_.size(); }
    std::size_t left() const noexcept { return spots_.size() - taken_; }

    class next_awaiter;

    /// Awaitable: the number of the next to arrive. At least one must be left.
    next_awaiter next() noexcept;

private:
    class spot : public callback {
    public:
        spot(arrival_order& order, std::size_t number) noexcept : order_(order), number_(number) {}
        const char* what() const noexcept override { return "one of several things"; }

    private:
        void take_turn() noexcept override;
        arrival_order& order_;
        std::size_t number_;
    };

    std::deque<spot> spots_;
    std::vector<std::size_t> arrived_;
    std::size_t taken_ = 0;
    list<waiter> waiting_;  // at most one
};

class [[nodiscard]] arrival_order::next_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "one of several things"; }
    explicit next_awaiter(arrival_order& order) noexcept : order_(order) {}
    bool await_ready() const {
        throw_if_canceled();
        return order_.taken_ < order_.arrived_.size();
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        check(order_.waiting_.empty(), "one greenlet at a time asks what arrives next");
        park(h);
        order_.waiting_.push_back(*this);
    }
    std::size_t await_resume() const {
        throw_if_aborted();
        return order_.arrived_[order_.taken_++];
    }

private:
    bool wakes_empty_handed() const noexcept override { return true; }

    arrival_order& order_;
};

inline arrival_order::next_awaiter arrival_order::next() noexcept { return next_awaiter(*this); }

// The one who waits takes over the turn of what arrived, so that nobody runs in between.
inline void arrival_order::spot::take_turn() noexcept {
    order_.arrived_.push_back(number_);
    if (order_.waiting_.empty())
        return;
    waiter& w = order_.waiting_.front();
    wake(w);
    loop::current().run_first(w);
}

/// X is what is waited for: a greenlet<T>, or a source for a mixture.
template <class X>
class arrivals {
public:
    explicit arrivals(std::vector<X> items) : items_(std::move(items)), order_(std::make_unique<arrival_order>()) {
        for (const X& item : items_)
            order_->add(source(item));
    }

    /// How many have not been given out.
    std::size_t left() const noexcept { return order_->left(); }

    class next_awaiter : public arrival_order::next_awaiter {
    public:
        explicit next_awaiter(arrivals& all) noexcept : arrival_order::next_awaiter(*all.order_), all_(all) {}
        bool await_ready() const { return all_.left() == 0 || arrival_order::next_awaiter::await_ready(); }
        std::optional<X> await_resume() const {
            if (all_.left() == 0)
                return std::nullopt;
            return all_.items_[arrival_order::next_awaiter::await_resume()];
        }

    private:
        arrivals& all_;
    };

    /// Awaitable: the next one to be ready, as a std::optional; empty when all have been given out.
    next_awaiter next() noexcept { return next_awaiter(*this); }

private:
    std::vector<X> items_;
    std::unique_ptr<arrival_order> order_;
};

/// Begins to watch all of them. They may be greenlets of one type, or sources; greenlets are kept alive,
/// everything else must outlive the wait.
template <class X>
arrivals<X> as_completed(std::vector<X> items) {
    return arrivals<X>(std::move(items));
}
inline arrivals<source> as_completed(std::initializer_list<source> items) {
    return arrivals<source>(std::vector<source>(items));
}

/// Awaitable: the first `count` to be ready, in the order in which they came.
template <class X>
task<std::vector<X>> wait_some(std::vector<X> items, std::size_t count) {
    count = std::min(count, items.size());
    arrivals<X> all(std::move(items));
    std::vector<X> ready;
    while (ready.size() < count)
        ready.push_back(*co_await all.next());
    co_return ready;
}

/// Awaitable: all of them, in the order in which they came.
template <class X>
task<std::vector<X>> wait_all(std::vector<X> items) {
    const std::size_t count = items.size();
    return wait_some(std::move(items), count);
}
inline task<std::vector<source>> wait_all(std::initializer_list<source> items) {
    return wait_all(std::vector<source>(items));
}

/// Awaitable: the first to be ready. There must be one.
template <class X>
task<X> wait_any(std::vector<X> items) {
    check(!items.empty(), "wait_any needs something to wait for");
    arrivals<X> all(std::move(items));
    co_return *co_await all.next();
}
inline task<source> wait_any(std::initializer_list<source> items) { return wait_any(std::vector<source>(items)); }

}  // namespace ringlet

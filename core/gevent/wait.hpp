#pragma once
// gevent.wait, iwait, joinall, killall, kill: waiting for several things, and killing several.

#include <ringlet/core/arrivals.hpp>
#include <ringlet/core/gevent/kill.hpp>

#include <initializer_list>
#include <ranges>

namespace ringlet::gevent {

/// Greenlets, events, results, semaphores: whatever iwait() takes. A greenlet or a shared object is kept
/// alive by it.
using Waitable = source;

template <class R>
concept list_of_waitables =
    std::ranges::input_range<R> && std::convertible_to<std::ranges::range_reference_t<R>, Waitable>;

/// What iwait gives: `for (auto& ready : iwait(…))`. Each comes when it is ready, in that order, until
/// `count` have come or `timeout` has. Meanwhile others may be waited for.
template <class X>
class WaitIterator {
public:
    WaitIterator(std::vector<X> objects, interval timeout, std::optional<std::size_t> count)
        : all_(std::move(objects)),
          left_(std::min(count.value_or(all_.left()), all_.left())),
          until_(timeout.infinite() ? never : after(hub().fresh_now(), timeout.length())) {}

    /// The next one; empty when there are no more, or time is up.
    std::optional<X> next() {
        std::optional<X> found;
        if (left_ == 0)
            return found;
        const interval rest = until_ == never ? interval() : interval(until_ - hub().fresh_now());
        left_ = within(rest, [&] { found = await(all_.next()); }) ? left_ - 1 : 0;
        return found;
    }

    class iterator {
    public:
        using value_type = X;
        using difference_type = std::ptrdiff_t;
        explicit iterator(WaitIterator& of) : of_(&of), now_(of.next()) {}
        const X& operator*() const noexcept { return *now_; }
        const X* operator->() const noexcept { return &*now_; }
        iterator& operator++() {
            now_ = of_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept { return !now_; }

    private:
        WaitIterator* of_;
        std::optional<X> now_;
    };
    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    arrivals<X> all_;
    std::size_t left_;
    time_point until_;
};

template <list_of_waitables R>
auto iwait(const R& objects, interval timeout = None, std::optional<std::size_t> count = None) {
    using X = std::ranges::range_value_t<R>;
    return WaitIterator<X>(std::vector<X>(std::ranges::begin(objects), std::ranges::end(objects)), timeout, count);
}
inline auto iwait(std::initializer_list<Waitable> objects, interval timeout = None,
                  std::optional<std::size_t> count = None) {
    return WaitIterator<Waitable>(objects, timeout, count);
}

/// Those that became ready, in that order.
template <list_of_waitables R>
auto wait(const R& objects, interval timeout = None, std::optional<std::size_t> count = None) {
    std::vector<std::ranges::range_value_t<R>> ready;
    auto all = iwait(objects, timeout, count);
    while (auto next = all.next())
        ready.push_back(std::move(*next));
    return ready;
}
inline std::vector<Waitable> wait(std::initializer_list<Waitable> objects, interval timeout = None,
                                  std::optional<std::size_t> count = None) {
    return wait(std::vector<Waitable>(objects), timeout, count);
}

/// Runs until nothing is left that could ever run, and then returns true; false when `timeout` came
/// first. Only the main program may: elsewhere it throws std::logic_error.
bool wait(interval timeout = None);

/// Waits until all (or `count`) are over or `timeout` has come; gives those that are, in the order in
/// which they ended. With raise_error, throws the first error that one of them died of.
template <std::ranges::input_range R>
    requires std::derived_from<std::ranges::range_value_t<R>, AnyGreenlet>
auto joinall(const R& greenlets, interval timeout = None, bool raise_error = false,
             std::optional<std::size_t> count = None) {
    std::vector<std::ranges::range_value_t<R>> done;
    auto all = iwait(greenlets, timeout, count);
    while (auto next = all.next()) {
        if (raise_error)
            if (auto error = next->exception())
                std::rethrow_exception(error);
        done.push_back(std::move(*next));
    }
    return done;
}
inline std::vector<AnyGreenlet> joinall(std::initializer_list<AnyGreenlet> greenlets, interval timeout = None,
                                        bool raise_error = false, std::optional<std::size_t> count = None) {
    return joinall(std::vector<AnyGreenlet>(greenlets), timeout, raise_error, count);
}

/// Raises `exception` in all of them. With `block` returns when they are over, and throws Timeout when
/// `timeout` comes first.
void killall(std::vector<AnyGreenlet> greenlets, std::exception_ptr exception, bool block = true,
             interval timeout = None);
template <std::ranges::input_range R>
    requires std::derived_from<std::ranges::range_value_t<R>, AnyGreenlet>
void killall(const R& greenlets, std::exception_ptr exception = std::make_exception_ptr(GreenletExit()),
             bool block = true, interval timeout = None) {
    killall(std::vector<AnyGreenlet>(std::ranges::begin(greenlets), std::ranges::end(greenlets)), exception, block,
            timeout);
}
template <std::ranges::input_range R>
    requires std::derived_from<std::ranges::range_value_t<R>, AnyGreenlet>
void killall(const R& greenlets, std::same_as<bool> auto block, interval timeout = None) {
    killall(greenlets, std::make_exception_ptr(GreenletExit()), block, timeout);
}
template <std::ranges::input_range R, raisable E>
    requires std::derived_from<std::ranges::range_value_t<R>, AnyGreenlet>
void killall(const R& greenlets, E exception, bool block = true, interval timeout = None) {
    killall(greenlets, std::make_exception_ptr(std::move(exception)), block, timeout);
}
inline void killall(std::initializer_list<AnyGreenlet> greenlets, std::same_as<bool> auto block,
                    interval timeout = None) {
    killall(std::vector<AnyGreenlet>(greenlets), std::make_exception_ptr(GreenletExit()), block, timeout);
}
inline void killall(std::initializer_list<AnyGreenlet> greenlets,
                    std::exception_ptr exception = std::make_exception_ptr(GreenletExit()), bool block = true,
                    interval timeout = None) {
    killall(std::vector<AnyGreenlet>(greenlets), exception, block, timeout);
}
template <raisable E>
void killall(std::initializer_list<AnyGreenlet> greenlets, E exception, bool block = true, interval timeout = None) {
    killall(greenlets, std::make_exception_ptr(std::move(exception)), block, timeout);
}

/// Python's `with Greenlet.spawn(…):` joins it after body(). When body() throws, the greenlet is killed with the
/// same exception; when something ends the join, with GreenletExit.
template <std::invocable Fn>
void with(AnyGreenlet greenlet, Fn body) {
    try {
        body();
    } catch (...) {
        greenlet.kill(std::current_exception());
        throw;
    }
    try {
        greenlet.join();
    } catch (...) {
        greenlet.kill();
        throw;
    }
}

/// Raises GreenletExit, or `exception`, in the greenlet at its next occasion; does not wait for it.
inline void kill(const AnyGreenlet& greenlet) { greenlet.kill(false); }
template <class E>
void kill(const AnyGreenlet& greenlet, E exception) {
    greenlet.kill(std::move(exception), false);
}

}  // namespace ringlet::gevent

#pragma once
// gevent.event: Event and AsyncResult. Both are handles, as names are in Python: copies name the same
// object, and it lives as long as somebody has one.

#include <ringlet/core/gevent/greenlet.hpp>
#include <ringlet/core/gevent/linkable.hpp>

#include <optional>
#include <variant>

namespace ringlet::gevent {

class Event {
public:
    Event() : state_(std::make_shared<state>()) {}

    bool is_set() const noexcept { return state_->ready(); }
    bool isSet() const noexcept { return is_set(); }
    bool ready() const noexcept { return is_set(); }

    /// Everybody who waits now will be told, even if it is cleared before they run.
    void set() const { state_->set(true); }
    void clear() const { state_->set(false); }

    /// Waits until it is set; false only when `timeout` came first.
    bool wait(interval timeout = None) const { return state_->wait(timeout); }

    /// Calls fn(Event) on the hub when it is set, unless the loop ends. `fn` must not block.
    template <class Fn>
    std::uint64_t rawlink(Fn fn) const {
        return state_->rawlink([fn, self = std::weak_ptr<state>(state_)]() mutable { fn(Event(self.lock())); });
    }
    bool unlink(std::uint64_t link) const noexcept { return state_->unlink(link); }

    operator source() const { return source(state_); }
    friend bool operator==(const Event&, const Event&) = default;

private:
    struct state final : linkable {
        state() noexcept : linkable("an Event", true) {}
        bool ready() const noexcept override { return flag; }
        void set(bool to) {
            flag = to;
            if (to)
                notify_if_ready();
        }
        bool wait(interval timeout) {
            if (!flag)
                return wait_to_be_told(timeout);
            wait_behind_others();
            return true;
        }
        bool flag = false;
    };
    explicit Event(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

    std::shared_ptr<state> state_;
};

/// A result that somebody sets once, or an error. `greenlet.link(result)` sets it when the greenlet ends.
template <class T = void>
class AsyncResult {
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

public:
    using value_type = T;

    AsyncResult() : state_(std::make_shared<state>()) {}

    bool ready() const noexcept { return state_->ready(); }
    bool successful() const noexcept { return state_->value.has_value(); }
    bool done() const noexcept { return ready(); }

    template <class U = stored>
    void set(U&& value) const
        requires(!std::is_void_v<T>)
    {
        state_->value.emplace(std::forward<U>(value));
        state_->tell();
    }
    void set() const
        requires std::is_void_v<T>
    {
        state_->value.emplace();
        state_->tell();
    }
    void set_exception(std::exception_ptr error) const {
        state_->error = std::move(error);
        state_->tell();
    }
    template <class E>
        requires(!std::convertible_to<E, std::exception_ptr>)
    void set_exception(E error) const {
        set_exception(std::make_exception_ptr(std::move(error)));
    }

    /// Waits for the result and gives it, or throws the error. Throws Timeout when `timeout` came first.
    T get(interval timeout = None) const {
        const auto held = state_;  // `this` may go meanwhile, as an entry of a table of answers to come
        if (!held->ready() && !held->wait(timeout))
            throw Timeout(timeout);
        if (!held->value)
            std::rethrow_exception(held->error);
        if constexpr (std::is_copy_constructible_v<T>)
            return *held->value;
        else if constexpr (!std::is_void_v<T>)
            return std::move(*held->value);
    }
    T get(std::same_as<bool> auto block, interval timeout = None) const {
        if (!block && !ready())
            throw Timeout();
        return get(timeout);
    }
    T get_nowait() const { return get(false); }
    T result(interval timeout = None) const { return get(timeout); }

    /// Waits and gives the result: empty when there was an error, or `timeout` came first. What cannot be copied
    /// stays where it is, and is there as long as somebody has a handle.
    std::conditional_t<std::copy_constructible<stored>, std::optional<stored>, const std::optional<stored>&> wait(
        interval timeout = None) const {
        const auto held = state_;
        if (!held->ready())
            held->wait(timeout);
        return held->value;
    }
    const std::optional<stored>& value() const noexcept { return state_->value; }
    std::exception_ptr exception() const noexcept { return state_->error; }

    /// As the target of a link. One that was killed by GreenletExit sets greenlet_killed, unless T is void.
    template <class U>
    void operator()(const Greenlet<U>& source) const {
        if (auto error = source.exception())
            set_exception(error);
        else if constexpr (std::is_void_v<T>)
            set();
        else if (source.value())
            copy(*source.value());
        else
            set_exception(greenlet_killed(source.name() + " was killed"));
    }

    /// Calls fn(AsyncResult) on the hub when it is ready, unless the loop ends. `fn` must not block.
    template <class Fn>
    std::uint64_t rawlink(Fn fn) const {
        return state_->rawlink(with_this(std::move(fn)));
    }
    /// While the loop ends, too: for those whom somebody in a shield waits for.
    template <class Fn>
    std::uint64_t add_link(Fn fn) const {
        return state_->add_link(with_this(std::move(fn)));
    }
    bool unlink(std::uint64_t link) const noexcept { return state_->unlink(link); }

    operator source() const { return source(state_); }
    friend bool operator==(const AsyncResult&, const AsyncResult&) = default;

private:
    struct state final : linkable {
        state() noexcept : linkable("an AsyncResult", true) {}
        bool ready() const noexcept override { return value || error; }
        void tell() { notify_if_ready(); }
        bool wait(interval timeout) { return wait_to_be_told(timeout); }
        std::optional<stored> value;
        std::exception_ptr error;
    };
    explicit AsyncResult(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

    template <class Fn>
    auto with_this(Fn fn) const {
        return [fn = std::move(fn), self = std::weak_ptr<state>(state_)]() mutable { fn(AsyncResult(self.lock())); };
    }

    template <class U>
    void copy(const U& value) const {
        try {
            set(value);
        } catch (...) {
            set_exception(std::current_exception());
        }
    }

    std::shared_ptr<state> state_;
};

}  // namespace ringlet::gevent

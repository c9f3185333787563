#pragma once
// promise and future: one result, or error, that somebody will set, and that any number can wait for.
// Both are handles of the same place.

#include <ringlet/core/callback.hpp>
#include <ringlet/core/greenlet_base.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <variant>

namespace ringlet {

/// What a future gives when the last promise went without having set anything.
class broken_promise : public std::logic_error {
public:
    broken_promise() : std::logic_error("the promise was dropped before it was kept") {}
};

namespace detail {

template <class T>
struct future_state {
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    bool ready() const noexcept { return value || error; }
    void watch(callback& c) noexcept { c.watch_in(waiting); }
    void tell() noexcept {
        while (!waiting.empty())
            wake(waiting.front());
    }
    void check_unset() const {
        if (ready())
            throw std::logic_error("a promise is kept once");
    }

    std::optional<stored> value;
    std::exception_ptr error;
    list<waiter> waiting;
    std::size_t promises = 0;
};

}  // namespace detail

/// Waits for the result. Copies name the same one.
template <class T = void>
class future {
    using state = detail::future_state<T>;

public:
    explicit future(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

    bool ready() const noexcept { return state_->ready(); }
    void watch(callback& c) const noexcept { state_->watch(c); }

    class [[nodiscard]] wait_awaiter : public waiter {
        const char* what() const noexcept override { return "a future"; }

    public:
        explicit wait_awaiter(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
        bool await_ready() const {
            throw_if_canceled();
            return state_->ready();
        }
        void await_suspend(std::coroutine_handle<> h) noexcept {
            park(h);
            state_->waiting.push_back(*this);
        }
        void await_resume() const { throw_if_aborted(); }

    protected:
        std::shared_ptr<state> state_;
    };

    class [[nodiscard]] get_awaiter : public wait_awaiter {
    public:
        using wait_awaiter::wait_awaiter;
        T await_resume() const {
            this->throw_if_aborted();
            state& s = *this->state_;
            if (s.error)
                std::rethrow_exception(s.error);
            if constexpr (std::is_copy_constructible_v<T>)
                return *s.value;
            else if constexpr (!std::is_void_v<T>)
                return std::move(*s.value);
        }
    };

    /// Awaitable: until there is a result or an error.
    wait_awaiter wait() const noexcept { return wait_awaiter(state_); }

    /// Awaitable: the result, or throws the error. What cannot be copied is moved out, so that it can be
    /// asked for once.
    get_awaiter get() const noexcept { return get_awaiter(state_); }
    get_awaiter operator co_await() const noexcept { return get(); }

private:
    std::shared_ptr<state> state_;
};

template <class T = void>
class promise {
    using state = detail::future_state<T>;

public:
    promise() : promise(std::make_shared<state>()) {}
    promise(const promise& other) noexcept : promise(other.state_) {}
    promise& operator=(promise other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    /// The last promise to go leaves broken_promise, if nothing was set.
    ~promise() {
        if (--state_->promises == 0 && !state_->ready()) {
            state_->error = std::make_exception_ptr(broken_promise());
            state_->tell();
        }
    }

    ringlet::future<T> future() const noexcept { return ringlet::future<T>(state_); }
    bool ready() const noexcept { return state_->ready(); }

    /// Everybody who waits wakes. Throws std::logic_error the second time.
    template <class U = typename state::stored>
    void set_value(U&& value) const
        requires(!std::is_void_v<T>)
    {
        state_->check_unset();
        state_->value.emplace(std::forward<U>(value));
        state_->tell();
    }
    void set_value() const
        requires std::is_void_v<T>
    {
        state_->check_unset();
        state_->value.emplace();
        state_->tell();
    }
    void set_error(std::exception_ptr error) const {
        state_->check_unset();
        state_->error = std::move(error);
        state_->tell();
    }
    template <class E>
        requires(!std::is_convertible_v<E, std::exception_ptr>)
    void set_error(E error) const {
        set_error(std::make_exception_ptr(std::move(error)));
    }

private:
    explicit promise(std::shared_ptr<state> s) noexcept : state_(std::move(s)) { ++state_->promises; }

    std::shared_ptr<state> state_;
};

}  // namespace ringlet

#pragma once
// greenlet<T>: the handle of what spawn started, coroutine or fiber alike. It is a value: copies name
// the same greenlet, and the greenlet lives on when all of them are gone. Everything that waits is an
// awaitable: `co_await g.get()` in a coroutine, `await(g.get())` on a fiber or in the main program.

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/task.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace ringlet {

/// A greenlet together with the place for its result.
template <class T>
struct greenlet_state : greenlet_base {
    using greenlet_base::greenlet_base;
    using stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;
    std::optional<stored> value;

protected:
    void keep(T&& result) {
        if constexpr (std::is_reference_v<T>)
            value.emplace(std::addressof(result));
        else
            value.emplace(std::move(result));
    }

    void take_result(std::coroutine_handle<> body) override {
        if (on_fiber())  // which has kept it already
            promise_of<task_promise<void>>(body).take();
        else
            keep(promise_of<task_promise<T>>(body).take());
    }
};

template <>
struct greenlet_state<void> : greenlet_base {
    using greenlet_base::greenlet_base;

protected:
    void take_result(std::coroutine_handle<> body) override { promise_of<task_promise<void>>(body).take(); }
};

/// Waits for the end of a greenlet, and ignores how it ended.
class [[nodiscard]] join_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "join"; }
    explicit join_awaiter(greenlet_base& g) noexcept : waiter(source::greenlets, kind::join), target_(&g) {
        target_->retain();
    }
    join_awaiter(join_awaiter&& other) noexcept : waiter(std::move(other)), target_(other.target_) {
        target_->retain();
    }
    ~join_awaiter() override { target_->release(); }

    bool await_ready() const {
        throw_if_canceled();
        return target_->dead();
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        target_->add_joiner(*this);
    }
    void await_resume() const { throw_if_aborted(); }

    greenlet_base& target() const noexcept { return *target_; }

private:
    bool wakes_empty_handed() const noexcept override { return true; }

    greenlet_base* target_;
};

/// Waits for the end of a greenlet and gives its result.
template <class T>
class [[nodiscard]] get_awaiter_of : public join_awaiter {
public:
    explicit get_awaiter_of(greenlet_state<T>& g) noexcept : join_awaiter(g) {}
    T await_resume() const {
        throw_if_aborted();
        auto& g = static_cast<greenlet_state<T>&>(target());
        if (auto e = g.error())
            std::rethrow_exception(e);
        if (g.result_kind() == greenlet_base::outcome::killed)
            throw greenlet_killed(g.name() + " was killed");
        if constexpr (std::is_reference_v<T>)
            return static_cast<T>(**g.value);
        else if constexpr (std::is_copy_constructible_v<T>)
            return *g.value;
        else if constexpr (!std::is_void_v<T>)
            return std::move(*g.value);
    }
};

template <class T = void>
class greenlet {
public:
    using value_type = T;

    greenlet() = default;
    explicit greenlet(greenlet_state<T>& state) noexcept : state_(&state) { state_->retain(); }
    greenlet(const greenlet& other) noexcept : state_(other.state_) {
        if (state_ != nullptr)
            state_->retain();
    }
    greenlet(greenlet&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    greenlet& operator=(greenlet other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~greenlet() {
        if (state_ != nullptr)
            state_->release();
    }

    /// True when it is over, however it ended.
    bool ready() const noexcept { return state().dead(); }
    /// True when it ended by returning.
    bool successful() const noexcept { return state().result_kind() == greenlet_base::outcome::value; }
    /// The error it died of, or null. Asking counts as handling it: it is not reported again.
    std::exception_ptr exception() const noexcept { return state().error(); }

    /// Awaitable: until it is over. Never throws on account of how it ended.
    join_awaiter join() const { return join_awaiter(state()); }

    /// Awaitable: until it is over; gives its result, rethrows its error, or throws greenlet_killed.
    /// A result that cannot be copied is moved out, so that it can be asked for once.
    get_awaiter_of<T> get() const { return get_awaiter_of<T>(state()); }

    /// Asks it to stop: the wait it is in fails with `canceled`, and so does every later one, until it
    /// has unwound. One that has not run yet never runs. Join it to know when it is over.
    void kill() const noexcept { state().kill(); }

    /// Calls `fn` with this handle in a new greenlet when it is over, in the order in which links and
    /// joiners came; soon, if it is over already. Returns a number for unlink. Needs spawn.hpp.
    template <class Fn>
    std::uint64_t link(Fn fn) const {
        return state().add_link([fn = std::move(fn)](greenlet_base& g) {
            const auto called = spawn(fn, greenlet(static_cast<greenlet_state<T>&>(g)));
            loop::current().run_first(called.state());
        });
    }

    /// The same without a greenlet: `fn` is called by the loop itself, and must not wait. Not while the loop
    /// ends, lest one that starts anew what has died goes on for ever.
    template <class Fn>
    std::uint64_t rawlink(Fn fn) const {
        return state().add_link([fn = std::move(fn)](greenlet_base& g) {
            if (!loop::current().ending())
                fn(greenlet(static_cast<greenlet_state<T>&>(g)));
        });
    }

    /// Takes a link back; false when it was called already.
    bool unlink(std::uint64_t link) const noexcept { return state().remove_link(link); }

    std::uint64_t id() const noexcept { return state().id(); }
    std::string name() const { return state().name(); }
    void set_name(std::string name) const { state().set_name(std::move(name)); }

    explicit operator bool() const noexcept { return state_ != nullptr; }
    friend bool operator==(const greenlet&, const greenlet&) = default;

    greenlet_state<T>& state() const noexcept {
        check(state_ != nullptr, "this handle names no greenlet");
        return *state_;
    }

private:
    greenlet_state<T>* state_ = nullptr;
};

}  // namespace ringlet

#pragma once
// fiber<T>: stacks that are switched by hand, each naming who runs next; Python's greenlet. No loop is
// needed. Values of type T travel with every switch, in both directions:
//
//     fiber<int> doubler([](int n) { for (;;) n = fiber<int>::current().parent().switch_to(2 * n); });
//     doubler.switch_to(4);    // 8
//
// Inside a greenlet that is a fiber, await() in a fiber<T> suspends the greenlet with all its fibers.

#include <ringlet/core/context.hpp>

#include <concepts>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace ringlet {

/// Thrown in a fiber that is destroyed while it is suspended, so that its stack unwinds. Like `canceled`
/// it is not a std::exception. A fiber that ends with it is not in error.
struct fiber_exit {};

template <class T>
class fiber;
template <class T>
class fiber_ref;

namespace detail {

/// What travels with a switch. It lives with the sender until the receiver has taken it.
struct fiber_message {
    void* value = nullptr;
    const void* type = nullptr;
    std::exception_ptr error;
    class fiber_state* from = nullptr;  // whose turn has ended; null for the root
};

/// The stack that was there first in this thread, or in this greenlet, is the root of a family of
/// fibers. Fibers can switch within their family only.
class fiber_state : public context {
public:
    /// The fiber that runs now; null when it is the root.
    static fiber_state* current() noexcept;
    static context* current_root() noexcept;

    /// Stops what runs now, to go on in `target` (null: the root), or if that is dead in its nearest
    /// living parent. Returns what is sent to this place next, or throws what is thrown into it. Throws
    /// std::logic_error when `target` belongs to another family.
    static fiber_message& go(fiber_state* target, context* root, fiber_message& sent);

    void retain() noexcept { ++references_; }
    /// The last one unwinds the fiber if it is suspended.
    void release() noexcept;

    const char* name() const noexcept override { return "fiber"; }
    bool dead() const noexcept { return over() || ended_; }
    bool started() const noexcept { return started_; }
    fiber_state* parent() const noexcept { return parent_; }
    context* root() const noexcept { return root_; }

    /// Ends the turn of whoever sent `m`. To be called when its value has been taken.
    static void finish(fiber_message& m) noexcept;

protected:
    explicit fiber_state(std::size_t stack_size);
    ~fiber_state() override;

    /// Runs the function; leaves in `last` what it returned.
    virtual void call(fiber_message& first, fiber_message& last) = 0;

private:
    exit run(void* message) override;
    fiber_state* users_fiber() noexcept override { return this; }
    fiber_host* host() noexcept override { return root_->host(); }
    void unwind() noexcept;

    context* root_;
    fiber_state* parent_;  // retained
    fiber_message last_;
    std::size_t references_ = 0;
    bool started_ = false;
    bool ended_ = false;  // before it started
};

template <class T>
struct fiber_value {
    static inline const char tag = 0;

    /// Switches, and gives what comes back.
    static T exchange(fiber_state* target, context* root, T* sent, std::exception_ptr error = {}) {
        fiber_message m{sent, &tag, std::move(error), nullptr};
        return take(fiber_state::go(target, root, m));
    }
    static T take(fiber_message& m);
};

[[noreturn]] void throw_wrong_type();

template <class T>
T fiber_value<T>::take(fiber_message& m) {
    if (m.value == nullptr) {  // it ended by fiber_exit
        fiber_state::finish(m);
        if constexpr (std::is_default_constructible_v<T>)
            return T();
        else
            throw fiber_exit();
    }
    if (m.type != &tag)
        throw_wrong_type();
    T value = std::move(*static_cast<T*>(m.value));
    fiber_state::finish(m);
    return value;
}

template <>
struct fiber_value<void> {
    static void exchange(fiber_state* target, context* root, std::exception_ptr error = {}) {
        fiber_message m{nullptr, nullptr, std::move(error), nullptr};
        fiber_state::finish(fiber_state::go(target, root, m));
    }
};

template <class T, class Fn>
class fiber_with : public fiber_state {
public:
    fiber_with(Fn fn, std::size_t stack_size) : fiber_state(stack_size), fn_(std::move(fn)) {}

private:
    void call(fiber_message& first, fiber_message& last) override {
        // The function and what it owns go when it has run, not with the last handle.
        Fn fn = std::move(*fn_);
        fn_.reset();
        if constexpr (std::is_void_v<T>) {
            finish(first);
            fn();
        } else {
            T argument = fiber_value<T>::take(first);
            if constexpr (std::is_invocable_v<Fn&, T>)
                result_.emplace(fn(std::move(argument)));
            else
                result_.emplace(fn());
            last = {&*result_, &fiber_value<T>::tag, {}, nullptr};
        }
    }

    std::optional<Fn> fn_;
    std::optional<std::conditional_t<std::is_void_v<T>, char, T>> result_;
};

}  // namespace detail

/// Names a fiber, or the root, without owning it.
template <class T = void>
class fiber_ref {
public:
    fiber_ref() = default;

    /// Goes on there. Returns when somebody switches back here, with what they brought. A dead fiber
    /// passes the switch on to its parent.
    template <std::same_as<T> U = T>
        requires(!std::is_void_v<U>)
    U switch_to(std::type_identity_t<U> value) const {
        return detail::fiber_value<U>::exchange(state_, root_, &value);
    }
    void switch_to() const
        requires std::is_void_v<T>
    {
        detail::fiber_value<T>::exchange(state_, root_);
    }

    /// Goes on there by throwing `error` at the switch where it is suspended. One that has not started
    /// ends, and the error goes to its parent.
    template <class E>
    T throw_into(E error) const {
        std::exception_ptr e;
        if constexpr (std::same_as<E, std::exception_ptr>)
            e = std::move(error);
        else
            e = std::make_exception_ptr(std::move(error));
        if constexpr (std::is_void_v<T>)
            detail::fiber_value<T>::exchange(state_, root_, std::move(e));
        else
            return detail::fiber_value<T>::exchange(state_, root_, nullptr, std::move(e));
    }

    /// True when its function has ended, or never will run.
    bool dead() const noexcept { return state_ != nullptr && state_->dead(); }
    /// True from the first switch to it until it is dead.
    explicit operator bool() const noexcept { return state_ != nullptr && state_->started() && !dead(); }

    /// Where it goes on when this one has ended. The root is its own parent.
    fiber_ref parent() const noexcept { return {state_ != nullptr ? state_->parent() : nullptr, root_}; }

    friend bool operator==(const fiber_ref&, const fiber_ref&) = default;

protected:
    friend class fiber<T>;
    fiber_ref(detail::fiber_state* state, context* root) noexcept : state_(state), root_(root) {}

    detail::fiber_state* state_ = nullptr;  // null: the root
    context* root_ = nullptr;
};

/// A handle; copies name the same fiber. With the last one a suspended fiber unwinds, by fiber_exit. So
/// a fiber that keeps a handle of itself on its own stack is never destroyed: use current() there.
template <class T = void>
class fiber : public fiber_ref<T> {
    using base = fiber_ref<T>;

public:
    fiber() = default;

    /// Runs `fn` at the first switch to it: fn(T) or fn(), returning T. What it returns, or throws, goes
    /// to the parent: the fiber that makes it, or the root.
    template <class Fn>
        requires(!std::derived_from<std::remove_cvref_t<Fn>, base>)
    explicit fiber(Fn&& fn, std::size_t stack_size = default_stack_size) {
        this->state_ = new detail::fiber_with<T, std::decay_t<Fn>>(std::forward<Fn>(fn), stack_size);
        this->root_ = this->state_->root();
        this->state_->retain();
    }

    fiber(const base& other) noexcept : base(other) { retain(); }
    fiber(const fiber& other) noexcept : base(other) { retain(); }
    fiber(fiber&& other) noexcept : base(std::exchange(static_cast<base&>(other), base())) {}
    fiber& operator=(fiber other) noexcept {
        std::swap(static_cast<base&>(*this), static_cast<base&>(other));
        return *this;
    }
    ~fiber() {
        if (this->state_ != nullptr)
            this->state_->release();
    }

    /// The fiber, or the root, that runs now.
    static base current() noexcept {
        return base(detail::fiber_state::current(), detail::fiber_state::current_root());
    }

private:
    void retain() noexcept {
        if (this->state_ != nullptr)
            this->state_->retain();
    }
};

}  // namespace ringlet

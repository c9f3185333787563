#pragma once
// task<T>: a lazy coroutine. It starts when it is awaited, in the greenlet that awaits it, and has one
// owner, who awaits it once. Awaiting is a plain call as long as nothing has to wait: the child runs
// inline and the parent goes on without having been suspended, which also keeps a million awaits of
// ready children from growing the stack in builds where symmetric transfer is not a tail call.

#include <ringlet/core/awaitable.hpp>
#include <ringlet/core/frame_pool.hpp>
#include <ringlet/core/loop.hpp>

#include <coroutine>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace ringlet {

template <class T = void>
class task;

/// Resumes the parent of a task that is over, if it was suspended; the frame stays for its result.
struct resume_parent {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
        if (std::coroutine_handle<> parent = self.promise().parent)
            loop::current().resume_next(parent, self);
    }
    void await_resume() const noexcept {}
};

/// How a task failed, if it did. Until then the word holds a mark, by which dump() knows the frame of a
/// task from those of other coroutines: a handle does not say what it is a handle of.
class task_error {
public:
    task_error() noexcept { ::new (word_) const void*(&mark); }
    task_error(const task_error&) = delete;
    task_error& operator=(const task_error&) = delete;
    ~task_error() {
        if (!marked()) [[unlikely]]
            error().~exception_ptr();
    }

    bool marked() const noexcept {
        const void* word;
        std::memcpy(&word, word_, sizeof word);
        return word == &mark;
    }
    void set(std::exception_ptr e) noexcept { ::new (word_) std::exception_ptr(std::move(e)); }
    void throw_if_set() {
        if (!marked()) [[unlikely]]
            std::rethrow_exception(std::move(error()));
    }

private:
    static inline const char mark = 0;
    std::exception_ptr& error() noexcept { return *std::launder(reinterpret_cast<std::exception_ptr*>(word_)); }
    static_assert(sizeof(std::exception_ptr) == sizeof(void*));
    alignas(void*) std::byte word_[sizeof(void*)];
};

/// Leaves word in the promise where the task awaits: one word, so that dump() can tell. The place is a
/// default argument here and not of await_transform, where it would take a word of the frame for each
/// co_await. `A` is a reference to an awaiter, which stays where it is (g++ 12 would move what await_transform
/// returns a reference to into a second place in the frame), or the awaiter that an operator co_await makes.
template <class A>
class noted_awaiter {
public:
    template <class X>
    explicit noted_awaiter(X&& awaited) : at_(get_awaiter(std::forward<X>(awaited))) {}
    decltype(auto) await_ready() { return at_.await_ready(); }
    template <class Promise>
    decltype(auto) await_suspend(std::coroutine_handle<Promise> h,
                                 std::source_location where = std::source_location::current()) {
        if constexpr (requires { at_.awaited_at(); })
            h.promise().awaits_at = at_.awaited_at();
        else
            h.promise().awaits_at = where;
        return at_.await_suspend(h);
    }
    decltype(auto) await_resume() { return at_.await_resume(); }

private:
    A at_;
};

struct task_promise_base : pooled_frame {
    task_error error;  // first, where dump() looks for its mark
    std::coroutine_handle<> parent;  // set only once the task has really been left waiting
    std::source_location awaits_at;  // the co_await that it came to last

    std::suspend_always initial_suspend() const noexcept { return {}; }
    resume_parent final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error.set(std::current_exception()); }

    /// Every co_await passes through here.
    template <class X>
    auto await_transform(X&& x) {
        return noted_awaiter<decltype(get_awaiter(std::forward<X>(x)))>(std::forward<X>(x));
    }
};

/// The promise of a frame, of which it must be known what it is.
template <class Promise>
Promise& promise_of(std::coroutine_handle<> frame) noexcept {
    return std::coroutine_handle<Promise>::from_address(frame.address()).promise();
}

template <class T>
struct task_promise : task_promise_base {
    using stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;
    std::optional<stored> value;

    task<T> get_return_object() noexcept;

    template <class U = T>  // so that co_return {1, 2} works
        requires std::is_convertible_v<U&&, T>
    void return_value(U&& result) {
        if constexpr (std::is_reference_v<T>)
            value.emplace(std::addressof(static_cast<T>(result)));
        else
            value.emplace(std::forward<U>(result));
    }

    T take() {
        error.throw_if_set();
        if constexpr (std::is_reference_v<T>)
            return static_cast<T>(**value);
        else
            return std::move(*value);
    }
};

template <>
struct task_promise<void> : task_promise_base {
    task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() { error.throw_if_set(); }
};

/// Await it once: `T value = co_await std::move(t)` or `co_await f(x)`; on a fiber, `await(f(x))`.
/// Destroying it before it was awaited discards the work; while it waits it must not be destroyed.
template <class T>
class [[nodiscard]] task {
public:
    using promise_type = task_promise<T>;
    using value_type = T;

    task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~task() {
        if (frame_) {
            check(frame_.done() || !frame_.promise().parent, "a task was destroyed while it was waiting");
            frame_.destroy();
        }
    }

    explicit operator bool() const noexcept { return static_cast<bool>(frame_); }

    class awaiter {
    public:
        explicit awaiter(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {
            check(frame && !frame.done(), "a task is awaited once");
        }

        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> parent) {
            frame_.resume();
            if (frame_.done())
                return false;
            frame_.promise().parent = parent;
            return true;
        }
        T await_resume() { return frame_.promise().take(); }

    private:
        std::coroutine_handle<promise_type> frame_;
    };

    std::coroutine_handle<> handle() const noexcept { return frame_; }

    /// Gives the frame away: resume it once, and `parent` comes after it. The promise has the result.
    std::coroutine_handle<promise_type> release(std::coroutine_handle<> parent) && noexcept {
        frame_.promise().parent = parent;
        return std::exchange(frame_, nullptr);
    }
    awaiter operator co_await() const noexcept { return awaiter(frame_); }

    /// Itself: what takes a function that returns a task (spawn, run, group::spawn) takes the task as well, as in
    /// spawn(fetch(url)).
    task operator()() && noexcept {
        check(frame_ && !frame_.done(), "a task is awaited once");
        return std::move(*this);
    }

private:
    friend promise_type;
    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}

inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

}  // namespace ringlet

#pragma once
// task<T>: a lazy coroutine. It starts when it is awaited, in the greenlet that awaits it, and has one
// owner, who awaits it once. Awaiting is a plain call as long as nothing has to wait: the child runs
// inline and the parent goes on without having been suspended, which also keeps a million awaits of
// ready children from growing the stack in builds where symmetric transfer is not a tail call.

#include <ringlet/core/frame_pool.hpp>
#include <ringlet/core/loop.hpp>

#include <coroutine>
#include <exception>
#include <optional>
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
            loop::current().resume_next(parent);
    }
    void await_resume() const noexcept {}
};

struct task_promise_base : pooled_frame {
    std::coroutine_handle<> parent;  // set only once the task has really been left waiting
    std::exception_ptr error;

    std::suspend_always initial_suspend() const noexcept { return {}; }
    resume_parent final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error = std::current_exception(); }
};

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
        if (error)
            std::rethrow_exception(std::move(error));
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
    void take() {
        if (error)
            std::rethrow_exception(std::move(error));
    }
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
    awaiter operator co_await() const noexcept { return awaiter(frame_); }

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

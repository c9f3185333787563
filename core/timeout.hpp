#pragma once
// with_timeout(d, x): a deadline around one thing. Inside, waits unwind; outside, it is an error that
// says what was being waited for. When deadlines nest, the one that passed is the one that throws.

#include <ringlet/core/awaitable.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/core/task.hpp>

#include <concepts>
#include <functional>
#include <system_error>

namespace ringlet {

/// "recv: timed out after 5 s", with the code std::errc::timed_out (ETIMEDOUT). It names the wait that
/// was cut short; when the time passed while none was under way, it names nothing.
class timeout_error : public std::system_error {
public:
    timeout_error(const std::string& act, duration waited);
    const char* what() const noexcept override { return text_.c_str(); }
    duration waited() const noexcept { return waited_; }

private:
    std::string text_;
    duration waited_;
};

namespace detail {

/// To be called in a handler for canceled: throws the timeout_error of `d`, or lets the cancellation
/// go on when it was meant for somebody further out.
[[noreturn]] void throw_timeout(const deadline& d, duration limit);

}  // namespace detail

/// Awaitable: what `x` gives if that comes within `limit`, else throws timeout_error. `x` is moved in;
/// an lvalue is awaited where it is.
template <awaitable X>
task<await_result<X>> with_timeout(any_duration limit, X x) {
    deadline d(limit);
    try {
        co_return co_await std::move(x);
    } catch (const canceled&) {
        detail::throw_timeout(d, limit);
    }
}

/// Awaitable: the same around a function that returns a task.
template <class Fn>
    requires(!awaitable<Fn> && is_task<std::invoke_result_t<Fn&>>)
std::invoke_result_t<Fn&> with_timeout(any_duration limit, Fn fn) {
    deadline d(limit);
    try {
        co_return co_await fn();
    } catch (const canceled&) {
        detail::throw_timeout(d, limit);
    }
}

/// On a fiber: runs fn(), which may block as often as it likes, and throws timeout_error when it has
/// not returned within `limit`.
template <class Fn>
    requires(!awaitable<Fn> && std::invocable<Fn&> && !is_task<std::invoke_result_t<Fn&>>)
std::invoke_result_t<Fn&> with_timeout(any_duration limit, Fn fn) {
    deadline d(limit);
    try {
        return fn();
    } catch (const canceled&) {
        detail::throw_timeout(d, limit);
    }
}

}  // namespace ringlet

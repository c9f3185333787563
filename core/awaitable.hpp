#pragma once
// The concepts around co_await: what can be awaited, and what comes out.

#include <coroutine>
#include <type_traits>
#include <utility>

namespace ringlet {

/// The three functions that the language asks of an awaiter.
template <class A>
concept awaiter = requires(A& a, std::coroutine_handle<> h) {
    { a.await_ready() } -> std::convertible_to<bool>;
    a.await_suspend(h);
    a.await_resume();
};

/// The awaiter behind an awaitable: its operator co_await, or itself.
template <class X>
decltype(auto) get_awaiter(X&& x) {
    if constexpr (requires { std::forward<X>(x).operator co_await(); })
        return std::forward<X>(x).operator co_await();
    else if constexpr (requires { operator co_await(std::forward<X>(x)); })
        return operator co_await(std::forward<X>(x));
    else
        return static_cast<X&&>(x);
}

template <class X>
concept awaitable =
    requires(X&& x) { requires awaiter<std::remove_reference_t<decltype(get_awaiter(std::forward<X>(x)))>>; };

template <awaitable X>
using await_result = decltype(get_awaiter(std::declval<X>()).await_resume());

}  // namespace ringlet

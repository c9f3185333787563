#pragma once
// For tests: that something gives way. A function that only sometimes waits starves others on the day
// when it does not; what must always let others run can be held to it.

#include <ringlet/core/await.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/task.hpp>

#include <functional>
#include <source_location>
#include <stdexcept>

namespace ringlet {

class did_not_yield : public std::logic_error {
public:
    explicit did_not_yield(std::source_location where)
        : std::logic_error("nobody else could run: " + describe(where)) {}
};

namespace detail {

/// Throws, unless something was resumed since `beat`.
inline void check_yielded(std::uint64_t beat, std::source_location where) {
    if (loop::current().beat() == beat)
        throw did_not_yield(where);
}

}  // namespace detail

/// Runs fn() and gives what it gives; throws did_not_yield when it never suspended its fiber.
template <class Fn>
    requires(!awaitable<Fn> && std::is_invocable_v<Fn&>)
std::invoke_result_t<Fn&> assert_yields(Fn&& fn, std::source_location where = std::source_location::current()) {
    const std::uint64_t beat = loop::current().beat();
    if constexpr (std::is_void_v<std::invoke_result_t<Fn&>>) {
        fn();
        detail::check_yielded(beat, where);
    } else {
        decltype(auto) value = fn();
        detail::check_yielded(beat, where);
        return static_cast<decltype(value)&&>(value);
    }
}

/// Awaitable: the same for something that is awaited.
template <awaitable X>
task<await_result<X>> assert_yields(X x, std::source_location where = std::source_location::current()) {
    const std::uint64_t beat = loop::current().beat();
    if constexpr (std::is_void_v<await_result<X>>) {
        co_await std::move(x);
        detail::check_yielded(beat, where);
    } else {
        decltype(auto) value = co_await std::move(x);
        detail::check_yielded(beat, where);
        co_return static_cast<decltype(value)&&>(value);
    }
}

}  // namespace ringlet

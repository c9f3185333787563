#pragma once
// What answers requests: one signature inside, four outside. A coroutine returns a response or writes
// one; so does a plain function, which runs on a fiber of its own and may block.

#include <ringlet/core/fiber_host.hpp>
#include <ringlet/core/task.hpp>
#include <ringlet/net/http_request.hpp>
#include <ringlet/net/http_response_writer.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

namespace ringlet::http {

using handler = std::function<task<>(request&, response_writer&)>;

namespace detail {

template <class Fn>
struct returning_task {
    Fn fn;
    task<> operator()(request& asked, response_writer& out) { out.answer(co_await fn(asked)); }
};

template <class Fn>
struct returning {
    Fn fn;
    task<> operator()(request& asked, response_writer& out) {
        return on_fiber([this, &asked, &out] { out.answer(response(fn(asked))); });
    }
};

template <class Fn>
struct writing {
    Fn fn;
    task<> operator()(request& asked, response_writer& out) {
        return on_fiber([this, &asked, &out] { fn(asked, out); });
    }
};

}  // namespace detail

/// Makes a handler of task<response>(request&), response(request&), task<>(request&, response_writer&)
/// or void(request&, response_writer&).
template <class Fn>
handler make_handler(Fn fn) {
    if constexpr (std::is_invocable_v<Fn&, request&, response_writer&>) {
        if constexpr (is_task<std::invoke_result_t<Fn&, request&, response_writer&>>)
            return fn;
        else
            return detail::writing<Fn>{std::move(fn)};
    } else {
        static_assert(std::is_invocable_v<Fn&, request&>,
                      "a handler takes a request&, and perhaps a response_writer&");
        if constexpr (is_task<std::invoke_result_t<Fn&, request&>>)
            return detail::returning_task<Fn>{std::move(fn)};
        else
            return detail::returning<Fn>{std::move(fn)};
    }
}

}  // namespace ringlet::http

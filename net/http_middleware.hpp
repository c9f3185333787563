#pragma once
// What stands around handlers: plain functions that get the request, the answer and `next`, and go on
// with it, or answer themselves. They see every request, also those that no route takes.
//
//     server.use([](http::request& asked, http::response_writer& out, http::next go_on) {
//         out.set("X-Frame-Options", "DENY");  // fields set now go out with whatever answer follows
//         return go_on(asked, out);
//     });

#include <ringlet/net/http_handler.hpp>

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace ringlet::http {

class next;

using middleware = std::function<task<>(request&, response_writer&, next)>;

/// The rest of the way to the handler. To be called once, or not at all, while the middleware runs.
class next {
public:
    next(const std::vector<middleware>& all, std::size_t at, const handler& last) noexcept
        : all_(&all), last_(&last), at_(at) {}

    /// Awaitable: until the handler has returned. What it throws passes through.
    task<> operator()(request& asked, response_writer& out) const {
        if (at_ == all_->size())
            return (*last_)(asked, out);
        return (*all_)[at_](asked, out, next(*all_, at_ + 1, *last_));
    }

private:
    const std::vector<middleware>* all_;
    const handler* last_;
    std::size_t at_;
};

namespace detail {

template <class Fn>
struct blocking_middleware {
    Fn fn;
    task<> operator()(request& asked, response_writer& out, next go_on) {
        return on_fiber([this, &asked, &out, go_on] { fn(asked, out, go_on); });
    }
};

struct one_around {
    std::vector<middleware> around;
    handler inner;
    task<> operator()(request& asked, response_writer& out) const { return next(around, 0, inner)(asked, out); }
};

}  // namespace detail

/// Makes a middleware of task<>(request&, response_writer&, next), or of void(…), which runs on a fiber.
template <class Fn>
middleware make_middleware(Fn fn) {
    static_assert(std::is_invocable_v<Fn&, request&, response_writer&, next>,
                  "a middleware takes a request&, a response_writer& and an http::next");
    if constexpr (is_task<std::invoke_result_t<Fn&, request&, response_writer&, next>>)
        return fn;
    else
        return detail::blocking_middleware<Fn>{std::move(fn)};
}

/// A handler with a middleware of its own: server.get("/admin", with(only_admins, page)).
template <class Around, class Fn>
handler with(Around around, Fn inner) {
    return detail::one_around{{make_middleware(std::move(around))}, make_handler(std::move(inner))};
}

}  // namespace ringlet::http

#pragma once
// await(x): what co_await is in a coroutine, for code in the blocking style. On a fiber it suspends
// the fiber; in the main program, outside of every greenlet, it runs the event loop until x is there.

#include <ringlet/core/awaitable.hpp>
#include <ringlet/core/fiber_host.hpp>
#include <ringlet/core/report.hpp>

namespace ringlet {

/// The same for the main program, which runs the loop; throws deadlock_error when nothing can ever end
/// the wait, and std::logic_error in a coroutine, which must co_await instead.
void block_main(suspend_request& request);

/// Suspends the code that runs now until `request` has an answer.
inline void block_on(suspend_request& request) {
    if (fiber_host* fiber = context::current().host())
        fiber->wait(request);
    else
        block_main(request);
}

/// Waits for `x`, anything that a coroutine could co_await, and returns what it gives or throws what
/// it throws. `x` lives until then.
template <awaitable X>
await_result<X> await(X&& x, std::source_location where = std::source_location::current()) {
    decltype(auto) a = get_awaiter(std::forward<X>(x));
    if (!a.await_ready()) {
        suspend_request request(a, where);
        block_on(request);
        if (request.error)
            std::rethrow_exception(std::move(request.error));
    }
    return a.await_resume();
}

}  // namespace ringlet

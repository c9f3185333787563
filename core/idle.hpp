#pragma once
// idle(): for work that should only be done when there is nothing else to do.

#include <ringlet/core/greenlet_base.hpp>

namespace ringlet {

/// Suspends until a turn of the loop in which nothing else is ready and nothing has arrived.
class [[nodiscard]] idle_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "an idle moment"; }
    idle_awaiter() noexcept : waiter() {}
    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        loop::current().add_idler(*this);
    }
    void await_resume() const { throw_if_aborted(); }
};

inline idle_awaiter idle() noexcept { return {}; }

}  // namespace ringlet

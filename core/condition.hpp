#pragma once
// condition: waits, with a mutex, for a state that others bring about.
//
//     auto held = co_await m.lock();
//     co_await changed.wait(held, [&] { return !jobs.empty(); });

#include <ringlet/core/mutex.hpp>
#include <ringlet/core/recursive_mutex.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/core/task.hpp>

#include <concepts>

namespace ringlet {

class condition {
public:
    /// Wakes the one who waits longest.
    void notify_one() noexcept {
        if (!waiting_.empty())
            wake(waiting_.front());
    }
    void notify_all() noexcept {
        while (!waiting_.empty())
            wake(waiting_.front());
    }

    /// Awaitable: unlocks, waits to be notified, locks again. It locks again also when the wait is cut
    /// short, which can take as long as the others hold the lock. `held` must outlive it.
    template <class Guard>
    task<> wait(Guard& held) {
        held.unlock();
        std::exception_ptr interrupted;
        try {
            co_await awaiter(*this);
        } catch (...) {
            interrupted = std::current_exception();
        }
        {
            const shield until_locked;
            held = co_await held.mutex()->lock();
        }
        if (interrupted)
            std::rethrow_exception(interrupted);
    }

    /// Awaitable: the same until there() is true, which is asked while the lock is held.
    template <class Guard, std::predicate Fn>
    task<> wait(Guard& held, Fn there) {
        while (!there())
            co_await wait(held);
    }

private:
    class [[nodiscard]] awaiter : public waiter {
        const char* what() const noexcept override { return "a condition"; }

    public:
        explicit awaiter(condition& c) noexcept : condition_(c) {}
        bool await_ready() const {
            throw_if_canceled();
            return false;
        }
        void await_suspend(std::coroutine_handle<> h) noexcept {
            park(h);
            condition_.waiting_.push_back(*this);
        }
        void await_resume() const { throw_if_aborted(); }

    private:
        condition& condition_;
    };

    list<waiter> waiting_;
};

}  // namespace ringlet

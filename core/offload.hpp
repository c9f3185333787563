#pragma once
// offload(fn): runs a call that blocks (a library, a computation) on a helper thread while the loop
// goes on. `co_await offload(fn)` in a coroutine, `await(offload(fn))` on a fiber; result and exception
// come across. The helpers belong to the loop, like everything else that loops do not share, and end
// with it; `loop::service<workers>().resize(n)` changes how many there may be.
//
// A helper cannot be stopped midway. Who is killed while fn runs therefore waits for its end, so that
// what fn borrowed (a buffer, a local variable) is alive as long as fn uses it; the result is delivered
// and the next wait fails, as with an operation of the kernel. Before its turn fn is simply forgotten.
// A callable that owns everything it touches need not be waited for: see offload_owning.

#include <ringlet/core/shared_result.hpp>
#include <ringlet/core/task.hpp>
#include <ringlet/core/workers.hpp>

#include <stdexcept>

namespace ringlet {

/// What an offloaded call gets that was queued in a pool which ended.
class workers_ended : public std::runtime_error {
public:
    workers_ended() : std::runtime_error("the threads that should have run this ended before its turn") {}
};

template <class Fn>
class [[nodiscard]] offload_awaiter : public outside_waiter, private workers::job {
public:
    using value_type = std::invoke_result_t<Fn&>;
    static_assert(!is_task<value_type>, "a helper thread has no loop: offload a plain function");

    explicit offload_awaiter(Fn fn, workers* on = nullptr)
        : outside_waiter(nullptr, clock::stands_still), job(&run), on_(on), fn_(std::move(fn)) {}
    offload_awaiter(offload_awaiter&& other) noexcept(std::is_nothrow_move_constructible_v<Fn>)
        : outside_waiter(std::move(other)), job(&run), on_(other.on_), fn_(std::move(other.fn_)) {}

    const char* what() const noexcept override { return "an offloaded call"; }
    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    bool await_suspend(std::coroutine_handle<> h) {
        if (on_ == nullptr)
            on_ = &loop::current().service<workers>();
        park(h);
        try {
            on_->push(*this);
        } catch (...) {  // no thread to be had
            ran_ = true;
            result_.keep_error(std::current_exception());
            end(*this);
        }
        return true;
    }
    value_type await_resume() {
        if (!ran_)
            throw_if_aborted();
        return result_.take();
    }

private:
    static void run(job& j, bool dropped) noexcept {
        auto& self = static_cast<offload_awaiter&>(j);
        self.ran_ = true;
        if (dropped)
            self.result_.keep_error(std::make_exception_ptr(workers_ended()));
        else
            self.result_.keep(self.fn_);
        self.wake_from_outside();
    }
    void abort() noexcept override {
        if (on_->take_back(*this))
            end(*this);
    }

    workers* on_;
    Fn fn_;
    kept_result<value_type> result_;
    bool ran_ = false;
};

/// Awaitable: what fn() gives on a helper thread of this loop.
template <class Fn>
    requires std::is_invocable_v<std::decay_t<Fn>&>
offload_awaiter<std::decay_t<Fn>> offload(Fn&& fn) {
    return offload_awaiter<std::decay_t<Fn>>(std::forward<Fn>(fn));
}

/// The same for a callable that owns everything it touches: who is killed leaves at once, and what fn
/// gives in the end is dropped. The end of the loop still waits for it.
template <class Fn>
    requires std::is_invocable_v<std::decay_t<Fn>&>
task<std::invoke_result_t<std::decay_t<Fn>&>> offload_owning(Fn fn);

namespace detail {

/// A job whose result outlives whoever asked for it.
template <class Fn>
struct owning_job : shared_result<std::invoke_result_t<Fn&>>, workers::job {
    explicit owning_job(Fn f) : workers::job(&run), fn(std::move(f)) {}

    static void start(const std::shared_ptr<owning_job>& made, workers& on) {
        made->self = made;
        try {
            on.push(*made);
        } catch (...) {
            made->self.reset();
            throw;
        }
    }
    static void run(workers::job& j, bool dropped) noexcept {
        const std::shared_ptr<owning_job> self = std::move(static_cast<owning_job&>(j).self);
        if (dropped)
            self->cancel();
        else if (self->begin()) {
            self->kept.keep(*self->fn);
            self->fn.reset();  // what it owned goes before anybody hears of the end
            self->end(shared_result_base::phase::over);
        }
    }

    std::optional<Fn> fn;
    std::shared_ptr<owning_job> self;  // while it is with the workers
};

}  // namespace detail

template <class Fn>
    requires std::is_invocable_v<std::decay_t<Fn>&>
task<std::invoke_result_t<std::decay_t<Fn>&>> offload_owning(Fn fn) {
    auto job = std::make_shared<detail::owning_job<Fn>>(std::move(fn));
    detail::owning_job<Fn>::start(job, loop::current().service<workers>());
    shared_wait end("an offloaded call", job, outside_waiter::clock::stands_still);
    try {
        co_await end;
    } catch (...) {
        job->cancel();
        throw;
    }
    if (job->was_canceled())
        throw workers_ended();
    co_return job->kept.take();
}

}  // namespace ringlet

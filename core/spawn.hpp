#pragma once
// spawn(fn, args...): starts a greenlet. A function that returns a task becomes a coroutine; any other
// becomes a fiber, and may block. Nothing runs yet when spawn returns: greenlets start in the order in
// which they were spawned, the next time the loop comes round.

#include <ringlet/core/fiber_host.hpp>
#include <ringlet/core/greenlet.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/core/task.hpp>

#include <functional>
#include <tuple>

namespace ringlet {

/// How to start a greenlet, for spawn's first argument.
class spawn_options {
public:
    spawn_options() = default;
    /// Shown in reports.
    spawn_options& name(std::string value) & { name_ = std::move(value); return *this; }
    spawn_options&& name(std::string value) && { return std::move(name(std::move(value))); }
    /// Bytes of stack for a fiber; rounded up to a power of two. Only pages it touches count.
    spawn_options& stack_size(std::size_t bytes) & { stack_size_ = bytes; return *this; }
    spawn_options&& stack_size(std::size_t bytes) && { return std::move(stack_size(bytes)); }
    /// Counts from now until its first run; see spawn_after.
    spawn_options& after(duration d) & { delay_ = d > duration::zero() ? d : 1ns; return *this; }
    spawn_options&& after(duration d) && { return std::move(after(d)); }
    /// Does not run before state().start() is called.
    spawn_options& paused() & { delay_ = duration::max(); return *this; }
    spawn_options&& paused() && { return std::move(paused()); }

    const std::string& name() const noexcept { return name_; }
    duration delay() const noexcept { return delay_; }
    std::size_t stack_size() const noexcept { return stack_size_; }

private:
    std::string name_;
    std::size_t stack_size_ = default_stack_size;
    duration delay_ = duration::zero();
};

namespace detail {

template <class R>
struct result_of_body { using type = R; };
template <class R>
struct result_of_body<task<R>> { using type = R; };

/// What a greenlet gives that runs fn(args...): the T of a task<T>, or what fn returns.
template <class Fn, class... Args>
using body_result = typename result_of_body<std::invoke_result_t<std::decay_t<Fn>, std::decay_t<Args>...>>::type;

/// The root coroutine of a greenlet. Its promise is the greenlet; its locals own the callable and the
/// arguments for as long as the greenlet lives.
template <class T>
struct root {
    struct promise_type : pooled_frame, greenlet_state<T> {
        promise_type() noexcept
            : greenlet_state<T>(std::coroutine_handle<promise_type>::from_promise(*this)) {}

        root get_return_object() noexcept { return {greenlet<T>(*this)}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        auto final_suspend() const noexcept { return death(); }
        void return_void() const noexcept {}
        void unhandled_exception() noexcept { this->set_error(std::current_exception()); }
    };
    using handle = std::coroutine_handle<promise_type>;

    /// Leaves the coroutine in the ready list; comes back with its greenlet for the first run.
    struct birth {
        promise_type* self = nullptr;
        bool await_ready() const noexcept { return false; }
        void await_suspend(handle h) noexcept {
            self = &h.promise();
            self->be_born(h);
        }
        promise_type& await_resume() const noexcept { return *self; }
    };
    struct death {
        bool await_ready() const noexcept { return false; }
        void await_suspend(handle h) const noexcept { h.promise().die(); }
        void await_resume() const noexcept {}
    };

    greenlet<T> spawned;

    /// Runs `body` and keeps what it returns; `body` is not run when the greenlet was killed before.
    template <class Body>
    static void keep(promise_type& self, Body&& body) {
        if constexpr (std::is_void_v<T>)
            body();
        else if constexpr (std::is_reference_v<T>)
            self.value.emplace(std::addressof(body()));
        else
            self.value.emplace(body());
    }
};

template <class T, class Fn, class... Args>
root<T> run_coroutine(Fn&& fn, Args&&... args) {
    std::decay_t<Fn> body(std::forward<Fn>(fn));
    std::tuple<std::decay_t<Args>...> arguments(std::forward<Args>(args)...);
    auto& self = co_await typename root<T>::birth();
    throw_if_canceled();
    auto work = std::apply(
        [&body](auto&... each) { return std::invoke(std::move(body), std::move(each)...); }, arguments);
    if constexpr (std::is_void_v<T>)
        co_await std::move(work);
    else if constexpr (std::is_reference_v<T>)
        self.value.emplace(std::addressof(co_await std::move(work)));
    else
        self.value.emplace(co_await std::move(work));
    self.succeed();
}

template <class T, class Fn, class... Args>
root<T> run_fiber(std::size_t stack_size, Fn&& fn, Args&&... args) {
    std::decay_t<Fn> body(std::forward<Fn>(fn));
    std::tuple<std::decay_t<Args>...> arguments(std::forward<Args>(args)...);
    auto& self = co_await typename root<T>::birth();
    throw_if_canceled();
    const auto call = [&] {
        root<T>::keep(self, [&]() -> decltype(auto) {
            return std::apply(
                [&body](auto&... each) -> decltype(auto) {
                    return std::invoke(std::move(body), std::move(each)...);
                },
                arguments);
        });
    };
    fiber_host fiber(self, stack_size, call);
    while (suspend_request* request = fiber.run())
        co_await hosted_wait(*request);
    self.succeed();
}

template <class Fn, class... Args>
auto spawn_with(const spawn_options* options, const std::source_location& where, Fn&& fn, Args&&... args) {
    using returned = std::invoke_result_t<std::decay_t<Fn>, std::decay_t<Args>...>;
    using T = body_result<Fn, Args...>;
    hub();
    root<T> r = [&] {
        if constexpr (is_task<returned>)
            return run_coroutine<T>(std::forward<Fn>(fn), std::forward<Args>(args)...);
        else
            return run_fiber<T>(options != nullptr ? options->stack_size() : default_stack_size,
                                std::forward<Fn>(fn), std::forward<Args>(args)...);
    }();
    greenlet_base& state = r.spawned.state();
    if (state.dead())  // over before it was born: copying the callable or an argument threw
        std::rethrow_exception(state.error());
    state.set_spawned_at(where);
    state.inherit_locals(loop::current().running());
    if (options != nullptr && !options->name().empty())
        state.set_name(options->name());
    const duration delay = options != nullptr ? options->delay() : duration::zero();
    if (delay == duration::zero())
        state.start();
    else if (delay != duration::max())
        state.start_after(delay);
    return std::move(r.spawned);
}

}  // namespace detail

/// Starts fn() as a greenlet, which owns a copy of it (its captures too) for as long as it lives.
template <class Fn>
    requires std::is_invocable_v<std::decay_t<Fn>>
greenlet<detail::body_result<Fn>> spawn(
    Fn&& fn, const std::source_location& where = std::source_location::current()) {
    return detail::spawn_with(nullptr, where, std::forward<Fn>(fn));
}

/// Starts fn(args...) as a greenlet, which owns copies of all of them. Use std::ref to share.
template <class Fn, class... Args>
    requires(sizeof...(Args) > 0 && std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...>)
greenlet<detail::body_result<Fn, Args...>> spawn(Fn&& fn, Args&&... args) {
    return detail::spawn_with(nullptr, std::source_location(), std::forward<Fn>(fn),
                              std::forward<Args>(args)...);
}

/// The same with a name, a stack of another size, or a later start.
template <class Fn, class... Args>
    requires std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...>
greenlet<detail::body_result<Fn, Args...>> spawn(const spawn_options& options, Fn&& fn, Args&&... args) {
    return detail::spawn_with(&options, std::source_location(), std::forward<Fn>(fn),
                              std::forward<Args>(args)...);
}

/// Starts fn(args...) when `d` has passed. Killed before that, it never runs.
template <class Fn, class... Args>
    requires std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...>
greenlet<detail::body_result<Fn, Args...>> spawn_after(duration d, Fn&& fn, Args&&... args) {
    return spawn(spawn_options().after(d), std::forward<Fn>(fn), std::forward<Args>(args)...);
}

}  // namespace ringlet

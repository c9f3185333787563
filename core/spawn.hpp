#pragma once
// spawn(fn, args...): starts a greenlet. A function that returns a task becomes a coroutine, and so does a task;
// any other function becomes a fiber, and may block. Nothing runs yet when spawn returns: greenlets start in the order in
// which they were spawned, the next time the loop comes round.

#include <ringlet/core/greenlet.hpp>
#include <ringlet/core/stack.hpp>
#include <ringlet/core/task.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace ringlet {

/// How to start a greenlet, for spawn's first argument.
class spawn_options {
public:
    spawn_options() = default;
    /// Shown in reports.
    spawn_options& name(std::string value) & {
        name_ = std::move(value);
        return *this;
    }
    spawn_options&& name(std::string value) && { return std::move(name(std::move(value))); }
    /// Bytes of stack for a fiber; rounded up, so that with its guard it is a power of two. Only pages it
    /// touches count.
    spawn_options& stack_size(std::size_t bytes) & {
        stack_size_ = bytes;
        return *this;
    }
    spawn_options&& stack_size(std::size_t bytes) && { return std::move(stack_size(bytes)); }
    /// Counts from now until its first run; see spawn_after.
    spawn_options& after(any_duration d) & {
        delay_ = std::max<duration>(d, 1ns);
        return *this;
    }
    spawn_options&& after(any_duration d) && { return std::move(after(d)); }
    /// Does not run before state().start() is called.
    spawn_options& paused() & {
        delay_ = duration::max();
        return *this;
    }
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
struct result_of_body {
    using type = R;
};
template <class R>
struct result_of_body<task<R>> {
    using type = R;
};

/// What a greenlet gives that runs fn(args...): the T of a task<T>, or what fn returns.
template <class Fn, class... Args>
using body_result = typename result_of_body<std::invoke_result_t<std::decay_t<Fn>, std::decay_t<Args>...>>::type;

/// What only a greenlet on a fiber has.
template <bool is_fiber>
struct fiber_part {
    std::size_t stack_size;
};
template <>
struct fiber_part<false> {
    explicit fiber_part(std::size_t) noexcept {}
};

/// A greenlet with what it was spawned to call, which it owns until it is over. A program has one of these for
/// each place that spawns, so what is not in it does not have to be compiled for each of them.
template <class T, class Fn>
class spawned final : public greenlet_state<T>, public pooled_frame {
    static constexpr bool is_coroutine = is_task<std::invoke_result_t<Fn>>;

public:
    template <class F>
    [[gnu::always_inline]] spawned(F&& fn, std::size_t stack_size)
        : greenlet_state<T>(!is_coroutine), fn_(std::forward<F>(fn)), fiber_{stack_size} {}
    ~spawned() override {}  // fn_ has gone, see call_step::drop

private:
    std::coroutine_handle<> act(greenlet_base::call_step step) override {
        if (step == greenlet_base::call_step::drop)
            fn_.~Fn();
        else if constexpr (is_coroutine)
            return std::move(fn_)().release(loop::current().end_of_greenlet());
        else if (step == greenlet_base::call_step::begin)
            return this->begin_on_fiber(fiber_.stack_size);
        else if constexpr (std::is_void_v<T>)
            std::move(fn_)();
        else
            this->keep(std::move(fn_)());
        return nullptr;
    }

    union {
        Fn fn_;
    };
    [[no_unique_address]] fiber_part<!is_coroutine> fiber_;
};

template <class Fn>
[[gnu::always_inline]] inline auto spawn_with(const spawn_options* options, std::source_location where, Fn&& fn) {
    using T = body_result<Fn>;
    using made = spawned<T, std::decay_t<Fn>>;
    static_assert(alignof(made) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__, "spawn takes nothing that is over-aligned");
    greenlet<T> g(*new made(std::forward<Fn>(fn), options != nullptr ? options->stack_size() : default_stack_size));
    g.state().be_born(options, where);
    return g;
}

/// std::invoke, but for the three functions in between for each call in each program.
template <class Fn, class... Args>
[[gnu::always_inline]] inline decltype(auto) call(Fn&& fn, Args&&... args) {
    if constexpr (std::is_member_pointer_v<std::decay_t<Fn>>)
        return std::invoke(std::forward<Fn>(fn), std::forward<Args>(args)...);
    else
        return std::forward<Fn>(fn)(std::forward<Args>(args)...);
}

/// fn(args...) as a function without arguments, which owns them.
template <class Fn, class... Args>
[[gnu::always_inline]] inline auto with_arguments(Fn&& fn, Args&&... args) {
    return [fn = std::forward<Fn>(fn), ... args = std::forward<Args>(args)]() mutable -> decltype(auto) {
        return call(std::move(fn), std::move(args)...);
    };
}

}  // namespace detail

/// Starts fn() as a greenlet, which owns a copy of it (its captures too) for as long as it lives.
template <class Fn>
    requires std::is_invocable_v<std::decay_t<Fn>>
greenlet<detail::body_result<Fn>> spawn(Fn&& fn, std::source_location where = std::source_location::current()) {
    return detail::spawn_with(nullptr, where, std::forward<Fn>(fn));
}

/// Starts fn(args...) as a greenlet, which owns copies of all of them. Use std::ref to share.
template <class Fn, class... Args>
    requires(sizeof...(Args) > 0 && std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...>)
greenlet<detail::body_result<Fn, Args...>> spawn(Fn&& fn, Args&&... args) {
    return detail::spawn_with(nullptr, std::source_location(),
                              detail::with_arguments(std::forward<Fn>(fn), std::forward<Args>(args)...));
}

/// The same with a name, a stack of another size, or a later start.
template <class Fn, class... Args>
    requires std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...>
greenlet<detail::body_result<Fn, Args...>> spawn(const spawn_options& options, Fn&& fn, Args&&... args) {
    return detail::spawn_with(&options, std::source_location(),
                              detail::with_arguments(std::forward<Fn>(fn), std::forward<Args>(args)...));
}

/// Starts fn(args...) when `d` has passed. Killed before that, it never runs.
template <class Fn, class... Args>
    requires std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...>
greenlet<detail::body_result<Fn, Args...>> spawn_after(any_duration d, Fn&& fn, Args&&... args) {
    return spawn(spawn_options().after(d), std::forward<Fn>(fn), std::forward<Args>(args)...);
}

}  // namespace ringlet

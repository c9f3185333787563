#pragma once
// spawn_on(loop, fn, args...): starts a greenlet on another loop (or this one). The handle works from
// every loop and thread: get and join wait here for what happens there, kill asks there. The result
// travels once, at the end; fn and its arguments are moved over and live and die on their new thread.

#include <ringlet/core/add_callback.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/shared_result.hpp>

#include <tuple>

namespace ringlet {

/// spawn_on: the loop has ended.
class loop_ended : public std::runtime_error {
public:
    loop_ended() : std::runtime_error("spawn_on: that loop has ended") {}
};

namespace detail {

/// The state that a remote greenlet shares with its handles.
template <class T>
class remote_state : public shared_result<T> {
public:
    explicit remote_state(loop_ref home) : home_(std::move(home)), kill_(*this) {}
    ~remote_state() {
        if (this->kept.error() && !error_seen_.load(std::memory_order_relaxed))
            report("a greenlet on another loop died of an error that nobody asked for: " +
                   describe(this->kept.error()));
    }

    /// From any thread.
    void kill() {
        if (this->done() || kill_asked_.exchange(true, std::memory_order_acq_rel))
            return;
        kill_.keep = this->shared_from_this();
        if (!home_.post(kill_))
            kill_.keep.reset();
    }

    void error_seen() noexcept { error_seen_.store(true, std::memory_order_relaxed); }

    // --- on its home loop ------------------------------------------------------------------------

    void born(greenlet_base& g) noexcept { target_ = &g; }
    void over(shared_result_base::phase how) {
        target_ = nullptr;
        this->end(how);
    }

private:
    struct kill_letter : letter {
        explicit kill_letter(remote_state& s) noexcept : letter(&open), state(s) {}
        static void open(letter& l) noexcept {
            auto& self = static_cast<kill_letter&>(l);
            const auto alive = std::move(self.keep);
            if (self.state.target_ != nullptr)
                self.state.target_->kill();
        }
        remote_state& state;
        std::shared_ptr<shared_result_base> keep;
    };

    const loop_ref home_;
    kill_letter kill_;
    greenlet_base* target_ = nullptr;  // while it lives
    std::atomic<bool> kill_asked_{false};
    std::atomic<bool> error_seen_{false};
};

/// What runs over there. If it goes without having run, the greenlet was killed before.
template <class T, class Fn, class... Args>
struct remote_body {
    using returned = std::invoke_result_t<Fn, Args...>;
    static constexpr bool is_coroutine = is_task<returned>;

    remote_body(std::shared_ptr<remote_state<T>> s, Fn f, std::tuple<Args...> a)
        : state(std::move(s)), fn(std::move(f)), arguments(std::move(a)) {}
    remote_body(remote_body&&) = default;
    ~remote_body() {
        if (state && !state->done())
            state->over(shared_result_base::phase::canceled);
    }

    auto operator()() {
        if constexpr (is_coroutine)
            return run(*this);
        else
            run_call();
    }

    /// The greenlet owns `self` until it is over.
    static task<> run(remote_body& self) {
        try {
            auto work = std::apply(std::move(self.fn), std::move(self.arguments));
            if constexpr (std::is_void_v<T>) {
                co_await std::move(work);
            } else {
                T value = co_await std::move(work);
                self.state->kept.keep([&]() -> T { return std::forward<T>(value); });
            }
        } catch (const canceled&) {
            throw;
        } catch (...) {
            self.state->kept.keep_error(std::current_exception());
        }
        self.state->over(shared_result_base::phase::over);
    }

    void run_call() {
        bool killed = false;
        state->kept.keep([&]() -> T {
            try {
                return std::apply(std::move(fn), std::move(arguments));
            } catch (const canceled&) {
                killed = true;
                throw;
            }
        });
        if (killed) {
            state->kept.keep_error(nullptr);
            throw canceled();
        }
        state->over(shared_result_base::phase::over);
    }

    std::shared_ptr<remote_state<T>> state;
    Fn fn;
    std::tuple<Args...> arguments;
};

template <class T, class Body>
struct spawn_letter : letter {
    spawn_letter(std::shared_ptr<remote_state<T>> s, Body b)
        : letter(&open), state(std::move(s)), body(std::move(b)) {}
    static void open(letter& l) noexcept {
        const std::unique_ptr<spawn_letter> self(static_cast<spawn_letter*>(&l));
        if (loop::current().ending())
            return;  // the body says that it was killed
        try {
            const auto g = spawn(std::move(self->body));
            self->state->born(g.state());
        } catch (...) {  // fn or an argument cannot be moved
            if (self->state->done())
                return;  // the body was moved, came no further, and said that it was killed
            self->state->kept.keep_error(std::current_exception());
            self->state->over(shared_result_base::phase::over);
        }
    }
    std::shared_ptr<remote_state<T>> state;
    Body body;
};

}  // namespace detail

/// Awaitable: until a remote greenlet is over.
template <class T>
class [[nodiscard]] remote_join_awaiter : public shared_wait {
public:
    explicit remote_join_awaiter(std::shared_ptr<detail::remote_state<T>> of) noexcept
        : shared_wait("join on another loop", of), of_(std::move(of)) {}

protected:
    detail::remote_state<T>& of() const noexcept { return *of_; }

private:
    std::shared_ptr<detail::remote_state<T>> of_;
};

template <class T>
class [[nodiscard]] remote_get_awaiter : public remote_join_awaiter<T> {
public:
    using remote_join_awaiter<T>::remote_join_awaiter;
    T await_resume() const {
        shared_wait::await_resume();
        this->of().error_seen();
        if (this->of().was_canceled())
            throw greenlet_killed("a greenlet on another loop was killed");
        return this->of().kept.get();
    }
};

/// The handle of a greenlet on another loop. A value, for any thread.
template <class T = void>
class remote {
public:
    using value_type = T;

    remote() = default;
    explicit remote(std::shared_ptr<detail::remote_state<T>> state) noexcept : state_(std::move(state)) {}

    bool ready() const noexcept { return state_->done(); }
    bool successful() const noexcept { return state_->done() && !state_->was_canceled() && !state_->kept.error(); }

    /// Awaitable: until it is over, however it ended. A kill of the waiter does not reach it.
    remote_join_awaiter<T> join() const { return remote_join_awaiter<T>(state_); }

    /// Awaitable: its result, its error, or greenlet_killed.
    remote_get_awaiter<T> get() const { return remote_get_awaiter<T>(state_); }

    /// Asks it to stop. Join it to know when it is over.
    void kill() const { state_->kill(); }

    explicit operator bool() const noexcept { return state_ != nullptr; }
    friend bool operator==(const remote&, const remote&) = default;

private:
    std::shared_ptr<detail::remote_state<T>> state_;
};

/// Starts fn(args...) as a greenlet of that loop, which owns them. Throws loop_ended. Greenlets that one
/// thread spawns on one loop start in that order.
template <class Fn, class... Args>
    requires std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...>
remote<detail::body_result<Fn, Args...>> spawn_on(const loop_ref& where, Fn&& fn, Args&&... args) {
    using T = detail::body_result<Fn, Args...>;
    using body = detail::remote_body<T, std::decay_t<Fn>, std::decay_t<Args>...>;
    auto state = std::make_shared<detail::remote_state<T>>(where);
    auto l = std::make_unique<detail::spawn_letter<T, body>>(
        state, body(state, std::forward<Fn>(fn), std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)));
    if (!where.post(*l))
        throw loop_ended();
    (void)l.release();
    return remote<T>(std::move(state));
}

}  // namespace ringlet

#pragma once
// gevent.Greenlet: a handle, as in Python; copies name the same greenlet. AnyGreenlet forgets the type
// of the result, for lists of different ones. Numbers of seconds are intervals; None waits for ever.

#include <ringlet/core/gevent/timeout.hpp>
#include <ringlet/core/gevent/wait_within.hpp>
#include <ringlet/core/source.hpp>
#include <ringlet/core/spawn.hpp>

#include <ostream>

namespace ringlet::gevent {

/// What kill() raises in a greenlet, unless told otherwise. It counts as success, and is not an error.
struct GreenletExit : canceled {};

/// What a kill can raise: any object but a number, a duration or None, which would be a timeout in the wrong place.
template <class E>
concept raisable =
    !std::convertible_to<E, std::exception_ptr> && !std::convertible_to<E, interval> && !std::same_as<E, bool>;

class AnyGreenlet {
public:
    AnyGreenlet() = default;
    AnyGreenlet(greenlet_base& g) noexcept : state_(&g) { g.retain(); }
    template <class T>
    AnyGreenlet(const greenlet<T>& g) noexcept : AnyGreenlet(static_cast<greenlet_base&>(g.state())) {}
    AnyGreenlet(const AnyGreenlet& other) noexcept : state_(other.state_) {
        if (state_ != nullptr)
            state_->retain();
    }
    AnyGreenlet& operator=(AnyGreenlet other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~AnyGreenlet() {
        if (state_ != nullptr)
            state_->release();
    }

    /// Schedules the first run of one that was only constructed. The second time, of whichever, does nothing.
    void start() const noexcept {
        if (!state().started())
            state().start();
    }
    void start_later(interval seconds) const { state().start_after(seconds.length()); }

    /// True from start() until it is over.
    bool started() const noexcept;
    explicit operator bool() const noexcept { return started(); }
    bool dead() const noexcept { return state().dead(); }
    bool ready() const noexcept { return state().dead(); }
    /// True when it returned, and also when it was killed by GreenletExit.
    bool successful() const noexcept;
    /// The error it ended with, else null. Asking counts as handling it.
    std::exception_ptr exception() const noexcept { return state().error(); }

    /// Waits until it is over; false when `timeout` came first (gevent returns nothing).
    bool join(interval timeout = None) const;

    /// Raises `exception` once where the greenlet waits. One that never ran never will, and is dead at
    /// once. With `block` returns when it is over, or after `timeout`. Throws nothing of its own.
    void kill() const { raise(std::make_exception_ptr(GreenletExit()), true, None); }
    void kill(std::exception_ptr exception, bool block = true, interval timeout = None) const {
        raise(std::move(exception), block, timeout);
    }
    void kill(std::same_as<bool> auto block, interval timeout = None) const {
        raise(std::make_exception_ptr(GreenletExit()), block, timeout);
    }
    template <raisable E>
    void kill(E exception, bool block = true, interval timeout = None) const {
        raise(std::make_exception_ptr(std::move(exception)), block, timeout);
    }

    /// Takes back a link; false when it was called already. has_links counts those to come.
    bool unlink(std::uint64_t link) const noexcept { return state().remove_link(link); }
    void unlink_all() const noexcept { state().remove_links(); }
    std::size_t has_links() const noexcept { return state().links(); }

    std::string name() const { return state().name(); }
    void set_name(std::string name) const { state().set_name(std::move(name)); }
    std::uint64_t minimal_ident() const noexcept { return state().id(); }

    operator source() const noexcept { return source(state()); }
    friend bool operator==(const AnyGreenlet&, const AnyGreenlet&) = default;
    friend auto operator<=>(const AnyGreenlet&, const AnyGreenlet&) = default;

    greenlet_base& state() const noexcept {
        check(state_ != nullptr, "this handle names no greenlet");
        return *state_;
    }

protected:
    /// In a new greenlet, in its place among the joiners.
    template <class Fn>
    std::uint64_t add_spawned_link(Fn call) const {
        return state().add_link([call = std::move(call)](greenlet_base& g) {
            const auto called = ringlet::spawn([call, g = AnyGreenlet(g)]() mutable { call(g); });
            loop::current().run_first(called.state());
        });
    }

private:
    void raise(std::exception_ptr exception, bool block, interval timeout) const;

    greenlet_base* state_ = nullptr;
};

template <class T = void>
class Greenlet : public AnyGreenlet {
public:
    using value_type = T;

    Greenlet() = default;
    Greenlet(const greenlet<T>& g) noexcept : AnyGreenlet(g) {}

    /// Made but not started: see start().
    template <class Fn, class... Args>
        requires std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...>
    explicit Greenlet(Fn&& fn, Args&&... args)
        : AnyGreenlet(ringlet::spawn(spawn_options().paused(), std::forward<Fn>(fn), std::forward<Args>(args)...)) {}

    template <class Fn, class... Args>
    static Greenlet spawn(Fn&& fn, Args&&... args) {
        return ringlet::spawn(std::forward<Fn>(fn), std::forward<Args>(args)...);
    }
    template <class Fn, class... Args>
    static Greenlet spawn_later(interval seconds, Fn&& fn, Args&&... args) {
        return ringlet::spawn_after(seconds.length(), std::forward<Fn>(fn), std::forward<Args>(args)...);
    }

    /// What it returned; empty before, and when it failed or was killed.
    const auto& value() const noexcept
        requires(!std::is_void_v<T>)
    {
        return typed().value;
    }

    /// Waits for it to be over and gives what it returned, or throws what it threw. Throws Timeout when
    /// `timeout` comes first, at once if not to `block`. A killed one gives its GreenletExit in gevent;
    /// here get() returns when the result is void, and else throws greenlet_killed.
    T get(interval timeout = None) const {
        const Greenlet alive(*this);
        if (!alive.join(timeout))
            throw Timeout(timeout);
        return alive.result();
    }
    T get(std::same_as<bool> auto block, interval timeout = None) const {
        if (!block && !ready())
            throw Timeout();
        return get(timeout);
    }

    /// Calls `fn` with this handle in a new greenlet when it is over, in the order of linking; at the next
    /// occasion if it is over already. An AsyncResult is such a function. The number is for unlink().
    template <class Fn>
    std::uint64_t link(Fn fn) const {
        return add_spawned_link([fn](const AnyGreenlet& g) mutable { fn(Greenlet(g)); });
    }
    /// Only if it is successful().
    template <class Fn>
    std::uint64_t link_value(Fn fn) const {
        return add_spawned_link([fn](const AnyGreenlet& g) mutable {
            if (g.successful())
                fn(Greenlet(g));
        });
    }
    /// Only if it failed.
    template <class Fn>
    std::uint64_t link_exception(Fn fn) const {
        return add_spawned_link([fn](const AnyGreenlet& g) mutable {
            if (!g.successful())
                fn(Greenlet(g));
        });
    }
    /// Called by the loop itself, unless that ends: `fn` must not block.
    template <class Fn>
    std::uint64_t rawlink(Fn fn) const {
        return state().add_link([fn](greenlet_base& g) mutable {
            if (!loop::current().ending())
                fn(Greenlet(AnyGreenlet(g)));
        });
    }

private:
    explicit Greenlet(const AnyGreenlet& g) noexcept : AnyGreenlet(g) {}

    greenlet_state<T>& typed() const noexcept { return static_cast<greenlet_state<T>&>(state()); }

    T result() const {
        if constexpr (std::is_void_v<T>) {
            if (auto error = exception())
                std::rethrow_exception(error);
        } else {
            return get_awaiter_of<T>(typed()).await_resume();
        }
    }
};

template <class Fn, class... Args>
Greenlet(Fn, Args...) -> Greenlet<detail::body_result<Fn, Args...>>;
template <class T>
Greenlet(greenlet<T>) -> Greenlet<T>;

/// The greenlet that runs now; in the main program, the one that stands for it.
inline AnyGreenlet getcurrent() { return AnyGreenlet(hub().running()); }

}  // namespace ringlet::gevent

template <>
struct std::hash<ringlet::gevent::AnyGreenlet> {
    std::size_t operator()(const ringlet::gevent::AnyGreenlet& g) const noexcept {
        return std::hash<const void*>()(&g.state());
    }
};

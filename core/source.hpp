#pragma once
// source: anything that one can wait for without taking it, of whatever type: a greenlet (until it is
// over), an event (set), a semaphore (a permit is free), a queue (an item is there), a future (it has
// its result). Waits for several things at once (arrivals.hpp) are waits for sources.

#include <ringlet/core/callback.hpp>
#include <ringlet/core/greenlet.hpp>

#include <concepts>
#include <memory>

namespace ringlet {

/// A type that takes part: ready() says whether it has come; watch(c) gives c a turn when it does.
template <class X>
concept watchable = requires(X& x, callback& c) {
    { std::as_const(x).ready() } -> std::convertible_to<bool>;
    x.watch(c);
};

/// Names the object without owning it, except that greenlets and shared objects are kept alive.
class source {
public:
    template <watchable X>
        requires(!std::same_as<std::remove_const_t<X>, source>)
    source(X& object) noexcept : source(&object, nullptr) {}

    /// Takes part in owning.
    template <watchable X>
    explicit source(std::shared_ptr<X> object) noexcept : source(object.get(), object) {}

    template <class T>
    source(const greenlet<T>& g) noexcept : source(static_cast<greenlet_base&>(g.state())) {}
    source(greenlet_base& g) noexcept : source(&g, nullptr) {
        g.retain();
        kept_ = std::shared_ptr<void>(&g, [](void* at) { static_cast<greenlet_base*>(at)->release(); });
    }

    bool ready() const { return ready_(object_); }

    /// Gives `c` one turn: when it is ready; soon, if it is already.
    void watch(callback& c) const {
        if (ready())
            c.post();
        else
            watch_(object_, c);
    }

    /// The same object, not an equal one.
    friend bool operator==(const source& a, const source& b) noexcept { return a.object_ == b.object_; }

private:
    template <class X>
    source(X* object, std::shared_ptr<void> kept) noexcept
        : object_(object),
          kept_(std::move(kept)),
          ready_([](void* at) -> bool { return static_cast<X*>(at)->ready(); }),
          watch_([](void* at, callback& c) { static_cast<X*>(at)->watch(c); }) {}

    void* object_;
    std::shared_ptr<void> kept_;
    bool (*ready_)(void*);
    void (*watch_)(void*, callback&);
};

}  // namespace ringlet

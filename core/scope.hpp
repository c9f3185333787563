#pragma once
// Cancellation scopes: a region of code that can be told to stop. Scopes are ambient (no tokens to
// pass on), nested, and level-triggered: once a scope is cancelled every wait inside fails at once,
// until the region is left. Cancelling is asking; the wait that is cut short unwinds the region by
// throwing `canceled`, and the scope that asked is where that ends:
//
//     scope s;
//     try { co_await work(); }
//     catch (const canceled&) { if (!s.ends_here()) throw; }
//
// with_timeout (timeout.hpp) does this for a deadline.

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/hub.hpp>

namespace ringlet {

/// A local object in a coroutine or on a fiber. It belongs to the greenlet that created it; the scopes
/// of a greenlet end in the reverse order of their beginning.
class scope {
public:
    scope() : scope(false) {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope();

    /// Asks everything inside to stop: the wait that is under way now, and every later one.
    void cancel() noexcept;

    /// True once cancel() was called (or the deadline passed).
    bool cancelled() const noexcept { return cancelled_; }

    /// True when a `canceled` that unwinds through here was meant for this scope and not for one
    /// further out: swallow it, or turn it into an error of your own.
    bool ends_here() const noexcept;

    greenlet_base& owner() const noexcept { return *owner_; }

    /// What the wait that was cut short was waiting for; null when none was under way.
    const char* interrupted() const noexcept { return interrupted_; }

protected:
    explicit scope(bool shielded);

    /// As if it had never been cancelled.
    void revive() noexcept;

private:
    friend class greenlet_base;

    greenlet_base* owner_;
    scope* outer_;
    const char* interrupted_ = nullptr;
    bool cancelled_ = false;
    bool shielded_;
};

/// While it lives, cancellation from further out does not reach in: for clean-up that must wait. It
/// keeps a killed greenlet alive, so put a deadline inside.
class shield : public scope {
public:
    shield() : scope(true) {}
};

/// A scope that is cancelled when its time has come.
class deadline : public scope, private timer {
public:
    explicit deadline(any_duration from_now) : deadline(after(hub().fresh_now(), from_now)) {}
    explicit deadline(time_point when);
    ~deadline() { disarm(); }

    /// When it ends what is in it.
    time_point when() const noexcept { return when_; }

    /// No longer ends anything, unless it has already.
    void disarm() noexcept {
        loop::current().timers().disarm(*this);
        when_ = fires_ = never;
    }

    /// Begins anew with another time, also when it has ended something. For what has one phase after the
    /// other, each with a time of its own: as long as the times do not become earlier this costs a few
    /// instructions, because the timer is left where it is and looks again when it fires.
    void restart(time_point when) {
        when_ = when;
        if (cancelled())
            revive();
        if (when < fires_)
            arm();
    }

private:
    static void fire(timer& t) noexcept;
    void arm();

    time_point when_;
    time_point fires_ = never;  // the timer, if it is armed
};

}  // namespace ringlet

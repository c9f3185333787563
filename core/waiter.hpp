#pragma once
// One suspended computation: whose it is and how to ask it to stop. Everything that waits is one:
// ring operations, sleeps, locks, queues, joins. Exactly one wake ends a wait.
//
//   idle --park()--> waiting --wake()--> ready --(the loop resumes it)--> idle
//
// Only `waiting` can be aborted, and leaving `waiting` leaves both the queue and the scope, so a late
// abort cannot hit somebody who was already served. An awaiter derives from waiter, parks itself in
// await_suspend, and asks `aborted()` in await_resume.

#include <ringlet/core/list.hpp>

#include <coroutine>
#include <cstdint>
#include <utility>

namespace ringlet {

class greenlet_base;
class waiter;

/// Thrown where a wait was cut short because its greenlet was killed or its scope cancelled. It is
/// deliberately not a std::exception: a handler for errors must not swallow it. What derives from it
/// (gevent's GreenletExit) ends a greenlet in the same way.
struct canceled {};

/// Ends a wait: the greenlet goes to the end of the ready list and runs in the next lap. Resumes
/// nothing itself. The waiter must be waiting.
void wake(waiter& w) noexcept;

class waiter : public hook {
public:
    /// Where the wake-up comes from. A greenlet that waits for others only can be in a deadlock; one
    /// that waits for the kernel or another thread cannot.
    enum class source : std::uint8_t { greenlets, outside };

    /// What dump() may take a waiter for, to say more of it than what().
    enum class kind : std::uint8_t { plain, greenlet, operation, sleep, join, mutex, recursive_mutex };

    explicit waiter(source from = source::greenlets, kind is = kind::plain) noexcept
        : phase_(phase::idle), source_(from), kind_(is), aborted_(false) {}

    /// Awaiters travel into combinators before they start; a waiter that waits stays where it is.
    waiter(waiter&& other) noexcept : waiter(other.source_, other.kind_) {
        check(other.phase_ == phase::idle, "a waiter was moved while it was waiting");
    }

    virtual ~waiter() { check(phase_ == phase::idle, "a frame was destroyed while something in it was waiting"); }

    /// What is waited for, in reports: "recv", "a mutex". Valid as long as the waiter.
    virtual const char* what() const noexcept = 0;

    kind is() const noexcept { return kind_; }
    greenlet_base* owner() const noexcept { return owner_; }
    bool waiting() const noexcept { return phase_ == phase::waiting; }

protected:
    /// Suspends the current greenlet on this waiter, at `handle`, which is what the loop resumes. The caller
    /// then puts the waiter where its wake-up will find it.
    void park(std::coroutine_handle<> handle) noexcept;

    /// Parks and wakes in one step: goes to the end of the ready list.
    void park_ready(std::coroutine_handle<> handle) noexcept;

    /// True when the wait ended because it was asked to, not because what it waited for came.
    bool aborted() const noexcept { return aborted_; }

    /// Asked to end the wait, while it waits. Here: whoever stands in a list leaves it and wakes. What must
    /// wait for an answer only asks for it.
    virtual void abort() noexcept {
        unlink();
        wake(*this);
    }

    /// True when being woken gives nothing that would be lost if the wait failed yet, before its greenlet runs:
    /// see greenlet_base::interrupt_now. What hands over an item, a permit or bytes must not say so.
    virtual bool wakes_empty_handed() const noexcept { return false; }

    /// What the loop calls when the turn of an owner comes who is suspended nowhere: the hub, or a greenlet
    /// that has not begun.
    virtual void take_turn() noexcept {}

    /// Throws canceled, or the exception that greenlet_base::interrupt left for this greenlet.
    void throw_if_aborted() const {
        if (aborted_) {
            aborted_ = false;
            throw_cancellation(*owner_);
        }
    }

    /// For what has a place among waiters and suspends nobody (callback.hpp, hub_task.hpp). It belongs to
    /// the loop's hub: waiting until somebody wakes it, or at once in the ready list. stand_down leaves
    /// either, before its turn has come.
    void stand_by() noexcept;
    void post() noexcept;
    void stand_down() noexcept;

private:
    friend class loop;
    friend class greenlet_base;
    [[noreturn]] static void throw_cancellation(greenlet_base& owner);
    friend void wake(waiter& w) noexcept;
    enum class phase : std::uint8_t { idle, waiting, ready };

    greenlet_base* owner_ = nullptr;
    phase phase_ : 2;
    source source_ : 1;
    kind kind_ : 4;
    mutable bool aborted_ : 1;  // told once: an awaiter may be kept, and awaited again
};

/// Throws canceled when the current greenlet was killed or is inside a cancelled scope, and what it was
/// interrupted with. Every wait begins with this, so that a loop over waits that never have to wait can be stopped too.
void throw_if_canceled();

}  // namespace ringlet

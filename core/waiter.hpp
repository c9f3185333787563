#pragma once
// One suspended computation: who to resume and how to ask it to stop. Everything that waits is one:
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
#include <string>
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
    using abort_function = void (*)(waiter&) noexcept;

    /// Where the wake-up comes from. A greenlet that waits for others only can be in a deadlock; one
    /// that waits for the kernel or another thread cannot.
    enum class source : std::uint8_t { greenlets, outside };

    /// What dump() may take a waiter for, to say more of it than what().
    enum class kind : std::uint8_t { plain, operation, sleep, join, mutex, recursive_mutex, described };

    /// `what` names the wait in reports ("recv", "mutex"); it must outlive the waiter.
    waiter(const char* what, abort_function on_abort, source from = source::greenlets,
           kind is = kind::plain) noexcept
        : on_abort_(on_abort), what_(what), source_(from), kind_(is) {}

    /// Awaiters travel into combinators before they start; a waiter that waits stays where it is.
    waiter(waiter&& other) noexcept
        : waiter(other.what_, other.on_abort_, other.source_, other.kind_) {
        check(other.phase_ == phase::idle, "a waiter was moved while it was waiting");
    }

    ~waiter() { check(phase_ == phase::idle, "a frame was destroyed while something in it was waiting"); }

    const char* what() const noexcept { return what_; }
    kind is() const noexcept { return kind_; }
    greenlet_base* owner() const noexcept { return owner_; }
    std::coroutine_handle<> resumes() const noexcept { return handle_; }
    bool waiting() const noexcept { return phase_ == phase::waiting; }

protected:
    /// Suspends the current greenlet on this waiter; `handle` is what the loop resumes. The caller
    /// then puts the waiter where its wake-up will find it.
    void park(std::coroutine_handle<> handle) noexcept;

    /// Parks and wakes in one step: goes to the end of the ready list.
    void park_ready(std::coroutine_handle<> handle) noexcept;

    /// True when the wait ended because it was asked to, not because what it waited for came.
    bool aborted() const noexcept { return aborted_; }

    /// Throws canceled, or the exception that greenlet_base::interrupt left for this greenlet.
    void throw_if_aborted() const {
        if (std::exchange(aborted_, false))
            throw_cancellation(*owner_);
    }

    /// For what has a place among waiters and suspends nobody (callback.hpp, hub_task.hpp). It belongs to
    /// the loop's hub: waiting until somebody wakes it, or at once in the ready list. stand_down leaves
    /// either, before its turn has come.
    void stand_by() noexcept;
    void post(std::coroutine_handle<> handle = nullptr) noexcept;
    void stand_down() noexcept;

    /// The abort of whatever waits in a list: leave it, wake with aborted() true.
    static void abort_by_leaving(waiter& w) noexcept;

private:
    friend class loop;
    friend class greenlet_base;
    [[noreturn]] static void throw_cancellation(greenlet_base& owner);
    friend void wake(waiter& w) noexcept;
    enum class phase : std::uint8_t { idle, waiting, ready };

    std::coroutine_handle<> handle_;  // null in a callback: its turn calls on_abort_ instead
    greenlet_base* owner_ = nullptr;
    abort_function on_abort_;
    const char* what_;
    phase phase_ = phase::idle;
    source source_;
    kind kind_;
    mutable bool aborted_ = false;  // told once: an awaiter may be kept, and awaited again
};

/// Throws canceled when the current greenlet was killed or is inside a cancelled scope, and what it was
/// interrupted with. Every wait begins with this, so that a loop over waits that never have to wait can be stopped too.
void throw_if_canceled();

/// A waiter that says more of itself in a dump: its peer, its file. `describe` appends to the text, on
/// the waiter's own thread while it waits.
class described_waiter : public waiter {
public:
    using describe_function = void (*)(const described_waiter&, std::string&);

    described_waiter(const char* what, abort_function on_abort, describe_function how,
                     source from = source::greenlets) noexcept
        : waiter(what, on_abort, from, kind::described), describe_(how) {}
    void describe(std::string& text) const { describe_(*this, text); }

private:
    describe_function describe_;
};

}  // namespace ringlet

#pragma once
// What every greenlet is, whatever it returns: an identity, a life from spawn to death, the scopes it
// is in, the one wait it is suspended on, and those who wait for its end. What it runs is its body, a
// task made at its first turn (spawn.hpp). It stays until it is over and the last handle is gone.

#include <ringlet/core/loop.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

namespace ringlet {

class callback;
class scope;
class spawn_options;
class local_value;

/// What a joiner gets instead of a result when the greenlet was killed.
class greenlet_killed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class greenlet_base : public waiter {
public:
    enum class outcome : std::uint8_t { none, value, error, killed };

    explicit greenlet_base(bool on_fiber = false) noexcept;
    ~greenlet_base() override;
    const char* what() const noexcept override { return "its first run"; }

    std::uint64_t id() const noexcept { return origin_.id; }

    /// The name given, else "greenlet 7".
    std::string name() const;
    void set_name(std::string name);

    const std::source_location& spawned_at() const noexcept { return spawned_at_; }

    /// The id of the greenlet that spawned it; 0 for the main program or the loop itself.
    std::uint64_t spawner() const noexcept { return origin_.spawner; }
    /// To a tenth of a second.
    time_point born() const noexcept {
        return time_point(std::chrono::duration_cast<duration>(tenths(origin_.born)));
    }
    /// The innermost of its coroutines, where it was suspended last; null before its first turn.
    std::coroutine_handle<> suspended_at() const noexcept { return suspended_at_; }
    /// The name if it was given one: for signal handlers, which cannot make one up.
    const char* given_name() const noexcept;

    bool dead() const noexcept { return outcome_ != outcome::none; }
    outcome result_kind() const noexcept { return outcome_; }

    /// Asks it to stop; see greenlet<T>::kill.
    void kill() noexcept;
    bool killed() const noexcept { return killed_; }

    /// Throws `error` once, out of the wait that it is in or else out of its next one: the opposite of
    /// kill() and of scopes, after which every wait fails. Held back by a shield. Several come out in
    /// the order of asking. `from` names who asks, for withdraw(). Does nothing to the dead.
    void interrupt(std::exception_ptr error, const void* from = nullptr);

    /// The same, but overtakes what has woken it already, so that this wait throws although it had ended well;
    /// unless it was given something: then that is delivered, and the next wait throws. Returns the wait that
    /// throws now, which is ready; null when there is none yet.
    waiter* interrupt_now(std::exception_ptr error);

    /// Takes back what `from` asked for and was not thrown yet. Only the greenlet itself can: in another
    /// one's the wait may have been cut short already. True when there was something.
    bool withdraw(const void* from) noexcept;

    /// True when its waits must fail: killed, in a cancelled scope or interrupted, and not shielded.
    bool canceled_now() const noexcept { return cancel_pending_; }

    /// To be called when canceled_now() or when a wait of it was aborted: throws what it must.
    [[noreturn]] void throw_cancellation();

    /// The wait it is suspended on; null while it runs or is ready to.
    const waiter* waiting_on() const noexcept { return !dead() && waits() ? waiting_ : nullptr; }
    waiter* waiting_on() noexcept { return !dead() && waits() ? waiting_ : nullptr; }
    void abort_wait() noexcept;

    /// How it died. Asking counts as having seen the error.
    std::exception_ptr error() noexcept;

    /// Queues a joiner, to be woken at death.
    void add_joiner(waiter& w) noexcept { joiners_.push_back(w); }

    /// For waits for several things at once (source.hpp).
    bool ready() const noexcept { return dead(); }
    void watch(callback& c) noexcept;

    /// One that never ran ends here and now, of `error`, and never will. False when it has run.
    bool end_before_start(std::exception_ptr error) noexcept;

    /// Calls `fn` on the loop's hub after death, in its turn among the joiners; soon, if it is dead. `fn`
    /// must not wait or throw. Returns a number for remove_link, never 0.
    std::uint64_t add_link(std::function<void(greenlet_base&)> fn);

    /// False when there is no such link, or when it has been called already.
    bool remove_link(std::uint64_t number) noexcept;
    void remove_links() noexcept;
    std::size_t links() const noexcept;

    /// Values of its own (greenlet_local.hpp), freed at death. A child copies those that are inherited.
    local_value* find_local(const void* variable) const noexcept;
    void add_local(std::unique_ptr<local_value> value);
    void remove_local(const void* variable) noexcept;
    void inherit_locals(const greenlet_base& spawner);
    /// Copies of those that are inherited, for a call on another thread.
    std::vector<std::unique_ptr<local_value>> carry_locals() const;

    void retain() noexcept { ++references_; }
    void release() noexcept {
        if (--references_ == 0)
            destroy();
    }

    /// On whose behalf its requests are made (io_uring_sqe::personality); 0 is the process itself.
    /// What it spawns inherits it.
    std::uint16_t personality() const noexcept { return personality_; }
    void set_personality(std::uint16_t p) noexcept { personality_ = p; }

    scope* innermost() const noexcept { return innermost_; }
    /// True when what was spawned is no coroutine, and runs on a fiber.
    bool on_fiber() const noexcept { return on_fiber_; }

    /// Becomes one of the loop's greenlets, and is started as the options say, if there are any: at once, later,
    /// or by start() or start_after(). Until it is started it has no life of its own: with its last handle it
    /// goes.
    void be_born(const spawn_options* options, std::source_location where);
    /// True once start() or start_after() was called.
    bool started() const noexcept;

    /// Puts it into the ready list for its first run; does nothing the second time.
    void start() noexcept;
    void start_after(duration d);

    /// Its body is over: takes what that gave, and dies.
    void end(std::coroutine_handle<> body) noexcept;

protected:
    /// What can be asked of the call that was spawned (spawn.hpp), which the greenlet owns.
    enum class call_step : std::uint8_t {
        begin,  // gives the body: a task; or a fiber's host, which is one too
        on_fiber,  // the call itself, and keeps what it gives
        drop,  // it goes: at death, or unborn with the last handle
    };
    virtual std::coroutine_handle<> act(call_step step) {
        static_cast<void>(step);
        return nullptr;
    }
    std::coroutine_handle<> begin_on_fiber(std::size_t stack_size);

    /// Moves the result out of the body.
    virtual void take_result(std::coroutine_handle<> body) { static_cast<void>(body); }

private:
    friend class loop;
    friend class waiter;
    friend class scope;
    friend void wake(waiter& w) noexcept;

    struct extras;
    struct start_timer;

    extras& more();
    bool waits() const noexcept { return waiting_ != nullptr && waiting_->waiting(); }
    bool interrupted() const noexcept;
    void abort() noexcept override { start(); }  // to be told at its first turn
    void take_turn() noexcept override;
    void enter_ready_list() noexcept;
    void set_error(std::exception_ptr e) noexcept;
    void die() noexcept;
    void free_locals() noexcept;
    void refresh_cancel() noexcept;
    bool told_to_stop() const noexcept;
    void destroy() noexcept;

    using tenths = std::chrono::duration<std::uint32_t, std::deci>;
    struct [[gnu::packed]] origin {
        std::uint64_t id : 48;  // enough for a million spawns a second for eight years
        std::uint64_t spawner : 48;
        std::uint32_t born;
    };

    // Ordered and sized so that nothing is lost to alignment: people start millions of these.
    outcome outcome_ : 2 = outcome::none;
    bool killed_ : 1 = false;
    bool cancel_pending_ : 1 = false;
    bool error_seen_ : 1 = false;
    bool unborn_ : 1 = false;
    bool on_fiber_ : 1;
    bool links_hold_ : 1 = false;  // each link that was not told yet has a reference: since death
    std::uint16_t personality_ = 0;
    std::uint32_t references_ = 0;
    std::coroutine_handle<> suspended_at_;
    union {  // what it died of takes no memory that there might not be
        waiter* waiting_ = nullptr;  // what it is suspended on, until it runs
        std::exception_ptr error_;  // when the outcome is error
    };
    scope* innermost_ = nullptr;
    list<waiter> joiners_;
    std::unique_ptr<extras> extras_;  // what most greenlets do without: name, links, …
    std::source_location spawned_at_;
    origin origin_{};
};

// The few lines that every wait runs through. They stand here because they need all of the above, and
// are inline because each call that is left between two stack switches costs a mispredicted return.

inline void waiter::park(std::coroutine_handle<> handle) noexcept {
    loop& l = loop::current();
    check(phase_ == phase::idle, "a waiter waits once at a time");
    owner_ = l.running_;
    check(owner_->waiting_ == nullptr, "a greenlet waits for one thing at a time");
    owner_->waiting_ = this;
    owner_->suspended_at_ = handle;
    aborted_ = false;
    phase_ = phase::waiting;
    l.waiting_outside_ += source_ == source::outside;
}

inline void waiter::park_ready(std::coroutine_handle<> handle) noexcept {
    loop& l = loop::current();
    check(phase_ == phase::idle, "a waiter waits once at a time");
    owner_ = l.running_;
    owner_->waiting_ = this;
    owner_->suspended_at_ = handle;
    aborted_ = false;
    phase_ = phase::ready;
    l.ready_.push_back(*this);
}

inline void wake(waiter& w) noexcept {
    check(w.phase_ == waiter::phase::waiting, "exactly one wake ends a wait");
    loop& l = loop::current();
    w.unlink();
    w.phase_ = waiter::phase::ready;
    l.waiting_outside_ -= w.source_ == waiter::source::outside;
    l.ready_.push_back(w);
}

inline greenlet_base& loop::as_greenlet(waiter& w) noexcept { return static_cast<greenlet_base&>(w); }

inline void throw_if_canceled() {
    loop* l = loop::current_or_null();
    if (l != nullptr && l->running().canceled_now()) [[unlikely]]
        l->running().throw_cancellation();
}

}  // namespace ringlet

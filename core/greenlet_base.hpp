#pragma once
// What every greenlet is, whatever it returns: an identity, a life from spawn to death, the scopes it
// is in, the one wait it is suspended on, and those who wait for its end. It lives in the frame of its
// root coroutine (spawn.hpp), which stays until the greenlet is over and the last handle is gone.

#include <ringlet/core/loop.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

namespace ringlet {

class scope;
class fiber_host;

/// What a joiner gets instead of a result when the greenlet was killed.
class greenlet_killed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class greenlet_base : public waiter, public living {
public:
    enum class outcome : std::uint8_t { none, value, error, killed };

    explicit greenlet_base(std::coroutine_handle<> root) noexcept;
    ~greenlet_base();

    std::uint64_t id() const noexcept { return id_; }

    /// The name given, else "greenlet 7".
    std::string name() const;
    void set_name(std::string name);

    const std::source_location& spawned_at() const noexcept { return spawned_at_; }
    void set_spawned_at(const std::source_location& where) noexcept { spawned_at_ = where; }

    bool dead() const noexcept { return outcome_ != outcome::none; }
    outcome result_kind() const noexcept { return outcome_; }

    /// Asks it to stop; see greenlet<T>::kill.
    void kill() noexcept;
    bool killed() const noexcept { return killed_; }

    /// True when its waits must fail: killed, or in a cancelled scope, and not shielded from it.
    bool canceled_now() const noexcept { return cancel_pending_; }

    /// The wait it is suspended on; null while it runs or is ready to.
    const waiter* waiting_on() const noexcept { return waiting_; }
    void abort_wait() noexcept;

    /// How it died. Asking counts as having seen the error.
    std::exception_ptr error() noexcept {
        error_seen_ = true;
        return error_;
    }

    /// Queues a joiner, to be woken at death.
    void add_joiner(waiter& w) noexcept { joiners_.push_back(w); }

    /// Runs `fn` in a greenlet of its own after death, in the order in which links were added.
    void add_link(std::function<void()> fn);

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
    fiber_host* fiber() const noexcept { return fiber_; }
    void set_fiber(fiber_host* f) noexcept { fiber_ = f; }

    /// Puts it into the ready list for its first run.
    void start(std::coroutine_handle<> root) noexcept;
    void succeed() noexcept { outcome_ = outcome::value; }
    void set_error(std::exception_ptr e) noexcept;

    /// The end: joiners wake, links get their greenlet, the reference of being alive goes.
    void die() noexcept;

private:
    friend class loop;
    friend class waiter;
    friend class scope;
    friend void wake(waiter& w) noexcept;

    void refresh_cancel() noexcept;
    void destroy() noexcept;

    std::coroutine_handle<> root_;
    std::uint64_t id_ = 0;
    waiter* waiting_ = nullptr;
    scope* innermost_ = nullptr;
    fiber_host* fiber_ = nullptr;
    list<waiter> joiners_;
    std::exception_ptr error_;
    std::unique_ptr<std::string> name_;
    std::unique_ptr<std::vector<std::function<void()>>> links_;
    std::source_location spawned_at_;
    std::uint32_t references_ = 1;
    std::uint16_t personality_ = 0;
    outcome outcome_ = outcome::none;
    bool killed_ = false;
    bool cancel_pending_ = false;
    bool error_seen_ = false;
};

}  // namespace ringlet

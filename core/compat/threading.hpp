#pragma once
// Python's threading over greenlets: a Thread is a fiber of this loop, so its target may block wherever
// ringlet can wait, and needs no lock between two waits. Real threads are in thread_pool.hpp. Every call
// that waits blocks its fiber. docs/coming_from.md says which ringlet name each stands for.

#include <ringlet/core/compat/threading_locks.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/gevent/event.hpp>
#include <ringlet/core/greenlet_local.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ringlet::threading {

using gevent::BoundedSemaphore;
using gevent::Condition;
using gevent::Event;
using gevent::RLock;
using gevent::Semaphore;

/// threading.local with the members of T.
template <class T>
using local = greenlet_local<T>;

/// A handle; copies name the same thread.
class Thread {
public:
    class options {
    public:
        options() = default;
        options& name(std::string value) & {
            name_ = std::move(value);
            return *this;
        }
        options&& name(std::string value) && { return std::move(name(std::move(value))); }
        options& daemon(bool yes) & {
            daemon_ = yes;
            return *this;
        }
        options&& daemon(bool yes) && { return std::move(daemon(yes)); }

    private:
        friend class Thread;
        std::string name_;
        bool daemon_ = false;
    };

    /// threading.Thread(target=fn, args=...)
    template <class Fn, class... Args>
        requires std::is_invocable_v<std::decay_t<Fn>&, std::decay_t<Args>&...>
    explicit Thread(Fn&& fn, Args&&... args) : Thread(options(), std::forward<Fn>(fn), std::forward<Args>(args)...) {}
    template <class Fn, class... Args>
        requires std::is_invocable_v<std::decay_t<Fn>&, std::decay_t<Args>&...>
    explicit Thread(options o, Fn&& fn, Args&&... args)
        : state_(make(std::move(o), [fn = std::decay_t<Fn>(std::forward<Fn>(fn)),
                                     ... args = std::decay_t<Args>(std::forward<Args>(args))]() mutable {
              std::invoke(fn, args...);
          })) {}

    /// Once. Returns when the thread waits for the first time, or is over.
    void start() const;

    /// Waits for its end, or until `timeout` has passed: is_alive() tells which.
    void join(interval timeout = gevent::None) const;
    bool is_alive() const;

    const std::string& name() const noexcept { return state_->name; }
    void set_name(std::string name) const;
    /// What the end of the program does not wait for; see threading::run.
    bool daemon() const noexcept { return state_->daemon; }
    /// 0 before it is started.
    std::uint64_t ident() const noexcept { return state_->ident; }

    friend bool operator==(const Thread&, const Thread&) = default;

private:
    friend std::vector<Thread> enumerate();
    friend Thread current_thread();
    friend Thread main_thread();

    struct state {
        std::uint64_t ident = 0;
        std::string name;
        bool daemon = false;
        std::function<void()> target;
        greenlet<> runner;  // none for the main thread, and for what is no Thread
    };
    struct registry;

    static std::shared_ptr<state> make(options o, std::function<void()> target);
    explicit Thread(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
    static registry& known();
    static void run_target(const std::shared_ptr<state>& s);

    std::shared_ptr<state> state_;
};

/// The threads that are alive, the main one first and then as they were started.
std::vector<Thread> enumerate();
std::size_t active_count();

/// The thread that runs; in a greenlet that is no Thread, a stand-in named "Dummy-" and its number.
Thread current_thread();
/// The greenlet that used this header first.
Thread main_thread();
/// A number of the greenlet that runs.
std::uint64_t get_ident();

/// What Python's main thread does at its end.
void join_all_but_daemons();

/// Runs fn() as the main thread does in Python: at its end it waits for all threads that are no daemons.
template <class Fn>
void run(Fn fn) {
    ringlet::run([fn = std::move(fn)]() mutable {
        main_thread();
        fn();
        join_all_but_daemons();
    });
}

/// threading.Timer: calls fn(args...) once, `after` that time, unless cancelled before.
class Timer {
public:
    template <class Fn, class... Args>
    Timer(interval after, Fn fn, Args... args)
        : cancelled_(std::make_shared<ringlet::event>()),
          thread_([after, cancelled = cancelled_, fn = std::move(fn), ... args = std::move(args)]() mutable {
              try {
                  await(with_timeout(after.length(), cancelled->wait()));
              } catch (const timeout_error&) {
                  std::invoke(fn, args...);
              }
          }) {}

    void start() const { thread_.start(); }
    /// It does not fire any more.
    void cancel() const noexcept { cancelled_->set(); }
    void join(interval timeout = gevent::None) const { thread_.join(timeout); }
    bool is_alive() const { return thread_.is_alive(); }

private:
    std::shared_ptr<ringlet::event> cancelled_;
    Thread thread_;
};

}  // namespace ringlet::threading

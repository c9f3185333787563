#pragma once
// Python's threading over greenlets: a Thread is a fiber of this loop, so its target may block wherever
// ringlet can wait, and needs no lock between two waits. Real threads are in thread_pool.hpp. Every call
// that waits blocks its fiber. docs/coming_from.md says which ringlet name each stands for.

#include <ringlet/core/gevent/event.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/gevent/interval.hpp>
#include <ringlet/core/gevent/lock.hpp>
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
using gevent::interval;
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
        options& name(std::string value) & { name_ = std::move(value); return *this; }
        options&& name(std::string value) && { return std::move(name(std::move(value))); }
        options& daemon(bool yes) & { daemon_ = yes; return *this; }
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
    explicit Thread(options o, Fn&& fn, Args&&... args) : state_(std::make_shared<state>()) {
        state_->number = ++known().made;
        state_->name = o.name_.empty() ? "Thread-" + std::to_string(state_->number) : std::move(o.name_);
        state_->daemon = o.daemon_;
        state_->target = [fn = std::decay_t<Fn>(std::forward<Fn>(fn)),
                          ... args = std::decay_t<Args>(std::forward<Args>(args))]() mutable {
            std::invoke(fn, args...);
        };
    }

    /// Once.
    void start() const {
        if (state_->started)
            throw std::runtime_error("threads can only be started once");
        state_->started = true;
        known().alive.push_back(state_);
        state_->runner = spawn(spawn_options().name(state_->name), [s = state_] {
            const at_end forget{s.get()};
            const auto target = std::move(s->target);
            target();
        });
    }

    /// Waits for its end, or until `timeout` has passed: is_alive() tells which.
    void join(interval timeout = gevent::None) const {
        if (!state_->started)
            throw std::runtime_error("cannot join thread before it is started");
        if (timeout.infinite())
            return await(state_->runner.join());
        try {
            await(with_timeout(timeout.length(), state_->runner.join()));
        } catch (const timeout_error&) {
        }
    }
    bool is_alive() const { return state_->started && !state_->runner.ready(); }

    const std::string& name() const noexcept { return state_->name; }
    void set_name(std::string name) const {
        state_->name = std::move(name);
        if (state_->started)
            state_->runner.set_name(state_->name);
    }
    /// What the end of the program does not wait for; see threading::run.
    bool daemon() const noexcept { return state_->daemon; }
    /// 0 before it is started.
    std::uint64_t ident() const { return state_->started ? state_->runner.id() : 0; }

    friend bool operator==(const Thread&, const Thread&) = default;

private:
    friend std::vector<Thread> enumerate();
    friend Thread current_thread();

    struct state {
        std::uint64_t number = 0;
        std::string name;
        bool daemon = false;
        bool started = false;
        std::function<void()> target;
        greenlet<> runner;
    };
    struct registry {
        std::uint64_t made = 0;
        std::vector<std::shared_ptr<state>> alive;
    };
    struct at_end {
        state* self;
        ~at_end() {
            std::erase_if(known().alive, [this](const auto& each) { return each.get() == self; });
        }
    };
    static registry& known() { return hub().service<registry>(); }

    explicit Thread(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

    std::shared_ptr<state> state_;
};

/// The threads that are alive, oldest first, without the main one.
inline std::vector<Thread> enumerate() {
    std::vector<Thread> all;
    for (const auto& each : Thread::known().alive)
        if (!each->runner.ready())
            all.push_back(Thread(each));
    return all;
}

/// As in Python it counts the main thread too.
inline std::size_t active_count() { return enumerate().size() + 1; }

/// The thread that runs. Throws std::logic_error outside of every Thread.
inline Thread current_thread() {
    const std::uint64_t id = hub().running().id();
    for (const auto& each : Thread::known().alive)
        if (each->runner.id() == id)
            return Thread(each);
    throw std::logic_error("current_thread: this code does not run in a threading::Thread");
}

/// Runs fn() as the main thread does in Python: at its end it waits for all threads that are no daemons.
template <class Fn>
void run(Fn fn) {
    ringlet::run([fn = std::move(fn)]() mutable {
        fn();
        for (bool waited = true; waited;) {
            waited = false;
            for (const Thread& t : enumerate())
                if (!t.daemon()) {
                    t.join();
                    waited = true;
                }
        }
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
    void cancel() const noexcept { cancelled_->set(); }
    void join(interval timeout = gevent::None) const { thread_.join(timeout); }
    bool is_alive() const { return thread_.is_alive(); }

private:
    std::shared_ptr<ringlet::event> cancelled_;
    Thread thread_;
};

}  // namespace ringlet::threading

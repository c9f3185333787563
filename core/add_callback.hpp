#pragma once
// Work handed to a loop from anywhere: add_callback(loop, fn) from any thread, signal_callback from a
// signal handler too. What is handed over runs as a greenlet of its own there, so it may wait.

#include <ringlet/core/mailbox.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/spawn.hpp>

#include <atomic>
#include <functional>
#include <memory>

namespace ringlet {

namespace detail {

/// For letters, which nobody waits for.
template <class Start>
void start_callback(const Start& start) noexcept {
    if (loop::current().ending())
        return;
    try {
        start();
    } catch (...) {  // it cannot be moved or copied
        report("a callback could not be started: " + describe(std::current_exception()));
    }
}

template <class Fn>
struct callback_letter : letter {
    explicit callback_letter(Fn f) : letter(&open), fn(std::move(f)) {}
    static void open(letter& l) noexcept {
        const std::unique_ptr<callback_letter> self(static_cast<callback_letter*>(&l));
        start_callback([&] { spawn(std::move(self->fn)); });
    }
    Fn fn;
};

}  // namespace detail

/// Starts fn() as a greenlet of that loop, from any thread. False: the loop has ended, and fn was
/// dropped. Callbacks of one thread start in the order in which it added them.
template <class Fn>
    requires std::is_invocable_v<std::decay_t<Fn>>
bool add_callback(const loop_ref& where, Fn&& fn) {
    auto made = std::make_unique<detail::callback_letter<std::decay_t<Fn>>>(std::forward<Fn>(fn));
    if (!where.post(*made))
        return false;
    (void)made.release();
    return true;
}

/// A callback made in advance, so that a signal handler can ask for it: asking neither allocates nor
/// locks. Asked for again before it has started, it runs once for both.
///
///     static signal_callback reload([] { read_settings(); });
///     std::signal(SIGHUP, [](int) { reload(); });
class signal_callback : private letter {
public:
    /// Runs fn() as a greenlet of the loop of this thread.
    template <class Fn>
        requires std::is_copy_constructible_v<Fn> && std::is_invocable_v<Fn>
    explicit signal_callback(Fn fn)
        : letter(&open), loop_(this_loop()), start_([fn = std::move(fn)] { spawn(fn); }) {}

    /// On the thread of its loop (or after the end of that loop), when nobody can ask any more.
    ~signal_callback() {
        if (asked_.load(std::memory_order_acquire) && loop_.is_here())
            loop::current().mail().open_all();
    }

    /// From any thread or signal handler.
    void operator()() noexcept {
        if (!asked_.exchange(true, std::memory_order_acq_rel) && !loop_.post_from_signal(*this))
            asked_.store(false, std::memory_order_relaxed);
    }

private:
    static void open(letter& l) noexcept {
        auto& self = static_cast<signal_callback&>(l);
        self.asked_.store(false, std::memory_order_release);
        detail::start_callback(self.start_);
    }

    loop_ref loop_;
    std::function<void()> start_;
    std::atomic<bool> asked_{false};
};

}  // namespace ringlet

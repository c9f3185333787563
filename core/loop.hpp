#pragma once
// The event loop of one thread: a ready list, timers and a kernel. It reaps first and runs later:
// completions and expired timers only move waiters to the ready list; a lap then resumes what was
// ready when the lap began; then the kernel is asked again. This is the only place where a parked
// coroutine is resumed. Greenlets are in greenlet.hpp, cancellation in scope.hpp, kernels in io/.

#include <ringlet/core/kernel.hpp>
#include <ringlet/core/mailbox.hpp>
#include <ringlet/core/timers.hpp>
#include <ringlet/core/waiter.hpp>

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace ringlet {

class fiber_host;

class loop {
public:
    /// Becomes the loop of this thread, which must have none. The code that runs outside of every
    /// spawned greenlet is the loop's main greenlet; when it waits, the loop runs.
    explicit loop(std::unique_ptr<ringlet::kernel> k);

    /// Kills the greenlets that still live and waits until they have unwound and the kernel has
    /// finished with every request: nothing in flight is ever destroyed. What they spawn while they
    /// unwind is killed too, except inside a shield. Reports who takes longer than 5 s; who waits for
    /// something that can never come is reported and left behind.
    ~loop();

    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    /// The loop of this thread. Asking where there is none is a broken invariant.
    static loop& current() noexcept {
        check(current_ != nullptr, "this thread has no event loop: use it inside ringlet::run");
        return *current_;
    }
    static loop* current_or_null() noexcept { return current_; }

    /// The greenlet that runs now.
    greenlet_base& running() const noexcept { return *running_; }
    greenlet_base& main() const noexcept { return *main_; }

    /// Who runs while a callback or a hub_task runs: it stands for the loop and never waits.
    greenlet_base& hub() const noexcept { return *hub_; }

    /// True while the loop kills what is left in it.
    bool ending() const noexcept { return ending_; }

    /// Lets a waiter that was woken, or has just been spawned, go before all others: it runs next, in
    /// the place of whoever runs now.
    void run_first(waiter& w) noexcept {
        w.unlink();
        lap_.push_front(w);
    }

    /// Changes whenever a greenlet gets or gives up the thread; odd while one has it. Any thread may
    /// look.
    std::uint64_t beat() const noexcept { return beat_.load(std::memory_order_relaxed); }

    /// Calls fn(waiter) for each that was woken and has not run.
    template <class Fn>
    void for_each_ready(Fn fn) const {
        lap_.for_each(fn);
        ready_.for_each(fn);
    }

    /// Calls fn(greenlet_base&) for every greenlet that was spawned and is not over, those ready for their
    /// first run last.
    template <class Fn>
    void for_each_greenlet(Fn fn) const {
        greenlets_.for_each([&fn](waiter& w) { fn(as_greenlet(w)); });
        for_each_ready([&fn](waiter& w) {
            if (w.is() == waiter::kind::greenlet)
                fn(as_greenlet(w));
        });
    }
    std::uint64_t next_id() noexcept { return ++spawned_; }

    /// Those of its greenlets, for dump().
    list<fiber_host>& fibers() noexcept { return fibers_; }

    /// The time of this lap.
    time_point now() noexcept { return now_ != time_point() ? now_ : fresh_now(); }

    /// The time now. Timers are armed against it, so that a long computation before a sleep does not
    /// shorten the sleep.
    time_point fresh_now() noexcept { return recent_ = now_ = kernel_->now(); }

    /// The time when somebody last asked for it, a few laps ago at most and never before the last sleep in the
    /// kernel. For what is not worth a look at the clock.
    time_point recent_time() noexcept { return recent_ != time_point() ? recent_ : fresh_now(); }

    timer_heap& timers() noexcept { return timers_; }
    ringlet::kernel& kernel() noexcept { return *kernel_; }

    /// Where other threads leave what they have for this loop.
    mailbox& mail() const noexcept { return *mail_; }

    /// Between the two another thread computes for this loop. A clock that jumps must not: work on
    /// other threads takes no virtual time.
    void begin_outside_work() noexcept { ++outside_work_; }
    void end_outside_work() noexcept { --outside_work_; }

    /// The one T of this loop, made at first use: what belongs to a loop but not into core (buffers,
    /// a resolver). It goes when the kernel has finished with every request.
    template <class T>
    T& service() {
        static char key;  // its address tells one T from another
        for (const auto& [which, object] : services_)
            if (which == &key)
                return *static_cast<T*>(object.get());
        auto made = std::make_shared<T>();
        services_.emplace_back(&key, made);
        return *made;
    }

    /// Queues a request whose user_data is a completion's, or 0 when nobody cares.
    void push(const io_uring_sqe& sqe) {
        kernel_->push(sqe);
        in_flight_ += sqe.user_data != 0;
    }

    /// Queues a zeroed request, to be filled in before anything else is pushed. `asker` is told of its end.
    io_uring_sqe& push(completion& asker) {
        io_uring_sqe& sqe = kernel_->push();
        sqe.user_data = asker.user_data();
        ++in_flight_;
        return sqe;
    }

    /// Asks the kernel to end early whatever has this user_data; its own completion still comes.
    void push_cancel(std::uint64_t user_data);

    /// To be called by a completion at its last CQE, the one without IORING_CQE_F_MORE.
    void landed() noexcept {
        check(in_flight_ > 0, "one push leads to exactly one final completion");
        --in_flight_;
    }

    /// Requests that the kernel has not finished with.
    std::size_t in_flight() const noexcept { return in_flight_; }

    /// Runs laps until `done`, and stops in the middle of the lap in which it became true. False
    /// means deadlock: nothing can ever wake anybody.
    bool run_until(const bool& done);

    /// Runs laps until nothing is left that could ever run (true), or until `when` has come (false).
    bool run_rest(time_point when);

    /// Wakes `w`, which must be waiting, when nobody is ready and nothing has arrived.
    void add_idler(waiter& w) noexcept { idlers_.push_back(w); }

    /// What a coroutine that has finished says of its parent: it is resumed next, by the loop and not
    /// from within the child, so that no chain of returns grows the stack (at -O0 and under the
    /// sanitizers g++ 12 does not make symmetric transfer a tail call).
    void resume_next(std::coroutine_handle<> parent, std::coroutine_handle<> finished = nullptr) noexcept {
        next_ = parent;
        finished_ = finished;
    }

    /// The parent of a greenlet's body: when that is over, so is the greenlet.
    std::coroutine_handle<> end_of_greenlet() const noexcept { return end_of_greenlet_; }

    /// Runs `first`, a coroutine of `owner`, and whatever it names by resume_next, until all of it
    /// waits or is over. The owner may be gone then.
    void run(std::coroutine_handle<> first, greenlet_base& owner);

private:
    friend class waiter;
    friend class greenlet_base;
    friend void wake(waiter& w) noexcept;

    static greenlet_base& as_greenlet(waiter& w) noexcept;
    bool lap(const bool& stop, time_point limit = never);
    bool run_lap(const bool& stop);
    inline void run_now(std::coroutine_handle<> first, greenlet_base& owner);
    bool turn(time_point limit = never);
    void count_beat() noexcept { beat_.store(beat_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
    void end_greenlets();
    void end_requests();

    static inline constinit thread_local loop* current_ = nullptr;

    list<waiter> ready_;
    list<waiter> lap_;
    list<waiter> idlers_;
    greenlet_base* running_ = nullptr;
    std::coroutine_handle<> next_;
    std::coroutine_handle<> finished_;
    const std::coroutine_handle<> end_of_greenlet_ = std::noop_coroutine();  // only its address is used
    time_point now_{};
    time_point recent_{};
    unsigned laps_since_recent_ = 0;
    std::size_t in_flight_ = 0;
    std::size_t waiting_outside_ = 0;
    std::size_t outside_work_ = 0;
    std::size_t timers_that_wake_nobody_ = 0;
    std::uint64_t spawned_ = 0;
    bool ending_ = false;
    std::atomic<std::uint64_t> beat_{0};
    timer_heap timers_;
    list<waiter> greenlets_;  // but for those that are ready for their first run
    list<fiber_host> fibers_;
    std::unique_ptr<greenlet_base> main_;
    std::unique_ptr<greenlet_base> hub_;
    std::vector<std::pair<const void*, std::shared_ptr<void>>> services_;
    std::unique_ptr<ringlet::kernel> kernel_;
    mailbox_owner mail_{*kernel_};
};

}  // namespace ringlet

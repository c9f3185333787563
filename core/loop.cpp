#include <ringlet/core/loop.hpp>

#include <ringlet/core/fiber_host.hpp>
#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/watchdog.hpp>

#include <algorithm>
#include <string>

namespace ringlet {
namespace {

// Waking up to 50 us late halves the CPU of a storm of sleeps, because neighbours share a wake-up.
constexpr duration timer_slack = 50us;

constexpr unsigned laps_of_recent_time = 16;

// How long the end of a loop may take before it says whom it waits for.
constexpr duration patience = 5s;

}  // namespace

void waiter::stand_by() noexcept {
    check(phase_ == phase::idle, "a waiter waits once at a time");
    owner_ = &loop::current().hub();
    phase_ = phase::waiting;
}

void waiter::post() noexcept {
    loop& l = loop::current();
    check(phase_ == phase::idle, "a waiter waits once at a time");
    owner_ = &l.hub();
    phase_ = phase::ready;
    l.ready_.push_back(*this);
}

void waiter::stand_down() noexcept {
    unlink();
    phase_ = phase::idle;
}

void waiter::throw_cancellation(greenlet_base& owner) { owner.throw_cancellation(); }

loop::loop(std::unique_ptr<ringlet::kernel> k) : kernel_(std::move(k)) {
    check(current_ == nullptr, "a thread has one event loop at a time");
    current_ = this;
    main_ = std::make_unique<greenlet_base>();
    main_->set_name("main");
    hub_ = std::make_unique<greenlet_base>();
    hub_->set_name("hub");
    main_->retain();  // they go with the loop
    hub_->retain();
    running_ = main_.get();
    watch(*this);
}

loop::~loop() {
    ending_ = true;
    if (running_ != main_.get()) {
        // Somebody called std::exit, which unwinds nobody: not the caller, but we do the others.
        running_->unlink();
        running_ = main_.get();
    }
    end_greenlets();
    end_requests();
    services_.clear();
    kernel_->turn(time_point::min());  // what was pushed last, such as a close that nobody waits for
    mail_->close();
    unwatch(*this);
    while (!fibers_.empty())
        fibers_.pop_front();  // of greenlets that were left behind, or in the middle
    current_ = nullptr;
}

void loop::end_greenlets() {
    list<waiter> living;
    living.splice_back(greenlets_);
    while (!living.empty()) {  // one by one, since who is killed may let others go
        waiter& each = living.pop_front();
        greenlets_.push_back(each);
        as_greenlet(each).kill();
    }
    for_each_ready([](waiter& each) {
        if (each.is() == waiter::kind::greenlet)
            as_greenlet(each).kill();
    });

    struct complaint : timer {
        explicit complaint(loop& l) noexcept : timer(&complain), ending(l) {}
        static void complain(timer& t) noexcept {
            loop& l = static_cast<complaint&>(t).ending;
            l.timers_that_wake_nobody_ = 0;
            report("the loop ends, and still waits for these greenlets, which were killed " + to_string(patience) +
                   " ago:" + list_greenlets(l));
        }
        loop& ending;
    } late(*this);
    timers_.arm(late, after(fresh_now(), patience));
    timers_that_wake_nobody_ = 1;
    const bool never_done = false;
    do
        run_lap(never_done);
    while ((!greenlets_.empty() || !ready_.empty()) && turn());
    timers_.disarm(late);
    if (greenlets_.empty())
        return;
    report("these greenlets were killed at the end of their loop, and can never finish:" + list_greenlets(*this));
    while (!greenlets_.empty())
        greenlets_.front().unlink();
}

void loop::end_requests() {
    if (in_flight_ == 0)
        return;
    io_uring_sqe& everything = kernel_->push();
    everything.opcode = IORING_OP_ASYNC_CANCEL;
    everything.fd = -1;
    everything.cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
    const time_point late = after(fresh_now(), patience);
    while (in_flight_ > 0 && fresh_now() < late)
        kernel_->turn(late);
    if (in_flight_ > 0)
        report("the loop ends, and still waits for " + std::to_string(in_flight_) +
               " requests that the kernel was asked to cancel " + to_string(patience) + " ago");
    while (in_flight_ > 0)
        kernel_->turn(never);
}

void loop::push_cancel(std::uint64_t user_data) {
    io_uring_sqe& cancel = kernel_->push();
    cancel.opcode = IORING_OP_ASYNC_CANCEL;
    cancel.fd = -1;
    cancel.addr = user_data;
}

bool loop::run_until(const bool& done) {
    while (!done)
        if (!lap(done))
            return false;
    return true;
}

/// Resumes what was ready when the lap began, then asks the kernel. Waiters woken meanwhile are for
/// the next lap, so that no greenlet that keeps itself busy can starve I/O and timers.
bool loop::lap(const bool& stop, time_point limit) { return run_lap(stop) || turn(limit); }

/// In one piece with the lap, which does little else.
void loop::run_now(std::coroutine_handle<> first, greenlet_base& owner) {
    greenlet_base* before = std::exchange(running_, &owner);
    count_beat();
    first.resume();
    while (next_) {
        first = std::exchange(next_, nullptr);
        if (first == end_of_greenlet_)
            owner.end(finished_);
        else
            first.resume();
    }
    count_beat();
    running_ = before;
}

/// True when it stopped early.
bool loop::run_lap(const bool& stop) {
    while (!lap_.empty()) {
        waiter& w = lap_.pop_front();
        w.phase_ = waiter::phase::idle;
        w.owner_->waiting_ = nullptr;
        if (w.owner_->suspended_at_) {
            run_now(w.owner_->suspended_at_, *w.owner_);
        } else {
            greenlet_base* before = std::exchange(running_, hub_.get());
            w.take_turn();
            running_ = before;
        }
        if (stop)
            return true;
    }
    return false;
}

bool loop::run_rest(time_point when) {
    const bool never_done = false;
    while (lap(never_done, when))
        if (when != never && ready_.empty() && lap_.empty() && now() >= when)
            return false;
    return true;
}

void loop::run(std::coroutine_handle<> first, greenlet_base& owner) { run_now(first, owner); }

bool loop::turn(time_point limit) {
    time_point until = time_point::min();
    if (ready_.empty() && idlers_.empty()) {
        // In this order: who posts and then lets go of the loop is seen by one or the other.
        const bool alone =
            timers_.size() == timers_that_wake_nobody_ && waiting_outside_ == 0 && !mail_->expects_letters();
        const bool sleeps = mail_->fall_asleep();
        if (alone && sleeps) {
            mail_->open_all();
            return false;
        }
        if (sleeps)
            until = outside_work_ > 0 && kernel_->clock_jumps() ? never
                                                                : std::min(after(timers_.next(), timer_slack), limit);
    }
    kernel_->turn(until);
    now_ = time_point();
    if (until > time_point::min() || ++laps_since_recent_ == laps_of_recent_time) {
        recent_ = time_point();
        laps_since_recent_ = 0;
    }
    mail_->messages_are_out();
    greenlet_base* before = std::exchange(running_, hub_.get());
    mail_->open_all();
    running_ = before;
    if (!timers_.empty())
        timers_.fire_due(now());
    if (ready_.empty() && !idlers_.empty())
        wake(idlers_.front());
    lap_.splice_back(ready_);
    return true;
}

}  // namespace ringlet

#pragma once
// Waits that another thread ends. An outside_waiter stands in a list that all threads share, under that
// list's mutex; who serves it takes it out there and posts it to its loop as a letter, and from then on
// the letter is on its way: an abort that comes later finds the list without it and lets it arrive. So
// exactly one wake ends this wait too, and what was handed over is never lost.
//
// The mutex is held for a few instructions and never across a wait.

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/mailbox.hpp>

#include <mutex>

namespace ringlet {

class outside_waiter : public waiter, public letter {
public:
    /// Whether a clock that jumps stands still meanwhile: it does for work, not for waits for a peer.
    enum class clock : std::uint8_t { runs, stands_still };

    /// Ends the wait, from any thread, once it was taken out of its list. Nothing of it may be touched
    /// afterwards.
    void wake_from_outside() noexcept {
        if (loop_ref::is_current(*home_))
            arrive(*this);
        else
            check(home_->post(*this), "a loop ended before a wait in it");
    }

protected:
    /// `guard` protects the list in which the waiter will stand.
    explicit outside_waiter(std::mutex* guard, clock c = clock::runs) noexcept
        : waiter(source::outside), letter(&arrive), guard_(guard), clock_(c) {}
    outside_waiter(outside_waiter&& other) noexcept
        : waiter(std::move(other)), letter(&arrive), guard_(other.guard_), clock_(other.clock_) {}

    /// To be called before any other thread can see the waiter.
    void park(std::coroutine_handle<> handle) noexcept {
        waiter::park(handle);
        loop& l = loop::current();
        home_ = &l.mail();
        if (clock_ == clock::stands_still)
            l.begin_outside_work();
    }

    /// The end of the wait, on its own thread.
    static void arrive(letter& l) noexcept { end(static_cast<outside_waiter&>(l)); }
    static void end(outside_waiter& self) noexcept {
        if (self.clock_ == clock::stands_still)
            loop::current().end_outside_work();
        wake(self);
    }

    void abort() noexcept override {
        {
            const std::lock_guard lock(*guard_);
            if (!hook::linked())
                return;  // the letter is on its way
            hook::unlink();
        }
        end(*this);
    }

private:
    std::mutex* guard_;
    mailbox* home_ = nullptr;
    clock clock_;
};

/// Waiters that were taken out of their list under its mutex, to be woken after it was released.
class outside_batch {
public:
    outside_batch() = default;
    outside_batch(const outside_batch&) = delete;
    outside_batch& operator=(const outside_batch&) = delete;
    ~outside_batch() { wake_all(); }

    void add(outside_waiter& w) noexcept {
        w.hook::unlink();
        letter& l = w;
        l.next_ = nullptr;
        *end_ = &l;
        end_ = &l.next_;
    }

    void wake_all() noexcept {
        while (first_ != nullptr) {
            auto& w = static_cast<outside_waiter&>(*first_);
            first_ = first_->next_;
            w.wake_from_outside();
        }
        end_ = &first_;
    }

private:
    letter* first_ = nullptr;
    letter** end_ = &first_;
};

}  // namespace ringlet

#include <ringlet/core/mailbox.hpp>

#include <ringlet/core/hub.hpp>

#include <cerrno>

#include <sched.h>

namespace ringlet {

bool mailbox::post(letter& l) noexcept {
    letter* before = put(l);
    if (before == asleep())
        wake_sleeper();
    return before != closed();
}

bool mailbox::post_from_signal(letter& l) noexcept {
    letter* before = put(l);
    if (before == asleep()) {
        const int error = errno;
        kernel_->wake();
        errno = error;
        woken_by_others_.fetch_add(1, std::memory_order_release);
    }
    return before != closed();
}

/// Between two loops that both have a ring a message costs an SQE in the turn that comes anyway. From
/// elsewhere, also from a main program, which may not come to a turn for long, it takes a system call.
void mailbox::wake_sleeper() noexcept {
    const loop* here = loop::current_or_null();
    if (here == nullptr || &here->running() == &here->main() || !here->mail().send_message_to(*this))
        kernel_->wake();
    // The last touch: the loop may end, and its kernel be gone, as soon as this is seen.
    woken_by_others_.fetch_add(1, std::memory_order_release);
}

bool mailbox::send_message_to(mailbox& sleeper) noexcept {
    if (&sleeper == this || kernel_->ring_fd() < 0 || sleeper.kernel_->ring_fd() < 0 ||
        !kernel_->supports(IORING_OP_MSG_RING))
        return false;
    messaged_.push_back(&sleeper);
    sleeper.hold_memory();
    io_uring_sqe& message = kernel_->push();
    message.opcode = IORING_OP_MSG_RING;
    message.fd = sleeper.kernel_->ring_fd();
    message.off = 0;  // the user_data over there: nobody's, the CQE itself is the news
    // Only a failure is reported here: a CQE for each success would end our own sleep.
    message.flags = IOSQE_CQE_SKIP_SUCCESS;
    message.user_data = on_failure_.user_data();
    return true;
}

void mailbox::forget_messaged() noexcept {
    for (mailbox* peer : messaged_)
        peer->free_memory();
    messaged_.clear();
}

/// A ring had no memory for our message, or is not what it was. A wake-up too many does no harm.
void mailbox::message_failed(completion& c, int, unsigned) noexcept {
    static_cast<failed_message&>(c).sender.wake_messaged();
}

void mailbox::wake_messaged() noexcept {
    for (mailbox* peer : messaged_) {
        const std::lock_guard lock(peer->ending_);
        if (peer->kernel_ != nullptr)
            peer->kernel_->wake();
    }
}

/// The chain is newest first.
void mailbox::open(letter* newest) noexcept {
    const bool slept = std::exchange(slept_, false);
    if (newest == asleep())
        return;
    woken_ += slept;
    letter* oldest = nullptr;
    while (newest != nullptr) {
        letter* next = newest->next_;
        newest->next_ = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != nullptr) {
        letter* opened = oldest;
        oldest = opened->next_;
        opened->on_open_(*opened);
    }
}

void mailbox::close() noexcept {
    wake_messaged();  // there will be no turn to send them
    forget_messaged();
    letter* last = top_.exchange(closed(), std::memory_order_acquire);
    if (last != nullptr)
        open(last);
    // Who woke us may still be inside kernel::wake().
    while (woken_by_others_.load(std::memory_order_acquire) != woken_)
        sched_yield();
    const std::lock_guard lock(ending_);
    kernel_ = nullptr;
}

/// What is left must be looked at again: without references it may be a deadlock.
void mailbox::last_reference_gone() noexcept {
    if (!notice_posted_.exchange(true, std::memory_order_acq_rel))
        post(nobody_left_);
}

loop_ref::~loop_ref() {
    if (box_ == nullptr)
        return;
    if (box_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1 && !is_here())
        box_->last_reference_gone();
    box_->free_memory();
}

bool loop_ref::is_current(const mailbox& box) noexcept {
    const loop* here = loop::current_or_null();
    return here != nullptr && &here->mail() == &box;
}

mailbox& loop_ref::box() const noexcept {
    check(box_ != nullptr, "this loop_ref names no loop");
    return *box_;
}

loop_ref this_loop() { return loop_ref(hub().mail()); }

}  // namespace ringlet

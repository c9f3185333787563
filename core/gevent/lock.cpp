#include <ringlet/core/gevent/lock.hpp>

#include <algorithm>
#include <stdexcept>

namespace ringlet::gevent {

std::size_t not_negative(std::intmax_t value, const std::string& error) {
    if (value < 0)
        throw std::invalid_argument(error);
    return static_cast<std::size_t>(value);
}

bool Semaphore::state::acquire(bool blocking, interval timeout) {
    if (counter == 0 && (!blocking || !wait_to_be_told(timeout)))
        return false;
    check(counter > 0, "who is told that a Semaphore is free runs at once");
    --counter;
    return true;
}

std::size_t Semaphore::state::release() {
    if (counter >= bound)
        throw std::invalid_argument("a BoundedSemaphore was released too many times");
    ++counter;
    notify_if_ready();
    return counter;
}

std::size_t Semaphore::state::wait(interval timeout) {
    if (counter == 0)
        wait_to_be_told(timeout);
    return counter;
}

bool RLock::acquire_for(bool blocking, interval timeout) const {
    const AnyGreenlet me = getcurrent();
    const auto held = state_;  // `this` may go meanwhile
    if (held->count > 0 && held->owner == me) {
        ++held->count;
        return true;
    }
    if (!held->block.acquire(blocking, timeout))
        return false;
    held->owner = me;
    held->count = 1;
    return true;
}

bool RLock::is_owned() const { return state_->count > 0 && state_->owner == getcurrent(); }

void RLock::release() const {
    if (!is_owned())
        throw std::runtime_error("RLock: released by " + getcurrent().name() + ", which does not hold it");
    if (state_->count > 1) {
        --state_->count;
        return;
    }
    release_all();
}

std::size_t RLock::release_all() const noexcept {
    state_->block.release();
    state_->owner = AnyGreenlet();
    return std::exchange(state_->count, 0);
}

/// For who has just waited. There is always memory for it: a fiber waits without any, and the main program in the
/// frame that it has waited in before.
void RLock::acquire_again(std::size_t count) const {
    const auto held = state_;
    held->block.acquire();
    held->owner = getcurrent();
    held->count = count;
}

bool Condition::wait(interval timeout) const {
    const Condition held(*this);  // `this` may go meanwhile
    if (!lock_.is_owned())
        throw std::runtime_error("Condition: wait needs its lock");
    const Semaphore notified(0);
    waiting_->push_back(notified);
    const std::size_t count = lock_.release_all();
    bool in_time = false;
    std::exception_ptr interrupted;
    try {
        in_time = notified.acquire(true, timeout);
    } catch (...) {
        interrupted = std::current_exception();
    }
    // If it is not in line any more it was notified meanwhile.
    const bool just_notified = !in_time && std::erase(*held.waiting_, notified) == 0;
    {
        const shield until_locked;  // the caller counts on having the lock, whatever happened
        held.lock_.acquire_again(count);
    }
    if (interrupted && just_notified)
        held.notify();  // for the next
    if (interrupted)
        std::rethrow_exception(interrupted);
    return in_time || just_notified;
}

void Condition::notify(std::size_t count) const {
    if (!lock_.is_owned())
        throw std::runtime_error("Condition: notify needs its lock");
    for (count = std::min(count, waiting_->size()); count > 0; --count) {
        waiting_->front().release();
        waiting_->pop_front();
    }
}

}  // namespace ringlet::gevent

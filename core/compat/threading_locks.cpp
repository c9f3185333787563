#include <ringlet/core/compat/threading_locks.hpp>

#include <mutex>

namespace ringlet::threading {

// A barrier fills; then those who are in it leave, and until the last has left nobody new is let in. The same
// holds after a reset. A broken one lets nobody in.
struct Barrier::state {
    enum class phase : std::uint8_t { filling, draining, resetting, broken };

    void enter() {
        changed.wait_for([this] { return now == phase::filling || now == phase::broken; });
        if (now == phase::broken)
            throw BrokenBarrierError();
    }
    void fill(std::size_t place, interval timeout) {
        if (place + 1 == parties)
            return open();
        if (!changed.wait_for([this] { return now != phase::filling; }, timeout)) {
            turn(phase::broken);
            throw BrokenBarrierError();
        }
        if (now != phase::draining)
            throw BrokenBarrierError();
    }
    void open() {
        try {
            if (action)
                action();
        } catch (...) {
            turn(phase::broken);
            throw;
        }
        turn(phase::draining);
    }
    void leave() {
        if (--inside == 0 && now != phase::broken)
            turn(phase::filling);
    }
    void turn(phase to) {
        now = to;
        changed.notify_all();
    }

    std::size_t parties = 0;
    std::function<void()> action;
    interval limit;
    gevent::Condition changed;
    phase now = phase::filling;
    std::size_t inside = 0;
};

Barrier::Barrier(std::size_t parties, std::function<void()> action, interval timeout)
    : state_(std::make_shared<state>()) {
    if (parties == 0)
        throw std::invalid_argument("Barrier: at least one party");
    state_->parties = parties;
    state_->action = std::move(action);
    state_->limit = timeout;
}

std::size_t Barrier::wait() const { return wait(state_->limit); }

std::size_t Barrier::wait(interval timeout) const {
    const auto held = state_;
    const std::lock_guard lock(held->changed);
    held->enter();
    struct passage {
        state& of;
        std::size_t place = of.inside++;
        ~passage() { of.leave(); }
    } const here{*held};
    held->fill(here.place, timeout);
    return here.place;
}

void Barrier::reset() const {
    const auto held = state_;
    const std::lock_guard lock(held->changed);
    if (held->inside == 0)
        held->turn(state::phase::filling);
    else if (held->now != state::phase::draining)
        held->turn(state::phase::resetting);
}

void Barrier::abort() const {
    const auto held = state_;
    const std::lock_guard lock(held->changed);
    held->turn(state::phase::broken);
}

std::size_t Barrier::parties() const noexcept { return state_->parties; }
std::size_t Barrier::n_waiting() const noexcept { return state_->now == state::phase::filling ? state_->inside : 0; }
bool Barrier::broken() const noexcept { return state_->now == state::phase::broken; }

}  // namespace ringlet::threading

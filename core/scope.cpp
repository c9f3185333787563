#include <ringlet/core/scope.hpp>

namespace ringlet {

scope::scope(bool shielded) : owner_(&hub().running()), outer_(owner_->innermost_), shielded_(shielded) {
    owner_->innermost_ = this;
    if (shielded_)
        owner_->refresh_cancel();
}

scope::~scope() {
    check(owner_->innermost_ == this, "scopes of a greenlet end in the reverse order of their beginning");
    owner_->innermost_ = outer_;
    if (shielded_ || cancelled_)
        owner_->refresh_cancel();
}

void scope::cancel() noexcept {
    if (cancelled_)
        return;
    cancelled_ = true;
    owner_->refresh_cancel();
    if (!owner_->canceled_now())
        return;  // an inner shield holds it off
    if (const waiter* w = owner_->waiting_on())
        interrupted_ = w->what();
    owner_->abort_wait();
}

bool scope::ends_here() const noexcept {
    if (!cancelled_)
        return false;
    if (shielded_)
        return true;
    for (const scope* s = outer_; s != nullptr; s = s->outer_) {
        if (s->cancelled_)
            return false;
        if (s->shielded_)
            return true;
    }
    return !owner_->killed();
}

void scope::revive() noexcept {
    cancelled_ = false;
    interrupted_ = nullptr;
    owner_->refresh_cancel();
}

deadline::deadline(time_point when) : timer(&fire), when_(when) { arm(); }

void deadline::arm() {
    timer_heap& timers = loop::current().timers();
    timers.disarm(*this);
    timers.arm(*this, when_);
    fires_ = when_;
}

void deadline::fire(timer& t) noexcept {
    auto& self = static_cast<deadline&>(t);
    self.fires_ = never;
    if (self.when_ <= loop::current().now())
        self.cancel();
    else
        self.arm();  // it was moved meanwhile
}

}  // namespace ringlet

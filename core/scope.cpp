#include <ringlet/core/scope.hpp>

namespace ringlet {

scope::scope(bool shielded) : owner_(&hub().running()), outer_(owner_->innermost_), shielded_(shielded) {
    owner_->innermost_ = this;
    owner_->refresh_cancel();
}

scope::~scope() {
    check(owner_->innermost_ == this, "scopes of a greenlet end in the reverse order of their beginning");
    owner_->innermost_ = outer_;
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

deadline::deadline(time_point when) : timer([](timer& t) noexcept { static_cast<deadline&>(t).cancel(); }) {
    if (when != never)
        loop::current().timers().arm(*this, when);
}

}  // namespace ringlet

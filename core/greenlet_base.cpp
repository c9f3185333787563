#include <ringlet/core/greenlet_base.hpp>

#include <ringlet/core/report.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/core/spawn.hpp>

namespace ringlet {

greenlet_base::greenlet_base(std::coroutine_handle<> root) noexcept
    : waiter("its first run", nullptr), root_(root) {}

greenlet_base::~greenlet_base() {
    if (outcome_ == outcome::error && !error_seen_)
        report_unhandled(*this, error_);
}

std::string greenlet_base::name() const {
    return name_ ? *name_ : "greenlet " + std::to_string(id_);
}

void greenlet_base::set_name(std::string name) { name_ = std::make_unique<std::string>(std::move(name)); }

void greenlet_base::start(std::coroutine_handle<> root) noexcept {
    loop& l = loop::current();
    id_ = l.next_id();
    personality_ = l.running().personality();
    l.greenlets().push_back(*this);
    handle_ = root;
    owner_ = this;
    phase_ = phase::ready;
    l.ready_.push_back(*this);
}

void greenlet_base::kill() noexcept {
    if (dead() || killed_)
        return;
    killed_ = true;
    refresh_cancel();
    if (cancel_pending_)
        abort_wait();
}

void greenlet_base::abort_wait() noexcept {
    if (waiting_ == nullptr || waiting_->aborted_)
        return;
    waiting_->aborted_ = true;
    waiting_->on_abort_(*waiting_);
}

void greenlet_base::refresh_cancel() noexcept {
    cancel_pending_ = killed_;
    for (const scope* s = innermost_; s != nullptr; s = s->outer_) {
        if (s->cancelled_ || s->shielded_) {
            cancel_pending_ = s->cancelled_;
            return;
        }
    }
}

void greenlet_base::add_link(std::function<void()> fn) {
    if (dead()) {
        spawn(std::move(fn));
        return;
    }
    if (!links_)
        links_ = std::make_unique<std::vector<std::function<void()>>>();
    links_->push_back(std::move(fn));
}

void greenlet_base::set_error(std::exception_ptr e) noexcept {
    try {
        std::rethrow_exception(e);
    } catch (const canceled&) {
        outcome_ = outcome::killed;
    } catch (...) {
        outcome_ = outcome::error;
        error_ = std::move(e);
    }
}

void greenlet_base::die() noexcept {
    check(dead(), "a greenlet ends with a value, an error or because it was killed");
    living::unlink();
    while (!joiners_.empty())
        wake(joiners_.front());
    if (links_) {
        // One greenlet starts the links, so that they begin after the joiners, in order.
        spawn([links = std::move(links_)] {
            for (auto& link : *links)
                spawn(std::move(link));
        });
    }
    release();
}

void greenlet_base::destroy() noexcept {
    check(dead(), "a greenlet was destroyed before it was over");
    root_.destroy();
}

}  // namespace ringlet

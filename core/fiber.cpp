#include <ringlet/core/fiber.hpp>

#include <ringlet/core/check.hpp>

#include <stdexcept>

namespace ringlet::detail {

void throw_wrong_type() {
    throw std::logic_error(
        "fiber: a fiber of another type switched here; a family that passes values "
        "has one T");
}

fiber_state::fiber_state(std::size_t stack_size) : context(stack_size), root_(current_root()), parent_(current()) {
    if (parent_ != nullptr)
        parent_->retain();
}

fiber_state::~fiber_state() {
    if (parent_ != nullptr)
        parent_->release();
}

fiber_state* fiber_state::current() noexcept { return context::current().users_fiber(); }

context* fiber_state::current_root() noexcept {
    const fiber_state* self = current();
    return self != nullptr ? self->root_ : &context::current();
}

fiber_message& fiber_state::go(fiber_state* target, context* root, fiber_message& sent) {
    fiber_state* self = current();
    if (root != current_root())
        throw std::logic_error("fiber: switched to a fiber of another thread or greenlet, or to none");
    while (target != nullptr && (target->dead() || (sent.error && !target->started_))) {
        if (!target->dead())
            target->ended_ = true;
        target = target->parent_;
    }
    if (target == self) {
        if (sent.error)
            std::rethrow_exception(sent.error);
        return sent;
    }
    if (target != nullptr) {
        target->retain();
        target->started_ = true;
    }
    sent.from = self;
    context& place = target != nullptr ? static_cast<context&>(*target) : *root;
    auto& received = *static_cast<fiber_message*>(context::current().switch_to(place, &sent));
    if (received.error) {
        const std::exception_ptr error = std::move(received.error);
        finish(received);
        std::rethrow_exception(error);
    }
    return received;
}

void fiber_state::finish(fiber_message& m) noexcept {
    if (m.from != nullptr)
        std::exchange(m.from, nullptr)->release();
}

context::exit fiber_state::run(void* message) {
    try {
        call(*static_cast<fiber_message*>(message), last_);
    } catch (const fiber_exit&) {
        last_ = {};
    } catch (...) {
        last_ = {nullptr, nullptr, std::current_exception(), nullptr};
    }
    last_.from = this;
    fiber_state* to = parent_;
    while (to != nullptr && to->dead())
        to = to->parent_;
    if (to != nullptr)
        to->retain();
    return {to != nullptr ? static_cast<context*>(to) : root_, &last_};
}

void fiber_state::release() noexcept {
    if (--references_ > 0)
        return;
    if (started_ && !over())
        unwind();
    delete this;
}

/// Its parent becomes whoever lets go of it, so that it comes back here.
void fiber_state::unwind() noexcept {
    references_ = 1;
    fiber_state* here = current();
    check(root_ == current_root(), "a suspended fiber is destroyed in the thread or greenlet it belongs to");
    if (here != nullptr)
        here->retain();
    if (parent_ != nullptr)
        parent_->release();
    parent_ = here;
    try {
        fiber_message farewell{nullptr, nullptr, std::make_exception_ptr(fiber_exit()), nullptr};
        finish(go(this, root_, farewell));
    } catch (...) {  // what it threw on the way out is for nobody
    }
    check(over(), "a fiber that was destroyed went on running");
    check(--references_ == 0, "a fiber that was destroyed made itself known again");
}

}  // namespace ringlet::detail

#include "watched_kernel.hpp"

#include <vector>

namespace story {

struct watched_kernel::tap : ringlet::completion {
    tap(watched_kernel& k, std::uint64_t whose, unsigned op)
        : completion(&answered), kernel(k), user_data_of_owner(whose), opcode(op) {}
    static void answered(completion& c, int res, unsigned flags) noexcept {
        auto& self = static_cast<tap&>(c);
        self.kernel.pass_on(self, res, flags);
    }
    watched_kernel& kernel;
    std::uint64_t user_data_of_owner;
    unsigned opcode;
};

watched_kernel::watched_kernel(std::unique_ptr<ringlet::kernel> inner) : inner_(std::move(inner)) {}
watched_kernel::~watched_kernel() { inner_.reset(); }

void watched_kernel::forget_hooks() {
    edit = nullptr;
    on_answer = nullptr;
    delay = nullptr;
    before_turn = nullptr;
    after_turn = nullptr;
}

void watched_kernel::turn(ringlet::time_point until) {
    ++turns;
    if (before_turn && before_turn())
        until = ringlet::time_point::min();
    if (!late_.empty())
        until = ringlet::time_point::min();
    deliver_what_is_late();
    const std::size_t answered = answers;
    std::vector<std::pair<std::uint64_t, int>> answered_here;
    for (const io_uring_sqe& pushed : submissions_) {
        ringlet::request sqe;
        *sqe = pushed;
        ++requests;
        ++pushed_[sqe->opcode];
        asked += sqe->user_data != 0;
        if (edit)
            if (const auto answer = edit(*sqe)) {
                answered_here.emplace_back(sqe->user_data, *answer);
                continue;
            }
        forward(*sqe);
    }
    submissions_.clear();
    for (const auto& [user_data, res] : answered_here) {
        io_uring_cqe cqe{};
        cqe.user_data = user_data;
        cqe.res = res;
        ++answers;
        ended += user_data != 0;
        ringlet::completion::deliver(cqe);
    }
    const bool may_wait = until != ringlet::time_point::min() && answers == answered;
    const bool skips = hurried && !inner_->clock_jumps();  // a clock that jumps needs no help
    if (!may_wait || skips)
        inner_->turn(ringlet::time_point::min());
    if (may_wait && answers == answered && late_.empty()) {
        if (!skips)
            inner_->turn(until == ringlet::never ? until : until - skipped_);
        else if (until == ringlet::never)
            inner_->turn(until);
        else if (until > now())
            skipped_ += until - now();
    }
    if (after_turn)
        after_turn();
}

void watched_kernel::forward(io_uring_sqe& sqe) {
    if (sqe.opcode == IORING_OP_ASYNC_CANCEL && sqe.cancel_flags == 0) {
        const auto target = taps_.find(sqe.addr);
        sqe.addr = target != taps_.end() ? target->second->user_data() : 1;
    }
    if (sqe.user_data != 0) {
        auto& place = taps_[sqe.user_data];
        ringlet::check(place == nullptr, "a request was pushed while the one before it is in flight");
        place = std::make_unique<tap>(*this, sqe.user_data, sqe.opcode);
        sqe.user_data = place->user_data();
    }
    inner_->push(sqe);
}

void watched_kernel::deliver_what_is_late() {
    for (auto& [turns_left, deliver] : late_)
        if (--turns_left == 0)
            deliver();
    std::erase_if(late_, [](const auto& each) { return each.first == 0; });
}

void watched_kernel::pass_on(tap& t, int res, unsigned flags) {
    const std::size_t turns_late = delay && (flags & IORING_CQE_F_MORE) == 0 ? delay(t.opcode, res) : 0;
    if (turns_late > 0)
        late_.emplace_back(turns_late, [this, &t, res, flags] { answer(t, res, flags); });
    else
        answer(t, res, flags);
}

void watched_kernel::answer(tap& t, int res, unsigned flags) {
    ++answers;
    io_uring_cqe cqe{};
    cqe.user_data = t.user_data_of_owner;
    cqe.res = res;
    cqe.flags = flags;
    if (on_answer)
        on_answer(t.opcode, res, flags);
    if ((flags & IORING_CQE_F_MORE) == 0) {
        ++ended;
        taps_.erase(t.user_data_of_owner);
    }
    ringlet::completion::deliver(cqe);
}

}  // namespace story

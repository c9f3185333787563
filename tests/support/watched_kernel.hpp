#pragma once
// The kernel of this machine, watched from the seam: it counts what is pushed and answered, lets a test
// change a request or answer in the kernel's place (a short write, an error that is hard to provoke),
// and checks that each request has exactly one final answer. With `hurried`, time that everybody would
// spend waiting is skipped.

#include <ringlet/core/check.hpp>
#include <ringlet/core/kernel.hpp>

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace story {

class watched_kernel final : public ringlet::kernel {
public:
    explicit watched_kernel(std::unique_ptr<ringlet::kernel> inner = ringlet::make_kernel())
        : inner_(std::move(inner)) {}
    ~watched_kernel() override { inner_.reset(); }

    /// Sees each request before the kernel does and may change it; what it returns is the answer, and
    /// the kernel never hears of the request.
    std::function<std::optional<int>(io_uring_sqe&)> edit;

    /// Sees each answer, with the request's opcode, before whoever asked gets it.
    std::function<void(unsigned opcode, int res, unsigned flags)> on_answer;

    /// Says how many turns late an answer is delivered: requests that end together seldom do so elsewhere.
    std::function<std::size_t(unsigned opcode, int res)> delay;

    /// Called before what was pushed is submitted, and after what has completed was delivered. The turn
    /// does not wait when the first returns true: it has made somebody ready.
    std::function<bool()> before_turn;
    std::function<void()> after_turn;

    void forget_hooks() {
        edit = nullptr;
        on_answer = nullptr;
        delay = nullptr;
        before_turn = nullptr;
        after_turn = nullptr;
    }

    bool hurried = false;

    /// An operation that this kernel is to lack; -1 for none.
    int unsupported = -1;

    std::size_t turns = 0;
    std::size_t requests = 0;
    std::size_t answers = 0;
    std::size_t asked = 0;  // requests that somebody waits for
    std::size_t ended = 0;  // last answers to them

    std::size_t pushed(unsigned opcode) const { return pushed_[opcode]; }
    std::size_t in_flight() const { return taps_.size(); }

    ringlet::time_point now() noexcept override { return inner_->now() + skipped_; }

    void turn(ringlet::time_point until) override {
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

    void wake() noexcept override { inner_->wake(); }
    io_uring_buf_ring* provide_buffers(std::uint16_t group, unsigned entries) override {
        return inner_->provide_buffers(group, entries);
    }
    int perform(const io_uring_sqe& sqe) noexcept override { return inner_->perform(sqe); }
    bool clock_jumps() const noexcept override { return inner_->clock_jumps(); }
    bool supports(unsigned opcode) const noexcept override {
        return static_cast<int>(opcode) != unsupported && inner_->supports(opcode);
    }

private:
    struct tap : ringlet::completion {
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

    void forward(io_uring_sqe& sqe) {
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

    void deliver_what_is_late() {
        for (auto& [turns_left, deliver] : late_)
            if (--turns_left == 0)
                deliver();
        std::erase_if(late_, [](const auto& each) { return each.first == 0; });
    }

    void pass_on(tap& t, int res, unsigned flags) {
        const std::size_t turns_late = delay && (flags & IORING_CQE_F_MORE) == 0 ? delay(t.opcode, res) : 0;
        if (turns_late > 0)
            late_.emplace_back(turns_late, [this, &t, res, flags] { answer(t, res, flags); });
        else
            answer(t, res, flags);
    }

    void answer(tap& t, int res, unsigned flags) {
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

    std::unordered_map<std::uint64_t, std::unique_ptr<tap>> taps_;
    std::array<std::size_t, 256> pushed_{};
    std::list<std::pair<std::size_t, std::function<void()>>> late_;
    ringlet::duration skipped_{0};
    std::unique_ptr<ringlet::kernel> inner_;
};

}  // namespace story

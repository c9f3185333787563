#pragma once
// A kernel that strikes in its n-th turn: just before it takes what was pushed, or just after it has
// answered.

#include <ringlet/core/kernel.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace story {

class interrupted_kernel final : public ringlet::kernel {
public:
    interrupted_kernel(std::unique_ptr<ringlet::kernel> inner, std::size_t turn, bool before)
        : inner_(std::move(inner)), strike_at_(turn), before_(before) {}

    std::function<void()> strike;

    ringlet::time_point now() noexcept override { return inner_->now(); }
    void turn(ringlet::time_point until) override {
        const bool now = strike && ++turns_ == strike_at_;
        if (now && before_) {
            strike();
            until = ringlet::time_point::min();  // the blow may have made somebody ready
        }
        for (const io_uring_sqe& sqe : submissions_)
            inner_->push(sqe);
        submissions_.clear();
        inner_->turn(until);
        if (now && !before_)
            strike();
    }
    void wake() noexcept override { inner_->wake(); }
    io_uring_buf_ring* provide_buffers(std::uint16_t group, unsigned entries) override {
        return inner_->provide_buffers(group, entries);
    }
    bool supports(unsigned opcode) const noexcept override { return inner_->supports(opcode); }
    int perform(const io_uring_sqe& sqe) noexcept override { return inner_->perform(sqe); }
    int ring_fd() const noexcept override { return inner_->ring_fd(); }
    bool clock_jumps() const noexcept override { return inner_->clock_jumps(); }

private:
    std::unique_ptr<ringlet::kernel> inner_;
    std::size_t strike_at_;
    std::size_t turns_ = 0;
    bool before_;
};

}  // namespace story

#pragma once
// The kernel of this machine, watched from the seam: it counts what is pushed and answered, lets a test
// change a request or answer in the kernel's place (a short write, an error that is hard to provoke),
// and checks that each request has exactly one final answer. With `hurried`, time that everybody would
// spend waiting is skipped.

#include <ringlet/core/check.hpp>
#include <ringlet/core/kernel.hpp>

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

namespace story {

class watched_kernel final : public ringlet::kernel {
public:
    explicit watched_kernel(std::unique_ptr<ringlet::kernel> inner = ringlet::make_kernel());
    ~watched_kernel() override;

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

    void forget_hooks();

    bool hurried = false;

    /// An operation that this kernel is to lack; -1 for none.
    int unsupported = -1;

    /// Whether it has no registered buffers.
    bool refuses_buffers = false;

    std::size_t turns = 0;
    std::size_t requests = 0;
    std::size_t answers = 0;
    std::size_t asked = 0;  // requests that somebody waits for
    std::size_t ended = 0;  // last answers to them

    std::size_t pushed(unsigned opcode) const { return pushed_[opcode]; }
    std::size_t in_flight() const { return taps_.size(); }

    ringlet::time_point now() noexcept override { return inner_->now() + skipped_; }

    void turn(ringlet::time_point until) override;
    void wake() noexcept override { inner_->wake(); }
    io_uring_buf_ring* provide_buffers(std::uint16_t group, unsigned entries) override {
        return inner_->provide_buffers(group, entries);
    }
    int perform(const io_uring_sqe& sqe) noexcept override { return inner_->perform(sqe); }
    bool clock_jumps() const noexcept override { return inner_->clock_jumps(); }
    int register_buffer(std::span<std::byte> memory) override {
        return refuses_buffers ? -1 : inner_->register_buffer(memory);
    }
    void unregister_buffer(int index) noexcept override { inner_->unregister_buffer(index); }
    bool supports(unsigned opcode) const noexcept override {
        return static_cast<int>(opcode) != unsupported && inner_->supports(opcode);
    }

private:
    struct tap;
    void forward(io_uring_sqe& sqe);
    void deliver_what_is_late();
    void pass_on(tap& t, int res, unsigned flags);
    void answer(tap& t, int res, unsigned flags);

    std::unordered_map<std::uint64_t, std::unique_ptr<tap>> taps_;
    std::array<std::size_t, 256> pushed_{};
    std::list<std::pair<std::size_t, std::function<void()>>> late_;
    ringlet::duration skipped_{0};
    std::unique_ptr<ringlet::kernel> inner_;
};

}  // namespace story

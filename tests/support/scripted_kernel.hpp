#pragma once
// A kernel that answers what the test says, when it says it, and writes down everything that was
// pushed. Without a script it answers nothing, and its clock stands still unless everybody waits.

#include <ringlet/core/check.hpp>
#include <ringlet/core/kernel.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace story {

class scripted_kernel final : public ringlet::kernel {
public:
    /// What is to happen in a turn, after everything pushed was taken.
    std::function<void(scripted_kernel&)> script;

    std::vector<io_uring_sqe> taken;  // all that was ever pushed, in order
    std::size_t turns = 0;
    ringlet::time_point clock{std::chrono::hours(1)};
    ringlet::time_point until{};  // what the current turn was asked to wait for

    ringlet::time_point now() noexcept override { return clock; }

    void turn(ringlet::time_point limit) override {
        ++turns;
        until = limit;
        answered_ = !submissions_.empty();
        taken.insert(taken.end(), submissions_.begin(), submissions_.end());
        submissions_.clear();
        if (script)
            script(*this);
        if (answered_ || limit <= clock)
            return;
        ringlet::check(limit != ringlet::never, "the script forgot to answer what everybody waits for");
        clock = limit;
    }

    void answer(std::uint64_t user_data, int res, unsigned flags = 0) {
        answered_ = true;
        io_uring_cqe cqe{};
        cqe.user_data = user_data;
        cqe.res = res;
        cqe.flags = flags;
        ringlet::completion::deliver(cqe);
    }

    void wake() noexcept override {}
    io_uring_buf_ring* provide_buffers(std::uint16_t, unsigned) override { return nullptr; }
    bool supports(unsigned) const noexcept override { return true; }

    static bool is_cancel(const io_uring_sqe& sqe) { return sqe.opcode == IORING_OP_ASYNC_CANCEL; }

private:
    bool answered_ = false;
};

}  // namespace story

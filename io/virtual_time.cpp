#include <ringlet/io/virtual_time.hpp>

#include <atomic>
#include <cerrno>

namespace ringlet::io {
namespace {

class virtual_time final : public kernel {
public:
    time_point now() noexcept override { return now_; }

    void turn(time_point until) override {
        const std::vector<io_uring_sqe> taken = std::move(submissions_);
        submissions_.clear();
        for (const io_uring_sqe& sqe : taken) {
            io_uring_cqe cqe{};
            cqe.user_data = sqe.user_data;
            // What a cancel looks for has been answered in the turn that took it.
            cqe.res = sqe.opcode == IORING_OP_NOP            ? 0
                      : sqe.opcode == IORING_OP_ASYNC_CANCEL ? -ENOENT
                                                             : -ENOSYS;
            completion::deliver(cqe);
        }
        if (!taken.empty() || until <= now_)
            return;
        if (until == never)
            woken_.wait(0);  // only another thread can help
        else if (woken_ == 0)
            now_ = until;
        woken_.exchange(0);
    }

    // A futex and no mutex: a signal handler may interrupt whoever holds one. Sequentially consistent,
    // because libstdc++ notifies only if it then sees somebody wait.
    void wake() noexcept override {
        woken_ = 1;
        woken_.notify_one();
    }

    bool clock_jumps() const noexcept override { return true; }

    io_uring_buf_ring* provide_buffers(std::uint16_t, unsigned) override { return nullptr; }

    bool supports(unsigned opcode) const noexcept override { return opcode == IORING_OP_NOP; }

private:
    time_point now_{1h};
    std::atomic<int> woken_{0};
};

}  // namespace

std::unique_ptr<kernel> make_virtual_time() { return std::make_unique<virtual_time>(); }

}  // namespace ringlet::io

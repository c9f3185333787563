#include <ringlet/io/virtual_time.hpp>

#include <cerrno>
#include <condition_variable>
#include <mutex>

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
        std::unique_lock lock(mutex_);
        if (until == never)
            woken_.wait(lock, [this] { return wake_asked_; });  // only another thread can help
        else if (!wake_asked_)
            now_ = until;
        wake_asked_ = false;
    }

    void wake() noexcept override {
        const std::lock_guard lock(mutex_);
        wake_asked_ = true;
        woken_.notify_one();
    }

    io_uring_buf_ring* provide_buffers(std::uint16_t, unsigned) override { return nullptr; }

    bool supports(unsigned opcode) const noexcept override { return opcode == IORING_OP_NOP; }

private:
    time_point now_{1h};
    std::mutex mutex_;
    std::condition_variable woken_;
    bool wake_asked_ = false;
};

}  // namespace

std::unique_ptr<kernel> make_virtual_time() { return std::make_unique<virtual_time>(); }

}  // namespace ringlet::io

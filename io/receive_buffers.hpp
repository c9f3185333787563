#pragma once
// The buffers that multishot receives of one loop select from: a ring of them is shared with the
// kernel (io_uring_register_buf_ring(3)), so that an idle connection holds no memory of ours. What was received
// is copied out at once, or lent for a while (received.hpp), of which there is a limit: who keeps what was
// lent must not take the buffers from all others.

#include <ringlet/core/loop.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace ringlet::io {

/// The memory. It stays until its loop is over and all that was lent has come back.
class buffer_lender {
public:
    // 128 x 16 KiB stay within a core's second-level cache; larger rings lose up to 40 %.
    static constexpr unsigned count = 128;
    static constexpr std::size_t size = 16 * 1024;
    static constexpr std::uint16_t group = 0;

    buffer_lender(std::byte* memory, io_uring_buf_ring* ring) noexcept;
    buffer_lender(const buffer_lender&) = delete;
    buffer_lender& operator=(const buffer_lender&) = delete;

    /// The bytes of the buffer that a CQE names in its flags.
    std::span<std::byte> lend(unsigned cqe_flags, int res) noexcept {
        ++lent_;
        return {memory_ + std::size_t(index_of(cqe_flags)) * size, static_cast<std::size_t>(res)};
    }

    /// Hands it back to the kernel.
    void give_back(unsigned cqe_flags) noexcept {
        --lent_;
        if (ring_ == nullptr)
            return go_if_done();
        check(loop::current_or_null() == owner_, "what was received goes back on the thread of its loop");
        publish(index_of(cqe_flags));
    }

    /// So few are left that the next ones had better be copied.
    bool scarce() const noexcept { return lent_ > count * 3 / 4; }
    /// How many have yet to come back.
    unsigned lent() const noexcept { return lent_; }

    /// The loop ends, and the ring with it.
    void end() noexcept;

private:
    ~buffer_lender();
    static std::uint16_t index_of(unsigned cqe_flags) noexcept {
        return static_cast<std::uint16_t>(cqe_flags >> IORING_CQE_BUFFER_SHIFT);
    }
    void publish(std::uint16_t index) noexcept;
    void go_if_done() noexcept;

    std::byte* const memory_;
    io_uring_buf_ring* ring_;  // null when the loop is over
    const loop* const owner_ = &loop::current();
    unsigned lent_ = 0;
};

/// A service of the loop: `loop::current().service<receive_buffers>()`.
class receive_buffers {
public:
    receive_buffers();
    ~receive_buffers();
    receive_buffers(const receive_buffers&) = delete;
    receive_buffers& operator=(const receive_buffers&) = delete;

    /// Null when this kernel has no buffer rings; receive into buffers of your own then.
    buffer_lender* lender() const noexcept { return lender_; }

private:
    buffer_lender* lender_ = nullptr;
};

}  // namespace ringlet::io

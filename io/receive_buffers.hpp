#pragma once
// The buffers that multishot receives of one loop select from: a ring of them is shared with the
// kernel (io_uring_register_buf_ring(3)), so that an idle connection holds no memory of ours. What was
// received is copied out at once and the buffer goes back, so a slow reader cannot starve the others.

#include <ringlet/core/loop.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace ringlet::io {

/// A service of the loop: `loop::current().service<receive_buffers>()`.
class receive_buffers {
public:
    // 128 x 16 KiB stay within a core's second-level cache; larger rings lose up to 40 %.
    static constexpr unsigned count = 128;
    static constexpr std::size_t size = 16 * 1024;
    static constexpr std::uint16_t group = 0;

    receive_buffers();
    ~receive_buffers();
    receive_buffers(const receive_buffers&) = delete;
    receive_buffers& operator=(const receive_buffers&) = delete;

    /// False when this kernel has no buffer rings; receive into buffers of your own then.
    bool available() const noexcept { return ring_ != nullptr; }

    /// The bytes of the buffer that a CQE names in its flags.
    std::span<const std::byte> filled(unsigned cqe_flags, int res) const noexcept {
        return {memory_ + std::size_t(index_of(cqe_flags)) * size, static_cast<std::size_t>(res)};
    }

    /// Hands it back to the kernel.
    void give_back(unsigned cqe_flags) noexcept { publish(index_of(cqe_flags)); }

private:
    static std::uint16_t index_of(unsigned cqe_flags) noexcept {
        return static_cast<std::uint16_t>(cqe_flags >> IORING_CQE_BUFFER_SHIFT);
    }
    void publish(std::uint16_t index) noexcept;

    std::byte* memory_ = nullptr;
    io_uring_buf_ring* ring_ = nullptr;
};

}  // namespace ringlet::io

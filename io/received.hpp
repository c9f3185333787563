#pragma once
// received: the bytes of one receive, where they were put. That is one of the buffers that all receives of a
// loop share with the kernel, so that nothing is copied and whoever waits holds no memory; or, while all of
// those are lent, a buffer of its own. Either goes back when this goes.

#include <ringlet/core/frame_pool.hpp>
#include <ringlet/io/receive_buffers.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace ringlet::io {

/// Must not outlive the loop it was received on. Keep it for as long as the bytes are needed and no longer: a
/// shared buffer has room for 16 KiB, however little came.
class [[nodiscard]] received {
public:
    /// Nothing, as at the end of a stream.
    received() = default;

    /// What a CQE has put into a shared buffer.
    received(receive_buffers& lender, unsigned cqe_flags, int res) noexcept
        : lender_(&lender),
          data_(const_cast<std::byte*>(lender.filled(cqe_flags, res).data())),
          size_(static_cast<std::uint32_t>(res)),
          flags_or_room_(cqe_flags) {}

    /// Room for so much, to be filled.
    explicit received(std::size_t room)
        : data_(static_cast<std::byte*>(allocate_frame(room))),
          size_(static_cast<std::uint32_t>(room)),
          flags_or_room_(size_) {}

    received(received&& other) noexcept
        : lender_(other.lender_),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          flags_or_room_(other.flags_or_room_) {}
    received& operator=(received&& other) noexcept {
        std::swap(lender_, other.lender_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(flags_or_room_, other.flags_or_room_);
        return *this;
    }
    ~received() {
        if (data_ == nullptr)
            return;
        if (lender_ != nullptr)
            lender_->give_back(flags_or_room_);
        else
            free_frame(data_, flags_or_room_);
    }

    std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    /// What was made as room for more.
    std::span<std::byte> room() noexcept { return {data_, size_}; }
    void shrink(std::size_t size) noexcept { size_ = static_cast<std::uint32_t>(size); }

private:
    receive_buffers* lender_ = nullptr;  // null: the memory is its own
    std::byte* data_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t flags_or_room_ = 0;
};

}  // namespace ringlet::io

#pragma once
// received: the bytes of one receive, where they were put. That is one of the buffers that all receives of a
// loop share with the kernel, so that nothing is copied and whoever waits holds no memory; or, where few of those
// are left, memory of its own. Either goes back when this goes.

#include <ringlet/core/frame_pool.hpp>
#include <ringlet/io/receive_buffers.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace ringlet::net {
class socket;
}

namespace ringlet::io {

class any_stream;

/// Stays on the thread that received it. A shared buffer has room for 16 KiB, however little came: copy what is to be
/// kept for long.
class [[nodiscard]] received {
public:
    /// Nothing, as at the end of a stream.
    received() = default;

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

private:
    friend class net::socket;
    friend class any_stream;

    /// What a CQE has put into a shared buffer.
    received(buffer_lender& lender, unsigned cqe_flags, int res) noexcept
        : lender_(&lender),
          data_(lender.lend(cqe_flags, res).data()),
          size_(static_cast<std::uint32_t>(res)),
          flags_or_room_(cqe_flags) {}

    /// Memory of its own, to be filled.
    explicit received(std::size_t room)
        : data_(static_cast<std::byte*>(allocate_frame(room))),
          size_(static_cast<std::uint32_t>(room)),
          flags_or_room_(size_) {}
    std::span<std::byte> room() noexcept { return {data_, size_}; }
    void shrink(std::size_t size) noexcept { size_ = static_cast<std::uint32_t>(size); }

    received copy() const {
        received other(size_);
        std::copy_n(data_, size_, other.data_);
        return other;
    }

    buffer_lender* lender_ = nullptr;  // null: the memory is its own
    std::byte* data_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t flags_or_room_ = 0;
};

}  // namespace ringlet::io

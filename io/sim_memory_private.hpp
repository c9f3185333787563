#pragma once
// The memory that a request reads or fills: one buffer, an iovec array, or that of a msghdr.

#include <liburing.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace ringlet::sim {

class memory_parts {
public:
    explicit memory_parts(std::span<std::byte> one) noexcept : own_{one.data(), one.size()} {}

    /// Of a request whose opcode says which it is.
    explicit memory_parts(const io_uring_sqe& sqe) noexcept;

    memory_parts(const memory_parts&) = delete;
    memory_parts& operator=(const memory_parts&) = delete;

    std::size_t size() const noexcept {
        std::size_t total = 0;
        for (const iovec& part : parts())
            total += part.iov_len;
        return total;
    }

    /// Both move `bytes.size()` bytes, beginning after the first `skip` of ours.
    void write(std::size_t skip, std::span<const std::byte> bytes) const noexcept {
        each(skip, bytes.size(), [&](std::byte* ours, std::size_t at, std::size_t count) {
            std::memcpy(ours, bytes.data() + at, count);
        });
    }
    void read(std::size_t skip, std::span<std::byte> bytes) const noexcept {
        each(skip, bytes.size(), [&](const std::byte* ours, std::size_t at, std::size_t count) {
            std::memcpy(bytes.data() + at, ours, count);
        });
    }

private:
    std::span<const iovec> parts() const noexcept {
        return many_ != nullptr ? std::span(many_, count_) : std::span(&own_, 1);
    }

    template <class Fn>
    void each(std::size_t skip, std::size_t count, Fn fn) const noexcept {
        std::size_t at = 0;
        for (const iovec& part : parts()) {
            if (at == count)
                return;
            if (skip >= part.iov_len) {
                skip -= part.iov_len;
                continue;
            }
            const std::size_t now = std::min(part.iov_len - skip, count - at);
            fn(static_cast<std::byte*>(part.iov_base) + skip, at, now);
            at += now;
            skip = 0;
        }
    }

    iovec own_{};
    const iovec* many_ = nullptr;
    std::size_t count_ = 0;
};

/// The msghdr of a sendmsg or recvmsg; null for other requests.
msghdr* message_of(const io_uring_sqe& sqe) noexcept;

/// To read no bytes of a socket waits for none, other than to receive none (sock_read_iter in Linux).
bool is_read_of_nothing(const io_uring_sqe& sqe) noexcept;

template <class T>
T* pointer(std::uint64_t bits) noexcept {
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(bits));
}

}  // namespace ringlet::sim

#pragma once
// Reads and writes, which work on every kind of file, and the arrays of buffers that they and messages
// may be given.

#include "readiness_request_private.hpp"

#include <sys/uio.h>

#include <array>
#include <cstddef>

namespace ringlet::io::readiness {

std::size_t total_size(const iovec* buffers, std::size_t count) noexcept;

/// The buffers without their first `skip` bytes. Borrows them.
class parts {
public:
    parts(const iovec* buffers, std::size_t count, std::size_t skip) noexcept;

    iovec* data() noexcept { return buffers_.data(); }
    std::size_t size() const noexcept { return size_; }

private:
    // More than these are left for the next attempt: a call may always move less than asked for.
    std::array<iovec, 64> buffers_;
    std::size_t size_ = 0;
};

/// READ, READV, WRITE or WRITEV without waiting.
int transfer_now(const io_uring_sqe& sqe, progress& so_far) noexcept;

/// The same, waiting as long as it takes; continues after what is done already.
int transfer(const io_uring_sqe& sqe, progress& so_far) noexcept;

}  // namespace ringlet::io::readiness

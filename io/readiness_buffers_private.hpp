#pragma once
// Rings of buffers that receives choose from: memory in io_uring's layout, which the user fills at the
// tail; where we have got to stays here.

#include <liburing.h>

#include <cstdint>
#include <vector>

namespace ringlet::io::readiness {

class buffer_rings {
public:
    buffer_rings() = default;
    ~buffer_rings();
    buffer_rings(const buffer_rings&) = delete;
    buffer_rings& operator=(const buffer_rings&) = delete;

    /// Null when there is no memory, or the group exists, or `entries` is no power of two.
    io_uring_buf_ring* make(std::uint16_t group, unsigned entries);

    /// The next buffer of the group, or null when there is none. It stays the next until taken.
    const io_uring_buf* next(std::uint16_t group) noexcept;

    void take(std::uint16_t group) noexcept;

private:
    struct ring {
        io_uring_buf_ring* memory;
        std::size_t size;
        std::uint16_t group;
        std::uint16_t mask;
        std::uint16_t head;
    };
    ring* find(std::uint16_t group) noexcept;

    std::vector<ring> rings_;
};

}  // namespace ringlet::io::readiness

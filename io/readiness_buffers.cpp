#include "readiness_buffers_private.hpp"

#include <sys/mman.h>

#include <bit>

namespace ringlet::io::readiness {

buffer_rings::~buffer_rings() {
    for (const ring& each : rings_)
        munmap(each.memory, each.size);
}

io_uring_buf_ring* buffer_rings::make(std::uint16_t group, unsigned entries) {
    if (!std::has_single_bit(entries) || entries > 1U << 15 || find(group) != nullptr)
        return nullptr;
    const std::size_t size = entries * sizeof(io_uring_buf);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (memory == MAP_FAILED)
        return nullptr;
    auto* shared = static_cast<io_uring_buf_ring*>(memory);
    io_uring_buf_ring_init(shared);
    rings_.push_back({shared, size, group, static_cast<std::uint16_t>(entries - 1), 0});
    return shared;
}

const io_uring_buf* buffer_rings::next(std::uint16_t group) noexcept {
    ring* r = find(group);
    if (r == nullptr || r->head == r->memory->tail)
        return nullptr;
    return reinterpret_cast<const io_uring_buf*>(r->memory) + (r->head & r->mask);
}

void buffer_rings::take(std::uint16_t group) noexcept { ++find(group)->head; }

buffer_rings::ring* buffer_rings::find(std::uint16_t group) noexcept {
    for (ring& each : rings_)
        if (each.group == group)
            return &each;
    return nullptr;
}

}  // namespace ringlet::io::readiness

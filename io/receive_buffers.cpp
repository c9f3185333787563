#include <ringlet/io/receive_buffers.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

namespace ringlet::io {

receive_buffers::receive_buffers() {
    ring_ = loop::current().kernel().provide_buffers(group, count);
    if (ring_ == nullptr)
        return;
    void* memory = mmap(nullptr, count * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::system_category(), "receive buffers of the event loop");
    memory_ = static_cast<std::byte*>(memory);
    for (std::uint16_t i = 0; i < count; ++i)
        publish(i);
}

receive_buffers::~receive_buffers() {
    if (memory_ != nullptr)
        munmap(memory_, count * size);
}

void receive_buffers::publish(std::uint16_t index) noexcept {
    io_uring_buf_ring_add(ring_, memory_ + std::size_t(index) * size, static_cast<unsigned>(size), index,
                          static_cast<int>(count - 1), 0);
    io_uring_buf_ring_advance(ring_, 1);
}

}  // namespace ringlet::io

#include <ringlet/io/receive_buffers.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

namespace ringlet::io {
namespace {

constexpr std::size_t all_of_them = buffer_lender::count * buffer_lender::size;

}  // namespace

buffer_lender::buffer_lender(std::byte* memory, io_uring_buf_ring* ring) noexcept : memory_(memory), ring_(ring) {
    for (std::uint16_t i = 0; i < count; ++i)
        publish(i);
}

buffer_lender::~buffer_lender() { munmap(memory_, all_of_them); }

void buffer_lender::publish(std::uint16_t index) noexcept {
    io_uring_buf_ring_add(ring_, memory_ + std::size_t(index) * size, static_cast<unsigned>(size), index,
                          static_cast<int>(count - 1), 0);
    io_uring_buf_ring_advance(ring_, 1);
}

void buffer_lender::end() noexcept {
    ring_ = nullptr;
    go_if_done();
}

void buffer_lender::go_if_done() noexcept {
    if (lent_ == 0)
        delete this;
}

receive_buffers::receive_buffers() {
    io_uring_buf_ring* ring = loop::current().kernel().provide_buffers(buffer_lender::group, buffer_lender::count);
    if (ring == nullptr)
        return;
    void* memory = mmap(nullptr, all_of_them, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::system_category(), "receive buffers of the event loop");
    lender_ = new buffer_lender(static_cast<std::byte*>(memory), ring);
}

receive_buffers::~receive_buffers() {
    if (lender_ != nullptr)
        lender_->end();
}

}  // namespace ringlet::io

#include <ringlet/io/registered_buffer.hpp>

#include <ringlet/core/loop.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace ringlet::io {

registered_buffer::registered_buffer(std::size_t size) {
    if (size == 0)
        return;
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::system_category(), "a buffer of " + std::to_string(size) + " bytes");
    memory_ = {static_cast<std::byte*>(memory), size};
    index_ = loop::current().kernel().register_buffer(memory_);
}

registered_buffer::~registered_buffer() {
    if (index_ >= 0)
        loop::current().kernel().unregister_buffer(index_);
    if (!memory_.empty())
        munmap(memory_.data(), memory_.size());
}

}  // namespace ringlet::io

#include "allocations.hpp"

#include <ringlet/core/frame_pool.hpp>
#include <ringlet/core/sanitizer.hpp>

#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace story {

namespace {

thread_local std::size_t count = 0;
thread_local std::size_t bytes = 0;
thread_local std::size_t left = SIZE_MAX;

}  // namespace

std::size_t allocations() { return count; }
std::size_t allocated() { return bytes; }

memory_for::memory_for(std::size_t allocations) { left = allocations; }
memory_for::~memory_for() { left = SIZE_MAX; }

no_kept_frames::no_kept_frames() {
    using ringlet::frame_list, ringlet::frame_pool;
    for (std::size_t index = 0; index < frame_list::classes; ++index)
        while (!frame_pool[index].empty())
            taken_.emplace_back(frame_pool[index].take(), frame_list::block_size(index));
}
no_kept_frames::~no_kept_frames() {
    for (const auto& [frame, size] : taken_)
        ringlet::free_frame(frame, size);
}

}  // namespace story

#if !defined(RINGLET_ASAN) && !defined(RINGLET_TSAN)

void* operator new(std::size_t size) {
    void* memory = story::left == 0 ? nullptr : std::malloc(size);
    if (memory == nullptr)
        throw std::bad_alloc();
    story::bytes += malloc_usable_size(memory);
    ++story::count;
    story::left -= story::left != SIZE_MAX;
    return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept {
    story::bytes -= malloc_usable_size(memory);
    std::free(memory);
}
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

#endif

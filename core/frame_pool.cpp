#include <ringlet/core/frame_pool.hpp>

#include <ringlet/core/sanitizer.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <new>

namespace ringlet {
namespace {

// malloc keeps a word of its own beside each block and rounds to 16: blocks of 16 n + 8 bytes waste none.
constexpr std::size_t step = 16;
constexpr std::size_t small_classes = 128;  // up to 2 KiB
constexpr std::size_t classes = small_classes + 5;  // and 4, 8, 16, 32, 64 KiB
constexpr std::size_t block_size(std::size_t index) {
    return index < small_classes ? index * step + 8 : std::size_t(4096) << (index - small_classes);
}
constexpr std::size_t class_of(std::size_t size) {
    if (size <= block_size(small_classes - 1))
        return (size + step - 9) / step;
    return small_classes + static_cast<std::size_t>(std::bit_width((size - 1) | 2048)) - 12;
}
static_assert(class_of(2040) == 127 && class_of(2041) == 128 && class_of(4097) == 129 && class_of(65536) == 132);
constexpr std::size_t kept_bytes = 4u << 20;  // per class; what comes beyond goes back to malloc
constexpr std::size_t kept_of(std::size_t index) { return kept_bytes / block_size(index); }

struct free_frame_node {
    free_frame_node* next;
};

struct size_class {
    free_frame_node* first = nullptr;
    std::uint32_t room = 0;  // how many more are kept
    bool in_use = false;
};

// Trivially destructible, so that frames which outlive the thread's destructors can still be freed.
constinit thread_local std::array<size_class, classes> pool{};

struct pool_cleaner {
    ~pool_cleaner() {
        for (size_class& c : pool) {
            c.room = 0;
            c.in_use = true;  // and not to be opened again
            while (c.first != nullptr) {
                free_frame_node* frame = c.first;
                c.first = frame->next;
                ::operator delete(frame);
            }
        }
    }
};

/// Where there is no room: the first of its class makes some.
bool open(std::size_t index) noexcept {
    if (built_with_sanitizer || index >= classes || pool[index].in_use)
        return false;
    static thread_local pool_cleaner at_thread_exit;
    (void)at_thread_exit;
    pool[index].in_use = true;
    pool[index].room = static_cast<std::uint32_t>(kept_of(index));
    return true;
}

}  // namespace

void* allocate_frame(std::size_t size) {
    const std::size_t index = class_of(size);
    if (built_with_sanitizer || index >= classes)
        return ::operator new(size);
    size_class& c = pool[index];
    free_frame_node* const frame = c.first;
    if (frame == nullptr)
        return ::operator new(block_size(index));
    c.first = frame->next;
    ++c.room;
    return frame;
}

void free_frame(void* memory, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    if ((index >= classes || pool[index].room == 0) && !open(index)) {
        ::operator delete(memory);
        return;
    }
    size_class& c = pool[index];
    auto* frame = static_cast<free_frame_node*>(memory);
    frame->next = c.first;
    c.first = frame;
    --c.room;
}

}  // namespace ringlet

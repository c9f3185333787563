#include <ringlet/core/frame_pool.hpp>

#include <ringlet/core/sanitizer.hpp>

#include <array>
#include <new>

namespace ringlet {
namespace {

// malloc keeps a word of its own beside each block and rounds to 16: blocks of 16 n + 8 bytes waste none.
constexpr std::size_t step = 16;
constexpr std::size_t classes = 128;
constexpr std::size_t class_of(std::size_t size) { return (size + step - 9) / step; }
constexpr std::size_t block_size(std::size_t index) { return index * step + 8; }
constexpr std::size_t kept_bytes = 4u << 20;  // per class; what comes beyond goes back to malloc

struct free_frame_node {
    free_frame_node* next;
};

struct size_class {
    free_frame_node* first;
    std::size_t count;
};

// Trivially destructible, so that frames which outlive the thread's destructors can still be freed.
constinit thread_local std::array<size_class, classes> pool{};
constinit thread_local bool closed = false;

struct pool_cleaner {
    ~pool_cleaner() {
        closed = true;
        for (size_class& c : pool)
            while (c.first != nullptr) {
                free_frame_node* frame = c.first;
                c.first = frame->next;
                ::operator delete(frame);
            }
    }
};

}  // namespace

void* allocate_frame(std::size_t size) {
    const std::size_t index = class_of(size);
    if (built_with_sanitizer || index >= classes)
        return ::operator new(size);
    if (free_frame_node* frame = pool[index].first; frame != nullptr) {
        pool[index].first = frame->next;
        --pool[index].count;
        return frame;
    }
    return ::operator new(block_size(index));
}

void free_frame(void* memory, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    if (built_with_sanitizer || index >= classes || closed || pool[index].count * block_size(index) >= kept_bytes) {
        ::operator delete(memory);
        return;
    }
    if (pool[index].first == nullptr) {
        static thread_local pool_cleaner at_thread_exit;
        (void)at_thread_exit;
    }
    auto* frame = static_cast<free_frame_node*>(memory);
    frame->next = pool[index].first;
    pool[index].first = frame;
    ++pool[index].count;
}

}  // namespace ringlet

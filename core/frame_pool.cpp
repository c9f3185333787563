#include <ringlet/core/frame_pool.hpp>

#include <ringlet/core/sanitizer.hpp>

#include <array>
#include <new>

namespace ringlet {
namespace {

constexpr std::size_t class_size = 32;
constexpr std::size_t classes = 64;
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
    const std::size_t index = (size - 1) / class_size;
    if (built_with_sanitizer || index >= classes)
        return ::operator new(size);
    if (free_frame_node* frame = pool[index].first; frame != nullptr) {
        pool[index].first = frame->next;
        --pool[index].count;
        return frame;
    }
    return ::operator new((index + 1) * class_size);
}

void free_frame(void* memory, std::size_t size) noexcept {
    const std::size_t index = (size - 1) / class_size;
    if (built_with_sanitizer || index >= classes || closed ||
        pool[index].count * class_size * (index + 1) >= kept_bytes) {
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

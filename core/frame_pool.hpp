#pragma once
// Where coroutine frames live: a free list per size class and thread. Creating, awaiting and destroying a
// small coroutine costs 9 ns this way, 15 with malloc. Sanitizer builds use the plain allocator, so that a
// use after free is seen. Buffers that come and go live here too: malloc gives the memory behind the last of
// them back to the system, to fetch it again for the next, page fault by page fault.

#include <ringlet/core/sanitizer.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace ringlet {

/// The freed ones of one size. Trivially destructible, so that frames which outlive the thread's destructors can
/// still be freed.
class frame_list {
public:
    // malloc keeps a word of its own beside each block and rounds to 16: blocks of 16 n + 8 bytes waste none.
    static constexpr std::size_t step = 16;
    static constexpr std::size_t small_classes = 128;  // up to 2 KiB
    static constexpr std::size_t classes = small_classes + 5;  // and 4, 8, 16, 32, 64 KiB
    static constexpr std::size_t block_size(std::size_t index) {
        return index < small_classes ? index * step + 8 : std::size_t(4096) << (index - small_classes);
    }
    static constexpr std::size_t class_of(std::size_t size) {
        if (size <= block_size(small_classes - 1))
            return (size + step - 9) / step;
        return small_classes + static_cast<std::size_t>(std::bit_width((size - 1) | 2048)) - 12;
    }

    bool empty() const noexcept { return first_ == nullptr; }
    bool full() const noexcept { return room_ == 0; }
    void* take() noexcept {
        ++room_;
        return std::exchange(first_, first_->next);
    }
    void put(void* memory) noexcept {
        auto* frame = static_cast<node*>(memory);
        frame->next = first_;
        first_ = frame;
        --room_;
    }

    /// Makes room for the first; false when there shall be none, or was before.
    bool open(std::size_t index) noexcept;
    void close() noexcept;

private:
    struct node {
        node* next;
    };

    node* first_ = nullptr;
    std::uint32_t room_ = 0;  // how many more are kept
    bool in_use_ = false;
};

extern constinit thread_local frame_list frame_pool[frame_list::classes];

namespace detail {
void* allocate_anew(std::size_t size);
void free_without_room(void* memory, std::size_t size) noexcept;
}  // namespace detail

// Inline, because the size of a frame is a constant: then each is a few instructions.

inline void* allocate_frame(std::size_t size) {
    const std::size_t index = frame_list::class_of(size);
    if (built_with_sanitizer || index >= frame_list::classes || frame_pool[index].empty()) [[unlikely]]
        return detail::allocate_anew(size);
    return frame_pool[index].take();
}

inline void free_frame(void* frame, std::size_t size) noexcept {
    const std::size_t index = frame_list::class_of(size);
    if (built_with_sanitizer || index >= frame_list::classes || frame_pool[index].full()) [[unlikely]]
        return detail::free_without_room(frame, size);
    frame_pool[index].put(frame);
}

/// Base of the promise types: their frames come from the pool.
struct pooled_frame {
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }
};

template <class T>
struct pooled_allocator {
    using value_type = T;
    pooled_allocator() = default;
    template <class U>
    pooled_allocator(const pooled_allocator<U>&) noexcept {}
    T* allocate(std::size_t count) { return static_cast<T*>(allocate_frame(count * sizeof(T))); }
    void deallocate(T* at, std::size_t count) noexcept { free_frame(at, count * sizeof(T)); }
    friend bool operator==(const pooled_allocator&, const pooled_allocator&) noexcept { return true; }
};

/// Bytes that are kept for a short time. A vector with an allocator of its own would copy them one by one.
using pooled_bytes = std::basic_string<char, std::char_traits<char>, pooled_allocator<char>>;

}  // namespace ringlet

#pragma once
// The one place that asks which sanitizer this is built with. ASan and TSan must be told of every
// stack switch, or they report the wrong stack and poison the right one.

#if defined(__SANITIZE_ADDRESS__)
#define RINGLET_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RINGLET_ASAN 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define RINGLET_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RINGLET_TSAN 1
#endif
#endif

#if defined(RINGLET_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(RINGLET_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

#include <cstddef>

namespace ringlet {

#if defined(RINGLET_ASAN) || defined(RINGLET_TSAN)
inline constexpr bool built_with_sanitizer = true;
#else
inline constexpr bool built_with_sanitizer = false;
#endif

// sanitizer_stack is what they need to know of one stack.
#if defined(RINGLET_ASAN)
struct sanitizer_stack {
    const void* bottom = nullptr;
    std::size_t size = 0;
    void* fake_stack = nullptr;
};
/// Before a jump from `from` to `to`; `last` when `from` is never entered again.
inline void announce_switch(sanitizer_stack& from, const sanitizer_stack& to, bool last) noexcept {
    __sanitizer_start_switch_fiber(last ? nullptr : &from.fake_stack, to.bottom, to.size);
}
/// After a jump, on the stack that was entered, with the one that was left.
inline void confirm_switch(sanitizer_stack& entered, sanitizer_stack& left) noexcept {
    const void* bottom = nullptr;
    std::size_t size = 0;
    __sanitizer_finish_switch_fiber(entered.fake_stack, &bottom, &size);
    left.bottom = bottom;  // how the thread's own stack gets known
    left.size = size;
}
inline void open_stack(sanitizer_stack& s, const void* bottom, std::size_t size) noexcept {
    s.bottom = bottom;
    s.size = size;
}
inline void close_stack(sanitizer_stack& s) noexcept {
    __asan_unpoison_memory_region(s.bottom, s.size);  // the next fiber starts on clean memory
}
#elif defined(RINGLET_TSAN)
struct sanitizer_stack {
    void* tsan_fiber = nullptr;
};
// TSan notes the entry into a function on the stack that is current then and its exit likewise, so a
// call that switches between the two leaves one stack a frame too long and the other too short.
[[gnu::always_inline]] inline void announce_switch(sanitizer_stack& from, const sanitizer_stack& to, bool) noexcept {
    if (from.tsan_fiber == nullptr)
        from.tsan_fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to.tsan_fiber, 0);
}
inline void confirm_switch(sanitizer_stack&, sanitizer_stack&) noexcept {}
inline void open_stack(sanitizer_stack& s, const void*, std::size_t) noexcept {
    s.tsan_fiber = __tsan_create_fiber(0);
}
inline void close_stack(sanitizer_stack& s) noexcept { __tsan_destroy_fiber(s.tsan_fiber); }
#else
struct sanitizer_stack {};
inline void announce_switch(sanitizer_stack&, const sanitizer_stack&, bool) noexcept {}
inline void confirm_switch(sanitizer_stack&, sanitizer_stack&) noexcept {}
inline void open_stack(sanitizer_stack&, const void*, std::size_t) noexcept {}
inline void close_stack(sanitizer_stack&) noexcept {}
#endif

#if defined(RINGLET_TSAN)
/// A ring's memory comes and goes by system calls that TSan does not see, and its addresses are used
/// again: what the next ring on another thread does there would look like a race with the last one.
inline char memory_of_rings;
inline void announce_mapped() noexcept { __tsan_acquire(&memory_of_rings); }
inline void announce_unmapped() noexcept { __tsan_release(&memory_of_rings); }
#else
inline void announce_mapped() noexcept {}
inline void announce_unmapped() noexcept {}
#endif

}  // namespace ringlet

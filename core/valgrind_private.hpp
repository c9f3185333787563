#pragma once
// Tells valgrind which memory is stacks: it would take a switch from one to another for a jump over megabytes
// of one and the same, and lose its way. A few instructions that do nothing outside of valgrind; nothing where its
// header is not installed.

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

namespace ringlet {

/// Gives what forget_stack is to be told.
inline unsigned announce_stack([[maybe_unused]] const void* bottom, [[maybe_unused]] const void* top) noexcept {
#if defined(VALGRIND_STACK_REGISTER)
    return VALGRIND_STACK_REGISTER(bottom, top);
#else
    return 0;
#endif
}

inline void forget_stack([[maybe_unused]] unsigned id) noexcept {
#if defined(VALGRIND_STACK_DEREGISTER)
    VALGRIND_STACK_DEREGISTER(id);
#endif
}

}  // namespace ringlet

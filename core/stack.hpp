#pragma once
// Stacks for fibers: pooled per thread, carved from large regions, each with a guard below it. Only
// pages that were touched count as memory. Where the kernel has lightweight guards (MADV_GUARD_INSTALL)
// they cost no mapping; elsewhere mprotect makes them, up to a budget, because each splits a mapping
// and vm.max_map_count is finite. A stack without a guard is never handed out.

#include <cstddef>

namespace ringlet {

inline constexpr std::size_t guard_size = 64 * 1024;

/// With its guard a power of two, as every stack is: so a page of page tables, another cost of each fiber,
/// serves as many as it can.
inline constexpr std::size_t default_stack_size = 256 * 1024 - guard_size;

/// Memory for one stack; [bottom, top) is usable, the guard lies below bottom.
struct stack {
    std::byte* bottom = nullptr;
    std::byte* top = nullptr;

    explicit operator bool() const noexcept { return top != nullptr; }
    std::size_t size() const noexcept { return static_cast<std::size_t>(top - bottom); }
};

/// Takes a stack of at least `size` bytes, the one most recently given back if there is one.
/// Throws std::system_error when there is no memory or no guard to be had, naming the limit.
stack take_stack(std::size_t size);

/// Makes this thread's pool. Who takes and gives back stacks while the thread ends calls this before
/// its own end is registered: what a thread makes first goes last.
void open_stack_pool();

/// Gives it back to this thread's pool. Beyond a watermark its pages return to the system.
void give_back(stack s) noexcept;

/// From now on a fiber that overflows its stack ends the process with a message that names it,
/// written from an alternate signal stack. Called by the first fiber of each thread.
void watch_for_overflow();

}  // namespace ringlet

#pragma once
// What this thread allocates: operator new of the tests counts. Sanitizers have their own, and then nothing is counted.

#include <ringlet/core/sanitizer.hpp>

#include <cstddef>

namespace story {

#if defined(RINGLET_ASAN) || defined(RINGLET_TSAN)
inline constexpr bool counts_allocations = false;
#else
inline constexpr bool counts_allocations = true;
#endif

std::size_t allocations();  // ever
std::size_t allocated();  // bytes, now; what another thread frees stays counted

}  // namespace story

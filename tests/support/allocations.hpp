#pragma once
// What this thread allocates: operator new of the tests counts. Sanitizers have their own, and then nothing is counted.

#include <cstddef>

namespace story {

std::size_t allocations();  // ever
std::size_t allocated();  // bytes, now; what another thread frees stays counted

}  // namespace story

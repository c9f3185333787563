#pragma once
// What this thread allocates: operator new of the tests counts. Sanitizers have their own, and then nothing is counted.

#include <cstddef>

namespace story {

std::size_t allocations();  // ever
std::size_t allocated();  // bytes, now; what another thread frees stays counted

/// While it lives, this thread is given memory so many times more, and then none. Not under a sanitizer.
class memory_for {
public:
    explicit memory_for(std::size_t allocations);
    memory_for(const memory_for&) = delete;
    memory_for& operator=(const memory_for&) = delete;
    ~memory_for();
};

}  // namespace story

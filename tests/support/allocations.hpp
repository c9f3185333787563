#pragma once
// What this thread allocates: operator new of the tests counts. Sanitizers have their own, and then nothing is counted.

#include <cstddef>
#include <utility>
#include <vector>

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

/// While it lives the frames that this thread keeps for later (core/frame_pool.hpp) are taken: the next ones need memory.
class no_kept_frames {
public:
    no_kept_frames();
    no_kept_frames(const no_kept_frames&) = delete;
    no_kept_frames& operator=(const no_kept_frames&) = delete;
    ~no_kept_frames();

private:
    std::vector<std::pair<void*, std::size_t>> taken_;  // with their sizes
};

}  // namespace story

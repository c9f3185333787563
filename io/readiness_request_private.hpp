#pragma once
// A request that could not be answered at once, and where it waits: for its descriptor, for the clock,
// for a helper thread. A request that was answered at once never becomes one.

#include <ringlet/core/kernel.hpp>
#include <ringlet/core/list.hpp>

#include <atomic>
#include <climits>
#include <cstdint>

namespace ringlet::io::readiness {

/// How far a request has come, between two attempts.
struct progress {
    std::size_t done = 0;  // bytes moved so far
    bool connecting = false;  // connect(2) was called and has not been answered
    bool no_nowait = false;  // this file knows no non-blocking read or write
    bool stream_known = false;  // the next member has been asked for
    bool tcp = false;  // a short read means that nothing is left
};

// What an attempt says when it has no answer yet. Everything else is the `res` of a CQE.
inline constexpr int would_block = INT_MIN;  // when the descriptor is ready
inline constexpr int needs_thread = INT_MIN + 1;  // by a call that may block
inline constexpr int has_more = INT_MIN + 2;  // in the next turn: others must have theirs
inline constexpr int try_later = INT_MIN + 3;  // after a pause, nobody tells when

constexpr bool is_answer(int outcome) noexcept { return outcome > try_later; }

struct pending : hook {
    enum class place : std::uint8_t {
        nowhere,
        descriptor,  // in the list of its watch
        clock,  // in the kernel's map of times
        helper,  // with the helper threads
        stopped,  // a cancel took it away; its answer comes when this turn's requests are all taken
        lost,  // its descriptor was closed and is another file now: only a cancel can end it
    };

    request sqe;
    progress so_far;
    place where = place::nowhere;
    bool begun = false;  // a helper thread is busy with it; under the helpers' lock
    std::uint32_t wants = 0;  // events of poll(2)
    int res = 0;  // of the helper thread
    std::int64_t when = 0;  // of the clock
    pending* next_alike = nullptr;
    std::atomic<bool> stop = false;  // tells a call in steps on a helper thread to end
};

template <class T>
T* pointer(std::uint64_t bits) noexcept {
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(bits));
}

}  // namespace ringlet::io::readiness

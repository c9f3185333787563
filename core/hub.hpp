#pragma once
// The loop that a plain thread gets when it first needs one, so that a main() needs no ceremony: it
// can spawn and wait, and while it waits the loop runs. It ends with the thread.

#include <ringlet/core/loop.hpp>

namespace ringlet {

/// The loop of this thread; makes one if there is none. Throws what make_kernel throws.
loop& hub();

}  // namespace ringlet

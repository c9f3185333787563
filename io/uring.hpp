#pragma once
// The default kernel: one io_uring per loop. Made on the thread that will use it.

#include <ringlet/core/kernel.hpp>

#include <string>

namespace ringlet::io {

/// Makes a ring with every setup flag that the running kernel takes. Throws std::system_error that
/// says what refused io_uring and what to do about it.
std::unique_ptr<kernel> make_uring();

/// Why io_uring_setup(2) answered `error`, and the command or setting that changes it.
std::string explain_uring_refusal(int error);

}  // namespace ringlet::io

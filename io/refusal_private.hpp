#pragma once
// Why io_uring was refused, told from the error and from what the system says of itself.

#include <string>

namespace ringlet::io {

struct refusal {
    std::string cause;  // "sysctl kernel.io_uring_disabled is 2"
    std::string fix;  // "sysctl -w kernel.io_uring_disabled=0"
};

/// `error` is what io_uring_setup(2) answered; `proc` is where the files of proc(5) are.
refusal why_refused(int error, const std::string& proc = "/proc");

}  // namespace ringlet::io

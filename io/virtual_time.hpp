#pragma once
// A kernel without a machine: when everybody waits, its clock jumps to the next deadline, so that a
// day of timeouts passes in microseconds and always in the same order. It answers IORING_OP_NOP and
// cancels; every other request is refused with ENOSYS.

#include <ringlet/core/kernel.hpp>

namespace ringlet::io {

/// RINGLET_KERNEL=virtual chooses it for a whole program.
std::unique_ptr<kernel> make_virtual_time();

}  // namespace ringlet::io

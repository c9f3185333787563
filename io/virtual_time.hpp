#pragma once
// A kernel without a machine: when everybody waits, its clock jumps to the next deadline, so that a
// day of timeouts passes in microseconds and always in the same order. It is a simulated world
// (sim.hpp) of one host on which nothing fails.

#include <ringlet/core/kernel.hpp>

namespace ringlet::io {

/// RINGLET_KERNEL=virtual chooses it for a whole program.
std::unique_ptr<kernel> make_virtual_time();

}  // namespace ringlet::io

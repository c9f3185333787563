#pragma once
// Which seed is running, so that whatever goes wrong (an error, a failed check, a signal, a sanitizer's
// report) is followed by the command that does it again.

#include <cstdint>
#include <string>

namespace ringlet::sim::replay {

/// A world of this seed begins and ends on this thread.
void begin(std::uint64_t seed) noexcept;
void end() noexcept;

/// Reports what went wrong, with the seed and the command; once for each world.
void tell(const std::string& what);

/// "SIM_SEED=7 ./program its arguments"
std::string command(std::uint64_t seed);

}  // namespace ringlet::sim::replay

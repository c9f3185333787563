#pragma once
// Trying out what the running Linux can do. Versions prove nothing: distributions carry patches back,
// and sandboxes claim to be what they are not.

#include <ringlet/io/doctor.hpp>

#include <vector>

namespace ringlet::io {

/// What opening a ring answers, 0 when it works.
int uring_error();

std::vector<feature> features_of_uring();
std::vector<feature> features_of_readiness();

/// Guards of fiber stacks that split no mapping (MADV_GUARD_INSTALL).
bool has_lightweight_guards();

}  // namespace ringlet::io

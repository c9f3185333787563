#pragma once
// Checks that stay on in release builds. A broken invariant of the runtime (a waiter woken twice, a
// frame destroyed while the kernel still writes into it) is never an exception: nobody could handle
// it, and going on would corrupt memory. The process says what broke and where, and ends.

#include <source_location>

namespace ringlet {

[[noreturn]] void check_failed(const char* what, std::source_location where) noexcept;

/// Ends the process with a message unless `ok`. `what` says what must hold. The place is taken by value, since a
/// reference would have every check put it into memory first.
inline void check(bool ok, const char* what, std::source_location where = std::source_location::current()) noexcept {
    if (!ok) [[unlikely]]
        check_failed(what, where);
}

}  // namespace ringlet

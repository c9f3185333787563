#pragma once
// Opening files by names that strangers chose: whatever the name says, and whatever links somebody puts
// there meanwhile, what is opened lies below a folder.

#include <ringlet/core/task.hpp>
#include <ringlet/io/fd.hpp>

#include <string>

namespace ringlet::io {

enum class links {
    refuse,  // no symbolic link on the way is followed
    beneath,  // they are, as long as they stay below the folder
};

/// Awaitable: opens `path` below the open directory `folder` (openat2(2) with RESOLVE_BENEATH, by the
/// kernel itself, so that there is no race). Where the system has no openat2, names are opened one
/// after the other and no link is followed at all. "" is the folder. Throws std::system_error that names
/// the path: EXDEV for one that leads outside, ELOOP for a link that is refused.
task<fd> open_beneath(int folder, std::string path, int flags, links how = links::refuse);

namespace detail {
/// What is done where openat2 is missing.
task<fd> open_step_by_step(int folder, std::string path, int flags);
}  // namespace detail

}  // namespace ringlet::io

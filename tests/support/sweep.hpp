#pragma once
// sweep(story): runs a story again and again and kills it after its first event, its second, its third
// ... until it comes to its end unharmed. An event is a turn of the kernel; the blow falls just before
// the kernel takes what was pushed, or just after it has answered. After each run nothing may be left:
// no greenlet, no timer, no request in flight, no counted object.

#include "counted.hpp"
#include "story.hpp"

#include <cstddef>
#include <memory>

namespace story {

/// Gives how many different moments the story was killed at.
std::size_t sweep(scene<> what, std::unique_ptr<ringlet::kernel> (*make)() = &ringlet::io::make_virtual_time);

}  // namespace story

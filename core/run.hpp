#pragma once
// run(fn): where a program enters the event loop.

#include <ringlet/core/await.hpp>
#include <ringlet/core/greenlet.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/core/spawn.hpp>

#include <stdexcept>

namespace ringlet {

/// Makes an event loop over `k` on this thread, runs fn() (or a task) on it as the first greenlet, and returns its
/// result or throws its error. Greenlets that are still alive then are killed and unwound. Throws
/// deadlock_error when fn waits for something that can never come.
template <class Fn>
decltype(auto) run(std::unique_ptr<kernel> k, Fn&& fn) {
    if (loop::current_or_null() != nullptr)
        throw std::logic_error("run: this thread has an event loop already");
    loop own(std::move(k));
    return await(spawn(std::forward<Fn>(fn)).get());
}

/// The same over the kernel of this machine.
template <class Fn>
decltype(auto) run(Fn&& fn) {
    return run(make_kernel(), std::forward<Fn>(fn));
}

}  // namespace ringlet

#pragma once
// Killing as gevent does it: a turn of the hub raises the exception in each greenlet, one after another,
// and then lets the killer go on, before anybody else who is ready.

#include <ringlet/core/gevent/greenlet.hpp>

#include <vector>

namespace ringlet::gevent {

/// Raises `exception` once in each that is alive; those that never ran are dead at once. With `block`
/// returns after the turn in which that was done. Gives those that were alive before it.
std::vector<AnyGreenlet> raise_in(std::vector<AnyGreenlet> greenlets, const std::exception_ptr& exception,
                                  bool block);

}  // namespace ringlet::gevent

#pragma once
// What a `timeout=` argument does in gevent's calls.

#include <ringlet/core/await.hpp>
#include <ringlet/core/gevent/interval.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/core/scope.hpp>

#include <optional>

namespace ringlet::gevent {

/// Calls wait(), which may block, for at most `limit`. False when time ran out first. Whatever else ends
/// the wait (a kill, a Timeout of the caller's) passes through.
template <class Fn>
bool within(interval limit, Fn wait) {
    hub();
    if (limit.infinite()) {
        wait();
        return true;
    }
    deadline end(limit.length());
    try {
        wait();
        return true;
    } catch (const canceled&) {
        if (!end.ends_here())
            throw;
        return false;
    }
}

}  // namespace ringlet::gevent

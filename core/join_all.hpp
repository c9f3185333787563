#pragma once
// Joining and killing many greenlets, of one type or, as sources of nothing, of several.

#include <ringlet/core/arrivals.hpp>
#include <ringlet/core/scope.hpp>

#include <vector>

namespace ringlet {

/// Awaitable: until all of them are over, however they end.
template <class T>
task<> join_all(std::vector<greenlet<T>> greenlets) {
    for (const greenlet<T>& g : greenlets)
        co_await g.join();
}

/// Awaitable: what each of them returned, in their order. Throws as soon as one has failed or was killed.
template <class T>
    requires(!std::is_void_v<T>)
task<std::vector<T>> get_all(std::vector<greenlet<T>> greenlets) {
    arrivals<greenlet<T>> all(greenlets);
    while (auto g = co_await all.next())
        if (!g->successful())
            co_await g->get();
    std::vector<T> results;
    results.reserve(greenlets.size());
    for (const greenlet<T>& g : greenlets)
        results.push_back(co_await g.get());
    co_return results;
}

/// Awaitable: kills all of them and waits until they are over, for at most `limit`. Gives those that are
/// not over then: they wait for an operation that cannot be interrupted, or hold out under a shield.
template <class T>
task<std::vector<greenlet<T>>> kill_all(std::vector<greenlet<T>> greenlets, any_duration limit = duration::max()) {
    for (const greenlet<T>& g : greenlets)
        g.kill();
    const deadline end(limit);
    try {
        co_await join_all(greenlets);
    } catch (const canceled&) {
        if (!end.ends_here())
            throw;
    }
    std::erase_if(greenlets, [](const greenlet<T>& g) { return g.ready(); });
    co_return greenlets;
}

}  // namespace ringlet

#pragma once
// thread_pool: gevent's ThreadPool. Calls that block run on its threads, at most `size` of them, which
// come with the work and go when they are idle. It may be shared by several loops. A pool of greenlets
// is another thing (pool.hpp).

#include <ringlet/core/futures.hpp>

namespace ringlet {

class thread_pool {
public:
    explicit thread_pool(std::size_t size = workers::default_size(), any_duration idle = 10s)
        : threads_(size, idle) {}

    std::size_t size() const noexcept { return threads().size(); }
    void resize(std::size_t size) { threads().resize(size); }

    /// Awaitable: what fn(args...) gives on one of the threads. See offload.hpp for what a kill does.
    template <class Fn, class... Args>
    auto apply(Fn fn, Args... args) {
        auto call = [fn = std::move(fn), ... args = std::move(args)]() mutable -> decltype(auto) {
            return std::invoke(std::move(fn), std::move(args)...);
        };
        return offload_awaiter<decltype(call)>(std::move(call), &threads());
    }

    /// A future of the same, at once.
    template <class Fn, class... Args>
    auto apply_async(Fn&& fn, Args&&... args) {
        return futures::submit(threads(), std::forward<Fn>(fn), std::forward<Args>(args)...);
    }

    /// Awaitable: what fn gives for each item, in their order.
    template <class Fn, std::ranges::input_range Items>
    auto map(Fn fn, const Items& items) {
        std::vector<decltype(apply_async(fn, *std::ranges::begin(items)))> all;
        for (const auto& item : items)
            all.push_back(apply_async(fn, item));
        return futures::gather(std::move(all));
    }

    /// Awaitable: until nothing is left to do.
    workers::drain_awaiter join() noexcept { return threads().drained(); }

    workers& threads() noexcept { return threads_; }
    const workers& threads() const noexcept { return threads_; }

private:
    workers threads_;
};

}  // namespace ringlet

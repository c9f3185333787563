#pragma once
// pool: at most so many greenlets at a time. Who spawns into a full pool waits for room, which is what
// keeps a fast producer from filling the memory. A handle: copies name the same pool, and its greenlets
// live on without it.
//
//     pool p(10);
//     auto sizes = co_await p.map(urls, fetch_size);
//     for (auto results = p.imap_unordered(urls, fetch); auto page = co_await results.next();)

#include <ringlet/core/event.hpp>
#include <ringlet/core/join_all.hpp>
#include <ringlet/core/pool_results.hpp>
#include <ringlet/core/semaphore.hpp>
#include <ringlet/core/spawn.hpp>

#include <algorithm>
#include <memory>
#include <ranges>
#include <vector>

namespace ringlet {

class pool {
public:
    explicit pool(std::size_t size) : state_(std::make_shared<state>(size)) {
        check(size > 0, "a pool has room for one at least");
    }

    std::size_t size() const noexcept { return state_->size; }
    /// How many of its greenlets are not over.
    std::size_t alive() const noexcept {
        return static_cast<std::size_t>(
            std::ranges::count_if(state_->alive, [](const greenlet_base* g) { return !g->dead(); }));
    }
    std::size_t free() const noexcept { return state_->room.available(); }

    /// Awaitable: starts fn(args...) when there is room, and gives the greenlet.
    template <class Fn, class... Args>
    task<greenlet<detail::body_result<Fn, Args...>>> spawn(Fn fn, Args... args) const {
        return spawn_task(*this, std::move(fn), std::move(args)...);
    }

    /// Starts it now, in a greenlet that first waits for room itself; does not wait.
    template <class Fn, class... Args>
    auto apply_async(Fn fn, Args... args) const {
        using T = detail::body_result<Fn, Args...>;
        return ringlet::spawn(&in_its_turn<T, Fn, Args...>, *this, std::move(fn), std::move(args)...);
    }

    /// Awaitable: what fn gives for each item, in their order. When one fails, or the wait is cancelled,
    /// those that still run are killed and waited for.
    template <std::ranges::input_range R, class Fn>
    auto map(R items, Fn fn) const {
        using T = detail::body_result<Fn, std::ranges::range_value_t<R>>;
        return map_task<T>(*this, std::move(items), std::move(fn));
    }

    /// Results one by one, in the order of the items, respectively in that in which they are done. No
    /// more than `ahead` results wait to be fetched: then spawning stops.
    template <std::ranges::input_range R, class Fn>
    auto imap(R items, Fn fn, std::size_t ahead = 64) const {
        using T = detail::body_result<Fn, std::ranges::range_value_t<R>>;
        return pool_results<T>(*this, std::move(items), std::move(fn), ahead, true);
    }
    template <std::ranges::input_range R, class Fn>
    auto imap_unordered(R items, Fn fn, std::size_t ahead = 64) const {
        using T = detail::body_result<Fn, std::ranges::range_value_t<R>>;
        return pool_results<T>(*this, std::move(items), std::move(fn), ahead, false);
    }

    /// Awaitable: until none of its greenlets is left. New ones may come meanwhile.
    task<> join() const { return join_task(state_); }

    /// Asks all of them to stop.
    void kill() const noexcept {
        for (greenlet_base* g : state_->alive)
            g->kill();
    }

private:
    struct state {
        explicit state(std::size_t n) noexcept : size(n), room(n) {}
        std::size_t size;
        semaphore room;
        std::vector<greenlet_base*> alive;
    };

    // The handle may be gone, or name another pool, when what was asked of it is awaited, as in spawn(p.join()).

    template <class Fn, class... Args>
    static task<greenlet<detail::body_result<Fn, Args...>>> spawn_task(pool self, Fn fn, Args... args) {
        co_await self.state_->room.acquire();
        try {
            co_return self.start(std::move(fn), std::move(args)...);
        } catch (...) {
            self.state_->room.release();  // fn or an argument could not be moved
            throw;
        }
    }

    static task<> join_task(std::shared_ptr<state> held) {
        const auto over = [](const greenlet_base* g) { return g->dead(); };  // which may not have left yet
        while (true) {
            const auto first = std::ranges::find_if_not(held->alive, over);
            if (first == held->alive.end())
                break;
            co_await join_awaiter(**first);
        }
    }

    /// There is room, and it has been taken.
    template <class Fn, class... Args>
    auto start(Fn fn, Args... args) const {
        const auto g = ringlet::spawn(std::move(fn), std::move(args)...);
        try {
            state_->alive.push_back(&g.state());
            g.state().add_link([held = state_](greenlet_base& over) {
                std::erase(held->alive, &over);
                held->room.release();
            });
        } catch (...) {
            std::erase(state_->alive, &g.state());
            g.kill();  // before it began
            throw;
        }
        return g;
    }

    template <class T, class Fn, class... Args>
    static task<T> in_its_turn(pool self, Fn fn, Args... args) {
        const auto g = co_await self.spawn(std::move(fn), std::move(args)...);
        std::exception_ptr stopped;
        try {
            co_await g.join();
        } catch (...) {
            stopped = std::current_exception();
        }
        if (stopped) {
            const shield until_over;
            g.kill();
            co_await g.join();
            std::rethrow_exception(stopped);
        }
        co_return co_await g.get();
    }

    template <class T, class R, class Fn>
    static task<std::vector<detail::or_void_t<T>>> map_task(pool self, R items, Fn fn) {
        std::vector<greenlet<T>> greenlets;
        std::vector<detail::or_void_t<T>> results;
        std::exception_ptr failed;
        try {
            for (auto&& item : items)
                greenlets.push_back(co_await self.spawn(fn, std::forward<decltype(item)>(item)));
            for (const greenlet<T>& g : greenlets) {
                if constexpr (std::is_void_v<T>) {
                    co_await g.get();
                    results.emplace_back();
                } else {
                    results.push_back(co_await g.get());
                }
            }
        } catch (...) {
            failed = std::current_exception();
        }
        if (failed) {
            const shield until_all_are_over;
            co_await kill_all(std::move(greenlets));
            std::rethrow_exception(failed);
        }
        co_return results;
    }

    std::shared_ptr<state> state_;
};

}  // namespace ringlet

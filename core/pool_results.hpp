#pragma once
// What pool::imap and imap_unordered give: results, fetched one by one.

#include <ringlet/core/mutex.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/semaphore.hpp>
#include <ringlet/core/spawn.hpp>

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

namespace ringlet {

namespace detail {

template <class T>
using or_void_t = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

}  // namespace detail

/// Move-only. Destroying it kills the greenlet that spawns, and those whose results were not fetched.
template <class T>
class pool_results {
    using value = detail::or_void_t<T>;
    struct state;

public:
    template <class Pool, class R, class Fn>
    pool_results(Pool p, R items, Fn fn, std::size_t ahead, bool ordered)
        : state_(std::make_shared<state>(ahead, ordered)) {
        feeder_ = spawn(&feed<Pool, R, Fn>, feeding(state_), std::move(p), std::move(items), std::move(fn));
    }
    pool_results(pool_results&&) noexcept = default;
    pool_results& operator=(pool_results&& other) noexcept {
        std::swap(state_, other.state_);
        std::swap(feeder_, other.feeder_);
        return *this;
    }
    ~pool_results() {
        if (!feeder_)
            return;
        feeder_.kill();
        for (const auto& [index, g] : state_->running)
            g.kill();
    }

    /// Awaitable: the next result as a std::optional, empty when there are no more. Throws what the
    /// function threw for that item; the next call gives the next one.
    task<std::optional<value>> next() { return next_of(state_); }

private:
    struct done {
        std::size_t index = 0;
        greenlet<T> from;  // which keeps the result: moving it may throw
        std::exception_ptr error;
    };

    struct state {
        state(std::size_t ahead, bool in_order) noexcept : room(ahead), ordered(in_order) {}
        std::optional<done> take_in_order() {
            std::optional<done> d;
            if (const auto at = early.find(next); at != early.end()) {
                d.emplace(std::move(at->second));
                early.erase(at);
                ++next;
            }
            return d;
        }

        queue<done> results;
        semaphore room;
        bool ordered;
        std::size_t fetched = 0;  // results whose room becomes free when the next is asked for
        mutex reading;  // held by who waits for the next
        bool all_spawned = false;
        std::size_t spawned = 0;
        std::size_t next = 0;
        std::map<std::size_t, done> early;
        std::map<std::size_t, greenlet<T>> running;

        void close_if_over() noexcept {
            if (all_spawned && running.empty())
                results.close();
        }
    };

    /// Goes with the greenlet that spawns, even if that never began: somebody may be reading.
    struct feeding {
        explicit feeding(std::shared_ptr<state> s) noexcept : of(std::move(s)) {}
        feeding(feeding&&) noexcept = default;
        ~feeding() {
            if (!of)
                return;
            of->all_spawned = true;
            of->close_if_over();
        }
        std::shared_ptr<state> of;
    };

    /// The results may go, or move, before this is awaited.
    static task<std::optional<value>> next_of(std::shared_ptr<state> s) {
        const auto turn = co_await s->reading.lock();
        for (; s->fetched > 0; --s->fetched)  // also of readers who came while this one waited for its turn
            s->room.release();
        std::optional<done> d;
        if (s->ordered)
            while (!(d = s->take_in_order())) {
                auto arrived = co_await s->results.next();
                if (!arrived)
                    co_return std::nullopt;
                const std::size_t index = arrived->index;
                s->early.emplace(index, std::move(*arrived));
            }
        else
            d = co_await s->results.next();
        if (!d)
            co_return std::nullopt;
        ++s->fetched;
        if (d->error)
            std::rethrow_exception(d->error);
        if constexpr (std::is_void_v<T>)
            co_return std::monostate();
        else
            co_return std::move(*d->from.state().value);
    }

    template <class Pool, class R, class Fn>
    static task<> feed(feeding self, Pool p, R items, Fn fn) {
        const auto s = self.of;
        std::exception_ptr failed;
        try {
            for (auto&& item : items) {
                co_await s->room.acquire();
                const auto g = co_await p.spawn(fn, std::forward<decltype(item)>(item));
                if (loop::current().running().canceled_now())
                    g.kill();  // the results went when it had its room already
                const std::size_t index = s->spawned++;  // not before, since an error comes in its place
                s->running.emplace(index, g);
                // Not rawlink(): at the end of the loop, too, somebody in a shield may read.
                g.state().add_link([s, index, g](greenlet_base&) { arrived(*s, index, g); });
            }
        } catch (const canceled&) {
            throw;
        } catch (...) {  // of the items themselves: it comes in the place of the next result
            failed = std::current_exception();
        }
        if (failed)
            (void)s->results.try_put(done{s->spawned, {}, failed});
    }

    static void arrived(state& s, std::size_t index, const greenlet<T>& over) {
        done d{index, over, over.exception()};
        if (!d.error && !over.successful())
            d.error = std::make_exception_ptr(greenlet_killed(over.name() + " was killed"));
        s.running.erase(index);
        (void)s.results.try_put(std::move(d));
        s.close_if_over();
    }

    std::shared_ptr<state> state_;
    greenlet<void> feeder_;
};

}  // namespace ringlet

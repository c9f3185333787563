#pragma once
// What Pool.imap and imap_unordered give: results that are fetched one by one while a greenlet of its own
// goes on spawning. With `maxsize` it waits when so many results have not been fetched.

#include <ringlet/core/gevent/lock.hpp>
#include <ringlet/core/gevent/queue.hpp>

#include <map>
#include <tuple>
#include <variant>

namespace ringlet::gevent {

/// A handle. next() waits for a result; empty when there are no more. It throws what the function threw
/// for that item, and can be asked for the next one after that. When the last handle goes and `maxsize` was
/// given, no more is spawned.
template <class T>
class Imap {
public:
    using value_type = T;

    std::optional<T> next() const {
        const Imap held(*this);  // `this` may go meanwhile, and should it be the last, no more would be spawned
        state& s = *state_;
        if (s.cut_short > 0)
            --s.cut_short;  // who made room already
        else if (s.room)
            s.room->release();
        std::optional<entry> e = s.fetch();
        if (!e)
            return std::nullopt;
        if (e->error)
            std::rethrow_exception(e->error);
        return std::move(e->value);
    }
    drain_iterator<Imap> begin() const { return drain_iterator<Imap>(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

    /// Results that wait to be fetched.
    std::size_t waiting() const noexcept { return state_->results.qsize(); }

    /// Begins: spawn(fn, item...) is called for one item of each range after another, in a new greenlet,
    /// and gives a Greenlet. It may block.
    template <class Spawn, class Fn, class... R>
    static Imap start(bool ordered, std::optional<std::size_t> maxsize, Spawn spawn, Fn fn, R... ranges) {
        Imap made;
        made.state_->ordered = ordered;
        if (maxsize.value_or(0) > 0)
            made.state_->room.emplace(*maxsize);
        made.state_->runner = Greenlet<void>::spawn(
            [s = made.state_, spawn, fn, all = std::tuple<R...>(std::move(ranges)...)]() mutable {
                try {
                    std::apply([&](R&... each) { run(s, spawn, fn, each...); }, all);
                } catch (...) {  // it comes in the place of the item that could not be spawned
                    s->results.put({s->spawned++, std::nullopt, std::current_exception()});
                }
                s->all_spawned = true;
                s->end_if_over();
                s->room.reset();
            });
        made.last_ = std::shared_ptr<void>(nullptr, [s = made.state_](void*) { s->forsaken(); });
        return made;
    }

private:
    struct entry {
        std::size_t index = 0;
        std::optional<T> value;
        std::exception_ptr error;
    };

    struct state {
        void end_if_over() const {
            if (all_spawned && outstanding == 0)
                results.shutdown();
        }
        /// Nobody will ever make room again. Not gevent's kill, which the hub carries out later: the runner
        /// might be given room before.
        void forsaken() const noexcept {
            if (room && loop::current_or_null() != nullptr)
                runner.state().kill();
        }
        std::optional<entry> fetch() {
            try {
                return ordered ? with(reading, [this] { return in_order(); }) : results.next();
            } catch (...) {
                ++cut_short;
                throw;
            }
        }
        std::optional<entry> in_order() {
            while (!early.contains(index)) {
                if (std::optional<entry> e = results.next()) {
                    const std::size_t at = e->index;
                    early.emplace(at, std::move(*e));
                } else {
                    return std::nullopt;
                }
            }
            std::optional<entry> e = std::move(early.extract(index).mapped());
            ++index;
            return e;
        }

        bool ordered = false;
        Semaphore reading;  // held by who waits for the next in order: what comes early is not for others
        std::optional<Semaphore> room;
        Queue<entry> results;
        Greenlet<void> runner;
        std::size_t spawned = 0;
        std::size_t outstanding = 0;
        std::size_t cut_short = 0;  // readers who got nothing
        bool all_spawned = false;
        std::map<std::size_t, entry> early;
        std::size_t index = 0;
    };

    Imap() : state_(std::make_shared<state>()) {}

    template <class Spawn, class Fn, class... R>
    static void run(const std::shared_ptr<state>& s, Spawn& spawn, Fn& fn, R&... ranges) {
        auto at = std::tuple(std::ranges::begin(ranges)...);
        const auto end = std::tuple(std::ranges::end(ranges)...);
        while (all_left(at, end, std::index_sequence_for<R...>())) {
            if (s->room)
                s->room->acquire();
            const auto g = std::apply([&](auto&... each) { return spawn(fn, *each...); }, at);
            ++s->outstanding;
            when_over(g, [s, index = s->spawned++](const auto& done) { arrived(*s, index, done); });
            std::apply([](auto&... each) { (++each, ...); }, at);
        }
    }
    template <class At, class End, std::size_t... I>
    static bool all_left(const At& at, const End& end, std::index_sequence<I...>) {
        return ((std::get<I>(at) != std::get<I>(end)) && ...);
    }

    /// Not rawlink(), which leaves out the functions of users while the loop ends: a reader in a shield is
    /// waiting for this one.
    template <class U, class Fn>
    static void when_over(const Greenlet<U>& g, Fn fn) {
        g.state().add_link([g, fn](greenlet_base&) { fn(g); });
    }
    template <class U, class Fn>
    static void when_over(const AsyncResult<U>& result, Fn fn) {
        result.add_link(fn);
    }

    template <class G>
    static void arrived(state& s, std::size_t index, const G& done) {
        --s.outstanding;
        entry e{index, std::nullopt, done.exception()};
        if (!e.error) {
            if constexpr (std::is_void_v<typename G::value_type>)
                e.value.emplace();
            else if (done.value())
                copy(*done.value(), e);
            else
                e.error = std::make_exception_ptr(greenlet_killed("what gave a result was killed"));
        }
        s.results.put(std::move(e));
        s.end_if_over();
    }

    static void copy(const T& value, entry& to) noexcept {
        try {
            to.value.emplace(value);
        } catch (...) {
            to.error = std::current_exception();
        }
    }

    std::shared_ptr<state> state_;
    std::shared_ptr<void> last_;
};

}  // namespace ringlet::gevent

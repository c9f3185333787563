#pragma once
// gevent.pool: Group tracks greenlets; a Pool does not let more than `size` of them live at a time, and
// makes those wait who want to spawn. Both map functions over ranges, an item a greenlet.

#include <ringlet/core/gevent/group.hpp>
#include <ringlet/core/gevent/imap.hpp>

#include <ranges>

namespace ringlet::gevent {

class Group : public TrackedGreenlets {
public:
    Group() : Group(std::optional<std::size_t>()) {}
    explicit Group(const std::vector<AnyGreenlet>& greenlets) : Group() {
        for (const AnyGreenlet& g : greenlets)
            add(g);
    }
    Group(std::initializer_list<AnyGreenlet> greenlets) : Group(std::vector<AnyGreenlet>(greenlets)) {}

    /// What fn(args...) gives, run in a new greenlet; in this one if it is tracked here, lest a full pool
    /// wait for itself.
    template <class Fn, class... Args>
    auto apply(Fn fn, Args... args) const {
        if (contains(getcurrent()))
            return fn(std::move(args)...);
        return spawn(std::move(fn), std::move(args)...).get();
    }

    /// The same without waiting, even for room: gives the greenlet. `callback` gets the result in a
    /// greenlet of its own, `error_callback` the std::exception_ptr.
    template <class Fn, class... Args>
    auto apply_async(Fn fn, std::tuple<Args...> args = {}) const {
        return apply_async(std::move(fn), std::move(args), nothing);
    }
    template <class Fn, class... Args, class Callback>
    auto apply_async(Fn fn, std::tuple<Args...> args, Callback callback) const {
        return apply_async(std::move(fn), std::move(args), std::move(callback), [](std::exception_ptr) {});
    }
    template <class Fn, class... Args, class Callback, class ErrorCallback>
    auto apply_async(Fn fn, std::tuple<Args...> args, Callback callback, ErrorCallback error_callback) const {
        using T = std::invoke_result_t<Fn&, Args&...>;
        const auto call = [fn = std::move(fn), args = std::move(args)]() mutable -> T {
            return std::apply(fn, args);
        };
        constexpr bool wanted = !std::is_same_v<Callback, nothing_t>;
        if (full()) {
            const auto later = [self = *this, call] { return self.apply(call); };
            const Greenlet<T> g = Greenlet<T>::spawn(later);
            if constexpr (wanted)
                link_callbacks(g, callback, error_callback);
            return g;
        }
        const Greenlet<T> g = spawn(call);
        if constexpr (wanted)
            link_callbacks(g, callback, error_callback);
        return g;
    }

    /// What fn gives for each item, in their order. Throws what the first of them in that order threw.
    template <class Fn, std::ranges::input_range R>
    auto map(Fn fn, R items) const {
        return map_async(std::move(fn), std::move(items)).get();
    }
    template <class Fn, class Item>
    auto map(Fn fn, std::initializer_list<Item> items) const {
        return map(std::move(fn), std::vector<Item>(items));
    }

    /// The same without waiting: gives the greenlet that does it. `callback` gets the list.
    template <class Fn, std::ranges::input_range R>
    auto map_async(Fn fn, R items) const {
        const auto work = [self = *this, fn = std::move(fn), items = std::move(items)]() mutable {
            return self.map_here(fn, items);
        };
        return Greenlet<decltype(map_here(fn, items))>::spawn(work);
    }
    template <class Fn, std::ranges::input_range R, class Callback>
    auto map_async(Fn fn, R items, Callback callback) const {
        const auto work = [self = *this, fn = std::move(fn), items = std::move(items), callback]() mutable {
            auto results = self.map_here(fn, items);
            callback(results);
            return results;
        };
        return Greenlet<decltype(map_here(fn, items))>::spawn(work);
    }

    /// map for items that are tuples of arguments.
    template <class Fn, std::ranges::input_range R>
    auto starmap(Fn fn, R items) const {
        return map([fn](auto& arguments) mutable { return std::apply(fn, arguments); }, std::move(items));
    }

    /// Results one by one, in the order of the items, which may be several ranges: `for (auto& r : …)`.
    template <class Fn, std::ranges::input_range... R>
    auto imap(Fn fn, R... items) const {
        return imap_sized(std::nullopt, std::move(fn), std::move(items)...);
    }
    /// The same in the order in which they are done.
    template <class Fn, std::ranges::input_range... R>
    auto imap_unordered(Fn fn, R... items) const {
        return imap_unordered_sized(std::nullopt, std::move(fn), std::move(items)...);
    }
    /// With gevent's maxsize=: at most so many results wait to be fetched; then spawning stops.
    template <class Fn, std::ranges::input_range... R>
    auto imap_sized(std::optional<std::size_t> maxsize, Fn fn, R... items) const {
        return start_imap(true, maxsize, std::move(fn), std::move(items)...);
    }
    template <class Fn, std::ranges::input_range... R>
    auto imap_unordered_sized(std::optional<std::size_t> maxsize, Fn fn, R... items) const {
        return start_imap(false, maxsize, std::move(fn), std::move(items)...);
    }

protected:
    explicit Group(std::optional<std::size_t> limit) : TrackedGreenlets(limit) {}

private:
    static constexpr struct nothing_t {
        template <class... T>
        void operator()(T&&...) const noexcept {}
    } nothing{};

    template <class T, class Callback, class ErrorCallback>
    static void link_callbacks(const Greenlet<T>& g, Callback callback, ErrorCallback error_callback) {
        g.link([callback, error_callback](const Greenlet<T>& done) mutable {
            if (auto error = done.exception())
                error_callback(error);
            else if constexpr (std::is_void_v<T>)
                callback();
            else if (done.value())
                callback(*done.value());
        });
    }

    template <class Fn, class R>
    auto map_here(Fn& fn, R& items) const {
        using T = std::invoke_result_t<Fn&, std::ranges::range_value_t<R>&>;
        std::vector<Greenlet<T>> greenlets;
        for (auto&& item : items)
            greenlets.push_back(spawn(fn, std::forward<decltype(item)>(item)));
        std::vector<std::conditional_t<std::is_void_v<T>, std::monostate, T>> results;
        results.reserve(greenlets.size());
        for (const Greenlet<T>& g : greenlets) {
            if constexpr (std::is_void_v<T>) {
                g.get();
                results.emplace_back();
            } else {
                results.push_back(g.get());
            }
        }
        return results;
    }

    template <class Fn, class... R>
    auto start_imap(bool ordered, std::optional<std::size_t> maxsize, Fn fn, R... items) const {
        using T = std::invoke_result_t<Fn&, std::ranges::range_value_t<R>&...>;
        const auto do_spawn = [self = *this](Fn& call, auto&&... each) {
            return self.spawn(call, std::forward<decltype(each)>(each)...);
        };
        return Imap<std::conditional_t<std::is_void_v<T>, std::monostate, T>>::start(
            ordered, maxsize, do_spawn, std::move(fn), std::move(items)...);
    }
};

class Pool : public Group {
public:
    /// None: no limit, but still a count.
    explicit Pool(std::optional<std::size_t> size = None) : Group(size) {}

    /// The limit (Python's pool.size); size() says how many there are (Python's len(pool)).
    std::optional<std::size_t> limit() const noexcept { return TrackedGreenlets::limit(); }
};

}  // namespace ringlet::gevent

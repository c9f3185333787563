#pragma once
// The mapping functions that Group, Pool and ThreadPool share: an item of the ranges a call, made by
// Self::spawn, which gives something with get() and rawlink(): a Greenlet or an AsyncResult.

#include <ringlet/core/gevent/imap.hpp>

#include <ranges>
#include <tuple>
#include <vector>

namespace ringlet::gevent {

template <class Self>
class Mapping {
public:
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
        const auto work = [self = self(), fn = std::move(fn), items = std::move(items)]() mutable {
            return map_here(self, fn, items);
        };
        return Greenlet<decltype(map_here(self(), fn, items))>::spawn(work);
    }
    template <class Fn, std::ranges::input_range R, class Callback>
    auto map_async(Fn fn, R items, Callback callback) const {
        const auto work = [self = self(), fn = std::move(fn), items = std::move(items), callback]() mutable {
            auto results = map_here(self, fn, items);
            callback(results);
            return results;
        };
        return Greenlet<decltype(map_here(self(), fn, items))>::spawn(work);
    }

    /// map for items that are tuples of arguments.
    template <class Fn, std::ranges::input_range R>
    auto starmap(Fn fn, R items) const {
        const auto apply_to = [fn](auto arguments) mutable { return std::apply(fn, std::move(arguments)); };
        return map(apply_to, std::move(items));
    }

    /// Results one by one, in the order of the items, which may be several ranges: `for (auto& r : …)`.
    template <class Fn, std::ranges::input_range... R>
    auto imap(Fn fn, R... items) const {
        return imap_sized(std::nullopt, std::move(fn), std::move(items)...);
    }
    template <class Fn, class Item>
    auto imap(Fn fn, std::initializer_list<Item> items) const {
        return imap(std::move(fn), std::vector<Item>(items));
    }
    /// The same in the order in which they are done.
    template <class Fn, std::ranges::input_range... R>
    auto imap_unordered(Fn fn, R... items) const {
        return imap_unordered_sized(std::nullopt, std::move(fn), std::move(items)...);
    }
    template <class Fn, class Item>
    auto imap_unordered(Fn fn, std::initializer_list<Item> items) const {
        return imap_unordered(std::move(fn), std::vector<Item>(items));
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

private:
    const Self& self() const noexcept { return static_cast<const Self&>(*this); }

    template <class Fn, class R>
    static auto map_here(const Self& self, Fn& fn, R& items) {
        using T = std::invoke_result_t<Fn&, std::ranges::range_value_t<R>&>;
        std::vector<decltype(self.spawn(fn, *std::ranges::begin(items)))> started;
        for (auto&& item : items)
            started.push_back(self.spawn(fn, std::forward<decltype(item)>(item)));
        std::vector<std::conditional_t<std::is_void_v<T>, std::monostate, T>> results;
        results.reserve(started.size());
        for (const auto& each : started) {
            if constexpr (std::is_void_v<T>) {
                each.get();
                results.emplace_back();
            } else {
                results.push_back(each.get());
            }
        }
        return results;
    }

    template <class Fn, class... R>
    auto start_imap(bool ordered, std::optional<std::size_t> maxsize, Fn fn, R... items) const {
        using T = std::invoke_result_t<Fn&, std::ranges::range_value_t<R>&...>;
        const auto do_spawn = [self = self()](Fn& call, auto&&... each) {
            throw_if_canceled();  // nobody may want it any more, and there need be no wait in spawn
            return self.spawn(call, std::forward<decltype(each)>(each)...);
        };
        return Imap<std::conditional_t<std::is_void_v<T>, std::monostate, T>>::start(
            ordered, maxsize, do_spawn, std::move(fn), std::move(items)...);
    }
};

}  // namespace ringlet::gevent

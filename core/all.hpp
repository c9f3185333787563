#pragma once
// all(a, b, ...): waits for several awaitables at the same time and gives all results; the first
// failure cancels the others and comes out. race(a, b, ...): gives the first result and cancels the
// others. Both wait for the losers, so that nothing in flight is left behind.

#include <ringlet/core/group.hpp>

#include <algorithm>
#include <tuple>
#include <variant>

namespace ringlet {

namespace detail {

/// void has no values; in a tuple or variant std::monostate stands for it.
template <class T>
using or_monostate = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class X>
task<or_monostate<await_result<X>>> value_of(X x) {
    if constexpr (std::is_void_v<await_result<X>>) {
        co_await std::move(x);
        co_return std::monostate();
    } else {
        co_return co_await std::move(x);
    }
}

template <class... T, std::size_t... I>
task<std::tuple<T...>> all_of(std::index_sequence<I...>, task<T>... parts) {
    std::tuple<std::optional<T>...> values;
    const auto keep = []<class V>(std::optional<V>* to, task<V> part) -> task<> {
        to->emplace(co_await std::move(part));
    };
    const auto body = [&](group& g) -> task<> {
        (g.spawn(keep, &std::get<I>(values), std::move(parts)), ...);
        co_return;
    };
    try {
        co_await with_group(body);
    } catch (const canceled&) {
        if (!(std::get<I>(values) && ...))
            throw;
        // All results came in spite of the cancellation: they are delivered, and the next wait fails.
    }
    co_return std::tuple<T...>(std::move(*std::get<I>(values))...);
}

template <class... T, std::size_t... I>
task<std::variant<T...>> first_of(std::index_sequence<I...>, task<T>... parts) {
    std::optional<std::variant<T...>> winner;
    std::exception_ptr error;
    group* all = nullptr;
    const auto run = [&]<std::size_t Index, class V>(std::integral_constant<std::size_t, Index>,
                                                     task<V> part) -> task<> {
        try {
            V value = co_await std::move(part);
            if (!winner && !error)
                winner.emplace(std::in_place_index<Index>, std::move(value));
        } catch (const canceled&) {
            throw;
        } catch (...) {
            if (!winner && !error)
                error = std::current_exception();
        }
        all->cancel();
    };
    const auto body = [&](group& g) -> task<> {
        all = &g;
        (g.spawn(run, std::integral_constant<std::size_t, I>(), std::move(parts)), ...);
        co_return;
    };
    try {
        co_await with_group(body);
    } catch (const canceled&) {
        if (!winner && !error)
            throw;
        // The first result came in spite of the cancellation: it is delivered, and the next wait fails.
    }
    if (error)
        std::rethrow_exception(error);
    if (!winner)
        throw canceled();  // as all of them were, by somebody who holds on to their greenlets
    co_return std::move(*winner);
}

}  // namespace detail

/// Awaitable: a tuple of what each gives (std::monostate for void), in the order of the arguments.
template <awaitable... X>
    requires(sizeof...(X) > 0)
auto all(X... x) {
    return detail::all_of(std::index_sequence_for<X...>(), detail::value_of(std::move(x))...);
}

/// Awaitable: what each task gives, in their order.
template <class T>
    requires(!std::is_void_v<T>)
task<std::vector<T>> all(std::vector<task<T>> tasks) {
    std::vector<std::optional<T>> values(tasks.size());
    const auto keep = [](std::optional<T>* to, task<T> part) -> task<> { to->emplace(co_await std::move(part)); };
    const auto body = [&](group& g) -> task<> {
        for (std::size_t i = 0; i < tasks.size(); ++i)
            g.spawn(keep, &values[i], std::move(tasks[i]));
        co_return;
    };
    try {
        co_await with_group(body);
    } catch (const canceled&) {
        if (!std::all_of(values.begin(), values.end(), [](const auto& value) { return value.has_value(); }))
            throw;
    }
    std::vector<T> results;
    results.reserve(values.size());
    for (std::optional<T>& value : values)
        results.push_back(std::move(*value));
    co_return results;
}

inline task<> all(std::vector<task<>> tasks) {
    const auto body = [&](group& g) -> task<> {
        for (task<>& part : tasks)
            g.spawn(std::move(part));
        co_return;
    };
    co_await with_group(body);
}

/// Awaitable: a std::variant of the first result; its index() tells whose. An error of whoever ends
/// first counts as its result; what the losers throw while they unwind is dropped.
template <awaitable... X>
    requires(sizeof...(X) > 0)
auto race(X... x) {
    return detail::first_of(std::index_sequence_for<X...>(), detail::value_of(std::move(x))...);
}

}  // namespace ringlet

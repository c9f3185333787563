#pragma once
// gevent.pool: Group tracks greenlets; a Pool does not let more than `size` of them live at a time, and
// makes those wait who want to spawn. Both map functions over ranges, an item a greenlet: mapping.hpp.

#include <ringlet/core/gevent/group.hpp>
#include <ringlet/core/gevent/mapping.hpp>

namespace ringlet::gevent {

class Group : public TrackedGreenlets, public Mapping<Group> {
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
};

class Pool : public Group {
public:
    /// None: no limit, but still a count.
    explicit Pool(std::optional<std::size_t> size = None) : Group(size) {}
    template <std::signed_integral N>
    explicit Pool(N size) : Pool(not_negative(size, "size must not be negative: " + std::to_string(size))) {}

    /// The limit (Python's pool.size); size() says how many there are (Python's len(pool)).
    std::optional<std::size_t> limit() const noexcept { return TrackedGreenlets::limit(); }
};

}  // namespace ringlet::gevent

#pragma once
// group: a nursery. Greenlets spawned into it do not outlive it: leaving waits for all of them. When
// one fails, its siblings and the body are cancelled, and the failure comes out of the group. all()
// and race() (all.hpp) are built on it.
//
//     co_await with_group([&](group& g) -> task<> { g.spawn(a); g.spawn(b); co_return; });
//     with_group([&](group& g) { g.spawn(a); g.spawn(b); });      // on a fiber

#include <ringlet/core/await.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/core/spawn.hpp>

#include <optional>
#include <vector>

namespace ringlet {

/// Several greenlets of a group failed; errors() has all of them in the order in which they came.
class group_error : public std::runtime_error {
public:
    explicit group_error(std::vector<std::exception_ptr> errors);
    const std::vector<std::exception_ptr>& errors() const noexcept { return errors_; }

private:
    std::vector<std::exception_ptr> errors_;
};

class group {
public:
    group(const group&) = delete;
    group& operator=(const group&) = delete;
    ~group();

    /// Starts fn(args...) in the group. In a group that is being cancelled it is killed at once.
    template <class Fn, class... Args>
    auto spawn(Fn&& fn, Args&&... args) {
        using T = detail::body_result<Fn, Args...>;
        constexpr bool coroutine = is_task<std::invoke_result_t<std::decay_t<Fn>, std::decay_t<Args>...>>;
        make_room();  // before, since there may be no memory
        greenlet<T> child = [&] {
            if constexpr (coroutine)
                return ringlet::spawn(&watch_task<T, std::decay_t<Fn>, std::decay_t<Args>...>, this,
                                      std::forward<Fn>(fn), std::forward<Args>(args)...);
            else
                return ringlet::spawn(&watch_call<T, std::decay_t<Fn>, std::decay_t<Args>...>, this,
                                      std::forward<Fn>(fn), std::forward<Args>(args)...);
        }();
        adopt(child.state());
        return child;
    }

    /// Asks everything in the group, the body included, to stop.
    void cancel() noexcept;

    /// How many greenlets of the group are not over.
    std::size_t alive() const noexcept;

private:
    template <class Fn>
    friend auto with_group(Fn fn);
    template <class T, class Fn>
    friend task<T> group_of_task(Fn fn);
    template <class Fn>
    friend std::invoke_result_t<Fn&, group&> group_of_call(Fn fn);

    group() = default;

    // The greenlet owns fn and args for as long as it lives. Here they are only called, because moving them may
    // throw too, and then the group must hear of it.
    template <class T, class Fn, class... Args>
    static task<T> watch_task(group* self, Fn&& fn, Args&&... args) {
        try {
            co_return co_await detail::call(std::move(fn), std::move(args)...);
        } catch (const canceled&) {
            throw;
        } catch (...) {
            self->failed(std::current_exception());
            throw;
        }
    }
    template <class T, class Fn, class... Args>
    static T watch_call(group* self, Fn&& fn, Args&&... args) {
        try {
            return detail::call(std::move(fn), std::move(args)...);
        } catch (const canceled&) {
            throw;
        } catch (...) {
            self->failed(std::current_exception());
            throw;
        }
    }

    void make_room();
    void adopt(greenlet_base& child);
    void failed(std::exception_ptr error);
    void body_failed(std::exception_ptr error);
    task<> drain();
    void throw_errors(bool has_result = true);

    scope scope_;
    std::vector<greenlet_base*> children_;  // retained
    std::vector<std::exception_ptr> errors_;
    std::exception_ptr canceled_;  // by somebody further out: goes on once all children are gone
};

template <class T, class Fn>
task<T> group_of_task(Fn fn) {
    group g;
    if constexpr (std::is_void_v<T>) {
        try {
            co_await fn(g);
        } catch (...) {
            g.body_failed(std::current_exception());
        }
        co_await g.drain();
        g.throw_errors();
    } else {
        std::optional<T> value;
        try {
            value.emplace(co_await fn(g));
        } catch (...) {
            g.body_failed(std::current_exception());
        }
        co_await g.drain();
        g.throw_errors(value.has_value());
        co_return std::move(*value);
    }
}

template <class Fn>
std::invoke_result_t<Fn&, group&> group_of_call(Fn fn) {
    using T = std::invoke_result_t<Fn&, group&>;
    group g;
    std::conditional_t<std::is_void_v<T>, std::optional<char>, std::optional<T>> value;
    try {
        if constexpr (std::is_void_v<T>)
            fn(g);
        else
            value.emplace(fn(g));
    } catch (...) {
        g.body_failed(std::current_exception());
    }
    await(g.drain());
    g.throw_errors(std::is_void_v<T> || value.has_value());
    if constexpr (!std::is_void_v<T>)
        return std::move(*value);
}

/// Runs fn(group&), waits for everything that was spawned into the group, and gives what fn gave. If
/// fn returns a task, so does with_group; otherwise it blocks the fiber. Throws the error that ended
/// the group, or group_error when there were several.
template <class Fn>
auto with_group(Fn fn) {
    using returned = std::invoke_result_t<Fn&, group&>;
    if constexpr (is_task<returned>)
        return group_of_task<typename returned::value_type>(std::move(fn));
    else
        return group_of_call(std::move(fn));
}

}  // namespace ringlet

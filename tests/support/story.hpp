#pragma once
// The worlds in which stories of the tests happen. Time is virtual: a story takes microseconds and
// always happens in the same order. The same text runs as a coroutine and on a fiber: in fiber_world a
// `co_await` blocks the fiber, because its coroutine type waits with ringlet::await.

#include "scene.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace story {

void in_virtual_time(scene<> what);

/// The same for what gives something.
template <class Fn>
    requires(!std::is_constructible_v<scene<>, Fn>)
decltype(auto) in_virtual_time(Fn&& fn) {
    return ringlet::run(ringlet::io::make_virtual_time(), std::forward<Fn>(fn));
}

/// A coroutine that runs where it is called and blocks its fiber wherever it awaits.
template <class T = void>
class blocking {
    struct keep_value {
        std::optional<T> value;
        void return_value(T v) { value.emplace(std::move(v)); }
    };
    struct keep_nothing {
        void return_void() const noexcept {}
    };

public:
    struct promise_type : std::conditional_t<std::is_void_v<T>, keep_nothing, keep_value> {
        std::exception_ptr error;

        blocking get_return_object() { return blocking(handle::from_promise(*this)); }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void unhandled_exception() noexcept { error = std::current_exception(); }

        template <class X>
        auto await_transform(X&& x) {
            using R = ringlet::await_result<X>;
            if constexpr (std::is_void_v<R>) {
                ringlet::await(std::forward<X>(x));
                return std::suspend_never();
            } else {
                struct there {
                    explicit there(R v) : value(std::forward<R>(v)) {}
                    R value;
                    bool await_ready() const noexcept { return true; }
                    void await_suspend(std::coroutine_handle<>) const noexcept {}
                    R await_resume() { return std::forward<R>(value); }
                };
                return there(ringlet::await(std::forward<X>(x)));
            }
        }
    };

    blocking(blocking&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    ~blocking() {
        if (frame_)
            frame_.destroy();
    }

    T get() {
        if (frame_.promise().error)
            std::rethrow_exception(frame_.promise().error);
        if constexpr (!std::is_void_v<T>)
            return std::move(*frame_.promise().value);
    }

private:
    using handle = std::coroutine_handle<promise_type>;
    explicit blocking(handle frame) noexcept : frame_(frame) {}
    handle frame_;
};

struct coroutine_world {
    template <class T = void>
    using task = ringlet::task<T>;

    template <class Fn>
    static auto spawn(Fn fn) {
        return ringlet::spawn(std::move(fn));
    }
    template <class Group, class Fn>
    static auto spawn_into(Group& g, Fn fn) {
        return g.spawn(std::move(fn));
    }
};

struct fiber_world {
    template <class T = void>
    using task = blocking<T>;

    template <class Fn>
    static auto spawn(Fn fn) {
        return ringlet::spawn([fn = std::move(fn)]() mutable { return fn().get(); });
    }
    template <class Group, class Fn>
    static auto spawn_into(Group& g, Fn fn) {
        return g.spawn([fn = std::move(fn)]() mutable { return fn().get(); });
    }
};

using both_worlds = testing::Types<coroutine_world, fiber_world>;

struct world_names {
    template <class World>
    static std::string GetName(int) {
        return std::is_same_v<World, fiber_world> ? "fiber" : "coroutine";
    }
};

/// Lets everything that is ready run until it waits for something that only time brings.
ringlet::task<> settle(int laps = 10);

}  // namespace story

// The bare mechanisms that micro benches compare ringlet with: a pair of
// stack switches, a pair of coroutine suspend and resume, and the create,
// await and destroy of a coroutine with a plain promise. Nothing around them:
// no loop, no errno, no exception state, so they are the floor.
#pragma once

#include <sys/mman.h>
#include <boost/context/detail/fcontext.hpp>

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <system_error>
#include <utility>

namespace raw {

// Another stack that does nothing but switch back. One call of `switch_pair`
// is two switches, as a fiber that yields costs: there and back.
class bare_fiber {
public:
    bare_fiber() {
        void* memory = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            throw std::system_error(errno, std::generic_category(), "mmap stack");
        stack_ = static_cast<std::byte*>(memory);
        there_ = boost::context::detail::make_fcontext(stack_ + stack_size, stack_size, &loop);
    }

    // The other stack owns nothing, so it may vanish where it stands.
    ~bare_fiber() { ::munmap(stack_, stack_size); }
    bare_fiber(const bare_fiber&) = delete;
    bare_fiber& operator=(const bare_fiber&) = delete;

    void switch_pair() { there_ = boost::context::detail::jump_fcontext(there_, nullptr).fctx; }

private:
    static constexpr std::size_t stack_size = 64 * 1024;

    static void loop(boost::context::detail::transfer_t from) {
        for (;;)
            from = boost::context::detail::jump_fcontext(from.fctx, nullptr);
    }

    std::byte* stack_ = nullptr;
    boost::context::detail::fcontext_t there_ = nullptr;
};

// A coroutine that does nothing but suspend. One call of `resume_pair` is a
// resume and the suspension that answers it.
class bare_coroutine {
public:
    struct promise_type {
        bare_coroutine get_return_object() {
            return bare_coroutine(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        [[noreturn]] void unhandled_exception() { std::terminate(); }
    };

    // Never inlined, or the compiler may see through the whole thing.
    [[gnu::noinline]] static bare_coroutine endless() {
        for (;;)
            co_await std::suspend_always();
    }

    bare_coroutine(bare_coroutine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    bare_coroutine& operator=(bare_coroutine&&) = delete;
    ~bare_coroutine() {
        if (handle_)
            handle_.destroy();
    }

    void resume_pair() { handle_.resume(); }

private:
    explicit bare_coroutine(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

// The smallest lazy task there can be: one int, frame from operator new, no
// exception kept. One call of `create_run_destroy` is a whole life of one.
class bare_task {
public:
    struct promise_type {
        int value = 0;
        bare_task get_return_object() { return bare_task(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_value(int given) { value = given; }
        [[noreturn]] void unhandled_exception() { std::terminate(); }
    };

    [[gnu::noinline]] static bare_task ready(int value) { co_return value; }

    static int create_run_destroy(int value) {
        const bare_task task = ready(value);
        task.handle_.resume();
        return task.handle_.promise().value;
    }

    // Movable only because older clangs do not elide the returned object.
    bare_task(bare_task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    bare_task& operator=(bare_task&&) = delete;
    ~bare_task() {
        if (handle_)
            handle_.destroy();
    }

private:
    explicit bare_task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

}  // namespace raw

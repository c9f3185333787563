#pragma once
// on_fiber(fn): code in the blocking style inside a coroutine. The coroutine is the host of a fiber: it
// switches to it, and whatever the fiber awaits, the host awaits for it. So the loop resumes nothing but
// coroutines, and every awaitable works in both worlds from one implementation. The awaitable's
// await_suspend runs on the host's stack, so that a task that is started by it runs as a coroutine and not
// on the fiber. What spawn starts on a fiber is such a coroutine too.

#include <ringlet/core/awaitable.hpp>
#include <ringlet/core/context.hpp>
#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/task.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <type_traits>

namespace ringlet {

/// What a fiber (or the main program) asks its host to wait for: an awaiter without its type. The host
/// co_awaits it.
struct suspend_request {
    void* awaiter = nullptr;
    bool (*suspend)(void* awaiter, std::coroutine_handle<> host) = nullptr;
    std::source_location where;  // of the await
    std::coroutine_handle<> host;  // who waits, as soon as it does
    std::exception_ptr error;  // from await_suspend itself

    template <class Awaiter>
    explicit suspend_request(Awaiter& a, std::source_location place) noexcept
        : awaiter(&a),
          suspend([](void* at, std::coroutine_handle<> h) {
              auto& self = *static_cast<Awaiter*>(at);
              using outcome = decltype(self.await_suspend(h));
              if constexpr (std::is_void_v<outcome>) {
                  self.await_suspend(h);
                  return true;
              } else if constexpr (std::is_same_v<outcome, bool>) {
                  return self.await_suspend(h);
              } else {
                  const std::coroutine_handle<> other = self.await_suspend(h);
                  if (other == h)
                      return false;
                  loop::current().resume_next(other);  // when the host has come to rest
                  return true;
              }
          }),
          where(place) {}

    bool await_ready() const noexcept { return false; }
    /// False: do not suspend, the answer (or an error) is there.
    bool await_suspend(std::coroutine_handle<> h) noexcept {
        host = h;
        try {
            return suspend(awaiter, h);
        } catch (...) {
            error = std::current_exception();
            return false;
        }
    }
    void await_resume() const noexcept {}

    /// For dump(): not where the host is, but the fiber or the main program.
    std::source_location awaited_at() const noexcept { return where; }
};

/// A fiber of the greenlet that makes it. It calls `fn` once, which must stay where it is; what that throws
/// comes out of go_on().
class fiber_host : private context, private hook {
public:
    template <class Fn>
    fiber_host(Fn& fn, std::size_t stack_size)
        : context(stack_size), call_([](void* at) { (*static_cast<Fn*>(at))(); }), fn_(std::addressof(fn)) {
        loop::current().fibers().push_back(*this);
    }
    ~fiber_host() override { unlink(); }

    const char* name() const noexcept override {
        const char* given = loop::current().running().given_name();
        return given != nullptr ? given : "greenlet";
    }
    std::uint64_t number() const noexcept override {
        const greenlet_base& owner = loop::current().running();
        return owner.given_name() != nullptr ? 0 : owner.id();
    }

    /// Runs the fiber until it waits; null when it is over.
    suspend_request* go_on() {
        host_ = &context::current();
        request_ = nullptr;
        request_ = static_cast<suspend_request*>(host_->switch_to(*active_, nullptr));
        if (error_) [[unlikely]]
            std::rethrow_exception(std::move(error_));
        return request_;
    }

    /// From the fiber (or one that it switched to): wait.
    void wait(suspend_request& request) {
        active_ = &context::current();
        void* message = active_->switch_to(*host_, &request);
        while (message != nullptr) [[unlikely]]
            message = answer(*static_cast<stack_question*>(message));
    }

    /// What it waits for; null while it runs.
    const suspend_request* waits_for() const noexcept { return request_; }

    /// Where it stands, innermost first, while it waits: asked by going there. Returns how many.
    std::size_t trace(std::span<void*> addresses);

private:
    friend class list<fiber_host>;

    struct stack_question {
        context* asker;
        std::span<void*> addresses;
        std::size_t count;
    };
    void* answer(stack_question& q);

    fiber_host* host() noexcept override { return this; }
    exit run(void*) override {
        try {
            call_(fn_);
        } catch (...) {
            error_ = std::current_exception();
        }
        return {host_, nullptr};
    }

    void (*call_)(void*);
    void* fn_;
    context* active_ = this;  // which stack to go on with: its own, or a fiber it switched to
    context* host_ = nullptr;
    suspend_request* request_ = nullptr;
    std::exception_ptr error_;
};

/// Awaitable: calls fn() on a fiber of the greenlet that awaits this, where it may block, and gives what it
/// returns or throws what it throws. `fn` is copied or moved in; so is the result on its way out.
///
///     const std::string text = co_await on_fiber([&] { return requests::get(url).text(); });
///
/// `stack_size` is as for spawn_options. Throws std::system_error when there is no memory for a stack.
template <class Fn>
task<std::invoke_result_t<Fn&>> on_fiber(Fn fn, std::size_t stack_size = default_stack_size) {
    using T = std::invoke_result_t<Fn&>;
    if constexpr (std::is_void_v<T>) {
        fiber_host fiber(fn, stack_size);
        while (suspend_request* request = fiber.go_on())
            co_await *request;
    } else if constexpr (std::is_lvalue_reference_v<T>) {
        std::remove_reference_t<T>* result = nullptr;
        co_await on_fiber([&] { result = std::addressof(fn()); }, stack_size);
        co_return *result;
    } else {
        std::optional<T> result;
        co_await on_fiber([&] { result.emplace(fn()); }, stack_size);
        co_return std::move(*result);
    }
}

}  // namespace ringlet

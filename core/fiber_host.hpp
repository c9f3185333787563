#pragma once
// A fiber of a greenlet is hosted by a coroutine, the greenlet's body: the host switches to the fiber,
// and whatever the fiber awaits, the host awaits for it. So the loop resumes nothing but coroutines,
// and every awaitable works in both worlds from one implementation. The awaitable's await_suspend runs
// on the host's stack, so that a task that is started by it runs as a coroutine and not on the fiber.

#include <ringlet/core/awaitable.hpp>
#include <ringlet/core/context.hpp>
#include <ringlet/core/greenlet_base.hpp>

#include <exception>
#include <source_location>
#include <span>

namespace ringlet {

/// What a fiber (or the main program) asks its host to wait for: an awaiter without its type. The host
/// co_awaits it.
struct suspend_request {
    void* awaiter = nullptr;
    bool (*suspend)(void* awaiter, std::coroutine_handle<> host) = nullptr;
    std::source_location where;  // of the await
    std::exception_ptr error;  // from await_suspend itself

    template <class Awaiter>
    explicit suspend_request(Awaiter& a, const std::source_location& place) noexcept
        : awaiter(&a),
          suspend([](void* at, std::coroutine_handle<> host) {
              auto& self = *static_cast<Awaiter*>(at);
              using outcome = decltype(self.await_suspend(host));
              if constexpr (std::is_void_v<outcome>) {
                  self.await_suspend(host);
                  return true;
              } else if constexpr (std::is_same_v<outcome, bool>) {
                  return self.await_suspend(host);
              } else {
                  const std::coroutine_handle<> other = self.await_suspend(host);
                  if (other == host)
                      return false;
                  loop::current().resume_next(other);  // when the host has come to rest
                  return true;
              }
          }),
          where(place) {}

    bool await_ready() const noexcept { return false; }
    /// False: do not suspend, the answer (or an error) is there.
    bool await_suspend(std::coroutine_handle<> host) noexcept {
        try {
            return suspend(awaiter, host);
        } catch (...) {
            error = std::current_exception();
            return false;
        }
    }
    void await_resume() const noexcept {}

    /// For dump(): not where the host is, but the fiber or the main program.
    std::source_location awaited_at() const noexcept { return where; }
};

/// The fiber behind a greenlet. Its call_on_fiber() runs on it once; what that throws comes out of go_on().
class fiber_host : private context {
public:
    fiber_host(greenlet_base& owner, std::size_t stack_size) : context(stack_size), owner_(owner) {}

    const char* name() const noexcept override {
        const char* given = owner_.given_name();
        return given != nullptr ? given : "greenlet";
    }
    std::uint64_t number() const noexcept override { return owner_.given_name() != nullptr ? 0 : owner_.id(); }

    /// Runs the fiber until it waits; null when it is over.
    suspend_request* go_on() {
        host_ = &context::current();
        request_ = static_cast<suspend_request*>(host_->switch_to(*active_, nullptr));
        if (error_)
            std::rethrow_exception(std::move(error_));
        return request_;
    }

    /// True when the code that asks runs on the fiber and may block it.
    bool on_fiber() const noexcept { return &context::current() != host_; }

    /// From the fiber (or one that it switched to): wait.
    void wait(suspend_request& request) {
        active_ = &context::current();
        void* message = active_->switch_to(*host_, &request);
        while (message != nullptr) [[unlikely]]
            message = answer(*static_cast<stack_question*>(message));
    }

    /// What it waits for, while it waits.
    const suspend_request& waits_for() const noexcept { return *request_; }

    /// Where it stands, innermost first, while it waits: asked by going there. Returns how many.
    std::size_t trace(std::span<void*> addresses);

private:
    struct stack_question {
        context* asker;
        std::span<void*> addresses;
        std::size_t count;
    };
    void* answer(stack_question& q);

    exit run(void*) override {
        try {
            owner_.call_on_fiber();
        } catch (...) {
            error_ = std::current_exception();
        }
        return {host_, nullptr};
    }

    greenlet_base& owner_;
    context* active_ = this;  // which stack to go on with: its own, or a fiber it switched to
    context* host_ = nullptr;
    suspend_request* request_ = nullptr;
    std::exception_ptr error_;
};

}  // namespace ringlet

#pragma once
// Switching stacks, in one place. A context is a point of execution: the thread's own stack or a
// fiber's. What belongs to the thread but must follow the context across a switch is saved and
// restored here: the C++ exception state (g++ keeps it per thread) and errno. Fibers for users are in
// fiber.hpp; greenlets that run on a fiber in fiber_host.hpp.

#include <ringlet/core/sanitizer.hpp>
#include <ringlet/core/stack.hpp>

namespace ringlet {

class context {
public:
    /// The function that runs on a new stack. It returns the context to go to when it is over; that
    /// context finds `message` as the result of its switch_to.
    struct exit {
        context* to;
        void* message;
    };
    using entry = exit (*)(context& self, void* message);

    context(const context&) = delete;
    context& operator=(const context&) = delete;

    /// Gives the stack back. The context must be over, or never have run.
    ~context();

    /// The point of execution that runs now on this thread.
    static context& current() noexcept { return current_ != nullptr ? *current_ : native(); }

    /// Stops here and goes on there. Returns when somebody switches back, with the message they sent.
    void* switch_to(context& there, void* message);

    /// True once the entry function has returned.
    bool over() const noexcept { return over_; }

    /// Tells what kind of context it is.
    bool runs(entry function) const noexcept { return run_ == function; }

    const stack& memory() const noexcept { return stack_; }
    const char* name() const noexcept { return name_; }
    void set_name(const char* name) noexcept { name_ = name; }

protected:
    /// A context of its own stack that will run `run` at the first switch to it.
    context(entry run, std::size_t stack_size);

private:
    struct thread_stack {};
    explicit constexpr context(thread_stack) noexcept {}

    struct transfer;
    friend struct context_entry;

    static context& native() noexcept;

    static inline constinit thread_local context* current_ = nullptr;

    void* point_ = nullptr;  // where to go on: boost::context::detail::fcontext_t
    entry run_ = nullptr;
    const char* name_ = "(unnamed)";
    stack stack_;
    sanitizer_stack sanitizer_;
    bool over_ = false;
};

}  // namespace ringlet

#pragma once
// Switching stacks, in one place. A context is a point of execution: the thread's own stack or a
// fiber's. What belongs to the thread but must follow the context across a switch is saved and
// restored here: the C++ exception state (g++ keeps it per thread) and errno. Fibers for users are in
// fiber.hpp; greenlets that run on a fiber in fiber_host.hpp.

#include <ringlet/core/check.hpp>
#include <ringlet/core/sanitizer.hpp>
#include <ringlet/core/stack.hpp>

#include <boost/context/detail/fcontext.hpp>

#include <cxxabi.h>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace ringlet {

class fiber_host;

namespace detail {
class fiber_state;
}

/// What belongs to the thread and must follow the context across a switch: the chain of caught
/// exceptions and the count of uncaught ones (what __cxa_get_globals points at, by the Itanium C++ ABI),
/// and errno. A context never changes its thread, so where they are is asked once.
class thread_state {
public:
    struct saved {
        struct {
            void* caught;
            unsigned uncaught;
        } exceptions;
        int error;
    };

    saved save() const noexcept {
        saved s;
        std::memcpy(&s.exceptions, exceptions_, sizeof s.exceptions);
        s.error = *error_;
        return s;
    }
    void restore(const saved& s) const noexcept {
        std::memcpy(exceptions_, &s.exceptions, sizeof s.exceptions);
        *error_ = s.error;
    }
    /// For a fiber that begins, and has thrown nothing.
    void clear() const noexcept { std::memset(exceptions_, 0, sizeof(saved::exceptions)); }

private:
    void* exceptions_ = __cxxabiv1::__cxa_get_globals();
    int* error_ = &errno;
};

class context {
public:
    /// Where to go when a context is over; the context there finds `message` as the result of its switch_to.
    struct exit {
        context* to;
        void* message;
    };

    context(const context&) = delete;
    context& operator=(const context&) = delete;

    /// Gives the stack back. The context must be over, or never have run.
    virtual ~context();

    /// The point of execution that runs now on this thread.
    static context& current() noexcept { return current_ != nullptr ? *current_ : native(); }

    /// The same without making anything, for signal handlers: null on a thread that has no fibers yet.
    static const context* current_or_null() noexcept { return current_; }

    /// Stops here and goes on there. Returns when somebody switches back, with the message they sent.
    void* switch_to(context& there, void* message) {
        check(!there.over_, "switched to a fiber that is over");
        const thread_state::saved mine = thread_.save();
        const transfer out{this, &there, message};
        announce_switch(sanitizer_, there.sanitizer_, false);
        const auto jump = boost::context::detail::jump_fcontext(there.point_, const_cast<transfer*>(&out));
        const auto* in = static_cast<const transfer*>(jump.data);
        in->from->point_ = jump.fctx;
        confirm_switch(sanitizer_, in->from->sanitizer_);
        current_ = this;
        thread_.restore(mine);
        return in->message;
    }

    /// Where the outermost function of every fiber begins: unwinding a stack must stop there.
    static const void* outermost() noexcept;

    /// True once run() has returned.
    bool over() const noexcept { return over_; }

    /// The fiber that the user made, if this is one (fiber.hpp).
    virtual detail::fiber_state* users_fiber() noexcept { return nullptr; }

    /// Who waits for what code on this stack awaits; null where code runs that cannot be suspended here.
    virtual fiber_host* host() noexcept { return nullptr; }

    const stack& memory() const noexcept { return stack_; }

    /// For the report of an overflow, which is made in a signal handler: a name, and if it has only a number
    /// as well, that.
    virtual const char* name() const noexcept { return "(unnamed)"; }
    virtual std::uint64_t number() const noexcept { return 0; }

protected:
    /// A context with a stack of its own, on which run() begins at the first switch to it, with the message
    /// that the switch brought.
    explicit context(std::size_t stack_size);

    virtual exit run(void* message);

private:
    struct thread_stack {};
    explicit context(thread_stack) noexcept {}

    /// What travels with a jump.
    struct transfer {
        context* from;
        context* to;
        void* message;
    };
    friend struct context_entry;

    static context& native() noexcept;

    static inline constinit thread_local context* current_ = nullptr;

    boost::context::detail::fcontext_t point_ = nullptr;  // where to go on
    stack stack_;
    [[no_unique_address]] sanitizer_stack sanitizer_;
    thread_state thread_;
    bool over_ = false;
};

}  // namespace ringlet

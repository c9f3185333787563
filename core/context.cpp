#include <ringlet/core/context.hpp>

#include <ringlet/core/check.hpp>

#include <boost/context/detail/fcontext.hpp>

#include <cerrno>
#include <cstring>
#include <cxxabi.h>

namespace ringlet {
namespace {

namespace fc = boost::context::detail;

/// What __cxa_get_globals points at, by the Itanium C++ ABI: the chain of caught exceptions and the
/// count of uncaught ones.
struct exception_state {
    void* caught;
    unsigned uncaught;
};

exception_state read_exception_state() noexcept {
    exception_state s;
    std::memcpy(&s, __cxxabiv1::__cxa_get_globals(), sizeof s);
    return s;
}

void write_exception_state(const exception_state& s) noexcept {
    std::memcpy(static_cast<void*>(__cxxabiv1::__cxa_get_globals()), &s, sizeof s);
}

}  // namespace

/// What travels with a jump.
struct context::transfer {
    context* from;
    context* to;
    void* message;
};

struct context_entry {
    [[noreturn]] static void run(fc::transfer_t jump) {
        const auto* t = static_cast<const context::transfer*>(jump.data);
        t->from->point_ = jump.fctx;
        context& self = *t->to;
        confirm_switch(self.sanitizer_, t->from->sanitizer_);
        context::current_ = &self;
        write_exception_state({});
        const context::exit e = self.run_(self, t->message);
        self.over_ = true;
        const context::transfer last{&self, e.to, e.message};
        announce_switch(self.sanitizer_, e.to->sanitizer_, true);
        fc::jump_fcontext(e.to->point_, const_cast<context::transfer*>(&last));
        check_failed("a context that is over was entered again", std::source_location::current());
    }
};

context& context::native() noexcept {
    static thread_local context thread{thread_stack()};
    current_ = &thread;
    return thread;
}

context::context(entry run, std::size_t stack_size) : run_(run) {
    watch_for_overflow();
    stack_ = take_stack(stack_size);
    sanitizer_.bottom = stack_.bottom;
    sanitizer_.size = stack_.size();
    open_stack(sanitizer_);
    point_ = fc::make_fcontext(stack_.top, stack_.size(), &context_entry::run);
}

context::~context() {
    if (!stack_)
        return;
    close_stack(sanitizer_);
    give_back(stack_);
}

void* context::switch_to(context& there, void* message) {
    check(!there.over_, "switched to a fiber that is over");
    const exception_state exceptions = read_exception_state();
    const int error = errno;

    const transfer out{this, &there, message};
    announce_switch(sanitizer_, there.sanitizer_, false);
    const fc::transfer_t jump = fc::jump_fcontext(there.point_, const_cast<transfer*>(&out));
    const auto* in = static_cast<const transfer*>(jump.data);
    in->from->point_ = jump.fctx;
    confirm_switch(sanitizer_, in->from->sanitizer_);
    current_ = this;

    write_exception_state(exceptions);
    errno = error;
    return in->message;
}

}  // namespace ringlet

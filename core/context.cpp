#include <ringlet/core/context.hpp>

#include <cstddef>
#include <new>

namespace ringlet {

namespace fc = boost::context::detail;

struct context_entry {
    [[noreturn]] static void run(fc::transfer_t jump) {
        const auto* t = static_cast<const context::transfer*>(jump.data);
        t->from->point_ = jump.fctx;
        context& self = *t->to;
        confirm_switch(self.sanitizer_, t->from->sanitizer_);
        context::current_ = &self;
        self.thread_.clear();
        const context::exit e = self.run(t->message);
        self.over_ = true;
        const context::transfer last{&self, e.to, e.message};
        announce_switch(self.sanitizer_, e.to->sanitizer_, true);
        fc::jump_fcontext(e.to->point_, const_cast<context::transfer*>(&last));
        check_failed("a context that is over was entered again", std::source_location::current());
    }
};

const void* context::outermost() noexcept { return reinterpret_cast<const void*>(&context_entry::run); }

context::exit context::run(void*) {
    check_failed("a thread's own stack is not begun", std::source_location::current());
}

context& context::native() noexcept {
    // Never destroyed: the loop of a thread may unwind fibers when the thread ends, and they come back here.
    alignas(context) static thread_local std::byte room[sizeof(context)];
    current_ = ::new (room) context(thread_stack());
    return *current_;
}

context::context(std::size_t stack_size) {
    watch_for_overflow();
    stack_ = take_stack(stack_size);
    open_stack(sanitizer_, stack_.bottom, stack_.size());
    point_ = fc::make_fcontext(stack_.top, stack_.size(), &context_entry::run);
}

context::~context() {
    if (!stack_)
        return;
    close_stack(sanitizer_);
    give_back(stack_);
}

}  // namespace ringlet

#include <ringlet/core/await.hpp>

#include <ringlet/core/hub.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/task.hpp>

#include <stdexcept>

namespace ringlet {
namespace {

[[noreturn]] void refuse() {
    throw std::logic_error("await: this code runs in a coroutine, which must co_await; a call that blocks "
                           "needs a fiber (spawn a function that does not return a task)");
}

/// The main program has no frame that the loop could resume, so this one stands in for it.
task<> main_wait(suspend_request& request, bool& done) {
    co_await hosted_wait(request);
    done = true;
}

void block_main(loop& l, suspend_request& request) {
    static thread_local bool blocked = false;
    if (blocked)
        refuse();
    blocked = true;
    bool done = false;
    std::string deadlock;
    const task<> wait = main_wait(request, done);
    l.run(wait.handle(), l.main());
    while (!l.run_until(done)) {
        if (deadlock.empty())
            deadlock = list_greenlets(l);
        l.main().abort_wait();  // what this unwinds is dropped: the deadlock is the news
    }
    blocked = false;
    if (!deadlock.empty())
        throw deadlock_error("deadlock: nothing can ever wake the greenlets that are left:" + deadlock);
}

}  // namespace

void block_on(suspend_request& request) {
    loop& l = hub();
    greenlet_base& self = l.running();
    if (&self == &l.main())
        block_main(l, request);
    else if (self.fiber() != nullptr && self.fiber()->on_fiber())
        self.fiber()->wait(request);
    else
        refuse();
}

}  // namespace ringlet

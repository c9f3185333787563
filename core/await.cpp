#include <ringlet/core/await.hpp>

#include <ringlet/core/hub.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/task.hpp>

#include <stdexcept>

namespace ringlet {
namespace {

/// The main program has no frame that the loop could resume, so this one stands in for it.
task<> main_wait(suspend_request& request, bool& done) {
    co_await request;
    done = true;
}

}  // namespace

void block_main(suspend_request& request) {
    static thread_local bool blocked = false;
    loop& l = hub();
    if (&l.running() != &l.main() || blocked)
        throw std::logic_error(
            "await: this code runs in a coroutine, which must co_await; a call that "
            "blocks needs a fiber (spawn a function that does not return a task)");
    bool done = false;
    bool stuck = false;
    std::string who;
    const task<> wait = main_wait(request, done);
    blocked = true;
    struct at_end {
        bool& blocked;
        ~at_end() { blocked = false; }
    } const unblock{blocked};
    l.run(wait.handle(), l.main());
    while (!l.run_until(done)) {
        if (!std::exchange(stuck, true))
            who = list_greenlets(l);
        if (l.main().waiting_on() == nullptr)
            break;  // it waits for something that is none of ours, and can be told nothing
        l.main().abort_wait();  // what this unwinds is dropped: the deadlock is the news
    }
    if (stuck)
        throw deadlock_error("deadlock: nothing can ever wake the greenlets that are left:" + who);
}

}  // namespace ringlet

// Signals that are waited for, and a server that ends by one.

#include "support/allocations.hpp"
#include "support/machine.hpp"
#include "support/seccomp.hpp"

#include <ringlet/core/spawn.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/signals.hpp>
#include <ringlet/io/sim.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>

namespace io_signals_test {

using namespace ringlet;
using story::on_this_machine;

int handled = 0;

TEST(signals, are_waited_for_in_the_order_of_their_coming) {
    on_this_machine([]() -> task<> {
        io::signals asked({SIGUSR1, SIGUSR2});
        ::raise(SIGUSR2);  // kept until somebody asks
        ::raise(SIGUSR1);
        EXPECT_EQ(co_await asked.next(), SIGUSR2);
        EXPECT_EQ(co_await asked.next(), SIGUSR1);
        const greenlet<int> waiting = spawn([&] { return asked.next(); });
        co_await yield();
        ::kill(::getpid(), SIGUSR1);
        EXPECT_EQ(co_await waiting.get(), SIGUSR1);
    });
}

TEST(signals, do_afterwards_what_they_did_before) {
    on_this_machine([]() -> task<> {
        struct sigaction mine = {}, before;
        mine.sa_handler = [](int) { ++handled; };
        ::sigaction(SIGUSR1, &mine, &before);
        {
            io::signals asked({SIGUSR1});
            ::raise(SIGUSR1);
            EXPECT_EQ(co_await asked.next(), SIGUSR1);
            EXPECT_EQ(handled, 0);
        }
        ::raise(SIGUSR1);
        EXPECT_EQ(handled, 1);
        ::sigaction(SIGUSR1, &before, nullptr);
    });
}

TEST(signals, belong_to_one_and_must_be_such_that_can_be_caught) {
    on_this_machine([]() -> task<> {
        io::signals first({SIGUSR1});
        EXPECT_EQ(story::error_of([] { io::signals second({SIGUSR2, SIGUSR1}); }),
                  "wait for SIGUSR1: somebody does already");
        io::signals other({SIGUSR2});  // which the one that failed has given back
        EXPECT_EQ(story::error_of([] { io::signals never({SIGKILL}); }), "wait for SIGKILL: Invalid argument");
        co_return;
    });
}

TEST(signals, of_the_real_process_do_what_they_did_in_a_simulated_world) {
    struct sigaction mine = {}, before;
    mine.sa_handler = [](int) { ++handled; };
    ::sigaction(SIGUSR1, &mine, &before);
    handled = 0;
    {
        sim::world w(1);
        int heard = 0;
        for (const char* name : {"one", "other"})
            w.host(name).boot([&]() -> task<> {
                io::signals asked({SIGUSR1});
                co_await asked.next();
                ++heard;
            });
        w.run_for(1s);
        ::raise(SIGUSR1);
        w.run_for(1s);
        EXPECT_EQ(handled, 1);
        EXPECT_EQ(heard, 0);
    }
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(signals, a_wait_can_be_given_up_and_loses_nothing) {
    on_this_machine([]() -> task<> {
        io::signals asked({SIGUSR1});
        EXPECT_FALSE(co_await as_result(with_timeout(1ms, asked.next())));
        ::raise(SIGUSR1);
        EXPECT_EQ(co_await asked.next(), SIGUSR1);
    });
}

TEST(signals, that_find_no_memory_are_nobodys) {
    on_this_machine([]() -> task<> {
        for (std::size_t allocations = 0;; ++allocations) {
            try {
                const story::memory_for little(allocations);
                const io::signals asked({SIGUSR1, SIGUSR2});
                break;
            } catch (const std::bad_alloc&) {}
            EXPECT_EQ(story::error_of([] { const io::signals asked({SIGUSR2, SIGUSR1}); }), "")
                << "after " << allocations << " allocations";
        }
        co_return;
    });
}

// --- a handler that runs on another thread while its `signals` goes -----------------------------------

std::atomic<bool> in_handler = false, gone = false, gone_before_its_end = false;

/// In the place of the handler's write: this is when `signals` goes, which has to wait for the handler.
void let_it_go(int) {
    in_handler = true;
    struct sigaction now;
    do  // until it has given the signal back, which it does first
        ::sigaction(SIGUSR1, nullptr, &now);
    while (now.sa_handler != SIG_IGN);
    for (int turns = 0; turns < 10'000 && !gone; ++turns)
        std::this_thread::yield();
    gone_before_its_end = gone.load();
}

/// For this thread: instead of a write there is SIGSYS.
bool trap_writes() {
    sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, __NR_write},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRAP},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const sock_fprog filter{sizeof program / sizeof program[0], program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// A thread that raises SIGUSR1 where writes are trapped; comes back when its handler is in the write, or there are no
/// traps here.
std::thread raise_and_stop_in_the_write(bool& allowed) {
    std::atomic<bool> tried = false;
    std::thread other([&] {
        allowed = trap_writes();
        if (allowed)
            ::raise(SIGUSR1);
        else
            tried = true;
    });
    while (!in_handler && !tried)
        std::this_thread::yield();
    return other;
}

TEST(signals, go_when_no_handler_on_another_thread_will_write_to_them_any_more) {
    bool allowed = true;
    struct sigaction trapped = {}, ignored = {}, before_sys, before_usr1;
    trapped.sa_handler = &let_it_go;
    ignored.sa_handler = SIG_IGN;
    ::sigaction(SIGSYS, &trapped, &before_sys);
    ::sigaction(SIGUSR1, &ignored, &before_usr1);
    std::thread other;
    on_this_machine([&]() -> task<> {
        {
            const io::signals asked({SIGUSR1});
            other = raise_and_stop_in_the_write(allowed);
        }
        gone = true;
        co_return;
    });
    other.join();
    ::sigaction(SIGUSR1, &before_usr1, nullptr);
    ::sigaction(SIGSYS, &before_sys, nullptr);
    if (!allowed)
        GTEST_SKIP() << "no seccomp filters here";
    EXPECT_FALSE(gone_before_its_end);
}

// --- a child that is forked while a handler runs on another thread ------------------------------------

std::atomic<bool> may_end = false;

/// In the place of the handler's write.
void stay(int) {
    in_handler = true;
    while (!may_end)
        std::this_thread::yield();
}

/// How the child ends that is forked while another thread is in the handler of `asked`.
int end_of_child_forked_in_handler(std::optional<io::signals>& asked) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(5);  // ends it if it waits for a thread that it has not
        asked.reset();
        { const io::signals anew({SIGUSR1}); }
        ::_exit(0);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status;
}

TEST(signals, of_a_forked_child_wait_for_no_handler_of_its_parent) {
    bool allowed = true;
    in_handler = false;
    struct sigaction trapped = {}, before_sys;
    trapped.sa_handler = &stay;
    ::sigaction(SIGSYS, &trapped, &before_sys);
    std::optional<io::signals> asked(std::in_place, std::initializer_list<int>{SIGUSR1});
    std::thread other = raise_and_stop_in_the_write(allowed);
    const int ended = in_handler ? end_of_child_forked_in_handler(asked) : 0;
    may_end = true;
    other.join();
    asked.reset();
    ::sigaction(SIGSYS, &before_sys, nullptr);
    if (!allowed)
        GTEST_SKIP() << "no seccomp filters here";
    EXPECT_EQ(ended, 0);
}

}  // namespace io_signals_test

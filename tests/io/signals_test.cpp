// Signals that are waited for, and a server that ends by one.

#include "support/machine.hpp"

#include <ringlet/core/spawn.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/signals.hpp>
#include <ringlet/io/sim.hpp>

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

}  // namespace io_signals_test

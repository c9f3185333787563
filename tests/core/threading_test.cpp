// Python's threading over greenlets. The programs with a transcript were run by Python with gevent's patches,
// and print the same here.

#include "support/gevent_world.hpp"

#include <ringlet/core/compat/threading.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <deque>
#include <mutex>

namespace core_threading_test {

using namespace ringlet;
using testing::ElementsAre;
using threading::Thread;

template <class Fn>
void story(Fn fn) {
    ringlet::run(io::make_virtual_time(), fn);
}

void nap(double seconds) { gevent::sleep(seconds); }

TEST(threading, a_thread_has_a_name_a_life_and_a_place_in_the_list) {
    story([] {
        threading::local<int> mine;
        std::vector<std::string> seen;
        const auto work = [&](int n) {
            mine.get() = n;
            await(sleep_for(1s));
            seen.push_back(threading::current_thread().name() + " " + std::to_string(mine.get()));
        };
        threading::Thread a(work, 1);
        threading::Thread b(threading::Thread::options().name("b").daemon(true), work, 2);
        EXPECT_FALSE(a.is_alive());
        EXPECT_EQ(a.ident(), 0u);
        EXPECT_THROW(a.join(), std::runtime_error);
        a.start();
        b.start();
        EXPECT_THROW(a.start(), std::runtime_error);
        EXPECT_EQ(threading::active_count(), 3u);
        EXPECT_THAT(threading::enumerate(), ElementsAre(threading::main_thread(), a, b));
        EXPECT_TRUE(b.daemon());
        a.join(0.5);
        EXPECT_TRUE(a.is_alive());
        a.join();
        b.join();
        EXPECT_FALSE(a.is_alive());
        EXPECT_EQ(threading::active_count(), 1u);
        EXPECT_THAT(seen, ElementsAre("Thread-1 1", "b 2"));
    });
}

TEST(threading, a_timer_fires_once_unless_it_was_cancelled) {
    story([] {
        int fired = 0;
        threading::Timer kept(2, [&](int n) { fired += n; }, 1);
        threading::Timer dropped(2, [&] { fired += 100; });
        kept.start();
        dropped.start();
        await(sleep_for(1s));
        dropped.cancel();
        kept.join();
        dropped.join();
        EXPECT_EQ(fired, 1);
    });
}

TEST(threading, the_end_of_the_main_thread_waits_for_those_that_are_no_daemons) {
    std::string order;
    threading::run([&] {
        threading::Thread a([&] {
            await(sleep_for(1ms));
            order += "worker ";
        });
        threading::Thread b(threading::Thread::options().daemon(true), [&] { await(sleep_for(1h)); });
        a.start();
        b.start();
        order += "main ";
    });
    EXPECT_EQ(order, "main worker ");
}

class threading_face : public story::gevent_program {
protected:
    template <class Fn>
    static void run_three(Fn fn) {
        std::vector<Thread> all;
        for (int i = 0; i < 3; ++i)
            all.emplace_back(fn, i);
        for (const Thread& t : all)
            t.start();
        for (const Thread& t : all)
            t.join();
    }
};

TEST_F(threading_face, a_thread_runs_to_its_first_wait_before_start_returns) {
    const auto work = [this](int n) {
        say("begin", n, threading::current_thread().name());
        nap(0.01);
        say("end", n);
    };
    std::vector<Thread> all;
    for (int i = 0; i < 2; ++i)
        all.emplace_back(Thread::options().name("T" + std::to_string(i)), work, i);
    for (const Thread& t : all) {
        t.start();
        say("started", t.name(), t.is_alive());
    }
    for (const Thread& t : threading::enumerate())
        say(t.name());
    for (const Thread& t : all) {
        t.join();
        say("joined", t.name(), t.is_alive());
    }
    say(threading::current_thread() == threading::main_thread(), threading::active_count());
    EXPECT_EQ(said, R"(
begin 0 T0
started T0 True
begin 1 T1
started T1 True
MainThread
T0
T1
end 0
end 1
joined T0 False
joined T1 False
True 1
)");
}

TEST_F(threading_face, nobody_can_join_what_has_not_begun_or_himself) {
    const Thread t([] { threading::current_thread().join(); });
    EXPECT_THROW(t.join(), std::runtime_error);
    EXPECT_THROW(threading::main_thread().join(), std::runtime_error);
    EXPECT_EQ(t.ident(), 0u);
    t.start();
    EXPECT_NE(t.ident(), threading::get_ident());
    t.join();
    EXPECT_THROW(t.start(), std::runtime_error);
    gevent::spawn([this] { print(threading::current_thread().name()); }).join();
    EXPECT_TRUE(printed.front().starts_with("Dummy-"));
}

TEST_F(threading_face, a_lock_lets_one_in_and_is_not_released_twice) {
    const threading::Lock lock;
    run_three([&](int n) {
        const std::lock_guard held(lock);
        say("in", n);
        nap(0);
        say("out", n);
    });
    EXPECT_TRUE(lock.acquire());
    EXPECT_FALSE(lock.acquire(false));
    EXPECT_FALSE(lock.acquire(true, 0.01));
    EXPECT_TRUE(lock.locked());
    lock.release();
    EXPECT_THROW(lock.release(), std::runtime_error);
    EXPECT_EQ(said, R"(
in 0
out 0
in 1
out 1
in 2
out 2
)");
}

TEST_F(threading_face, consumers_wait_for_a_condition_and_are_notified_in_their_order) {
    const threading::Condition changed;
    std::deque<int> items;
    std::vector<Thread> all;
    for (int i = 0; i < 3; ++i)
        all.emplace_back([&, i] {
            const std::lock_guard held(changed);
            while (items.empty()) {
                say("wait", i);
                changed.wait();
            }
            say("consumer", i, items.front());
            items.pop_front();
        });
    for (const Thread& t : all)
        t.start();
    changed.acquire();
    items = {1, 2};
    changed.notify(2);
    say("notified");
    changed.release();
    nap(0.01);
    changed.acquire();
    items = {3};
    changed.notify_all();
    say("all notified");
    changed.release();
    for (const Thread& t : all)
        t.join();
    EXPECT_EQ(said, R"(
wait 0
wait 1
wait 2
notified
consumer 0 1
consumer 1 2
all notified
consumer 2 3
)");
}

TEST_F(threading_face, a_barrier_lets_all_pass_and_the_last_first) {
    const threading::Barrier barrier(3, [this] { say("action"); });
    run_three([&](int n) {
        say("at", n);
        barrier.wait();
        say("past", n);
        barrier.wait();
        say("end", n);
    });
    EXPECT_EQ(said, R"(
at 0
at 1
at 2
action
past 2
past 0
past 1
action
end 0
end 1
end 2
)");
}

TEST_F(threading_face, a_barrier_breaks_when_one_gives_up_or_somebody_says_so) {
    const threading::Barrier barrier(2);
    const auto broken = [&](gevent::interval limit) {
        return [&, limit] { EXPECT_THROW(barrier.wait(limit), threading::BrokenBarrierError); };
    };
    const Thread impatient(broken(0.01));
    impatient.start();
    EXPECT_EQ(barrier.n_waiting(), 1u);
    impatient.join();
    EXPECT_TRUE(barrier.broken());
    EXPECT_THROW(barrier.wait(), threading::BrokenBarrierError);
    barrier.reset();
    EXPECT_FALSE(barrier.broken());

    const Thread reset(broken(gevent::None)), aborted(broken(gevent::None));
    reset.start();
    barrier.reset();
    reset.join();
    EXPECT_FALSE(barrier.broken());
    aborted.start();
    barrier.abort();
    aborted.join();
    EXPECT_TRUE(barrier.broken());
    const threading::Barrier fails(1, [] { throw std::out_of_range("action"); });
    EXPECT_THROW(fails.wait(), std::out_of_range);
    EXPECT_TRUE(fails.broken());
}

TEST_F(threading_face, who_waits_to_break_or_mend_a_barrier_means_the_one_of_that_name_then) {
    threading::Barrier barrier(1, [] { nap(1); });
    const threading::Barrier first = barrier;
    const auto holds = gevent::spawn([&] { first.wait(); });
    gevent::sleep(0);
    const auto breaks = gevent::spawn([&] { barrier.abort(); });
    gevent::sleep(0);
    barrier = threading::Barrier(1);
    gevent::joinall({holds, breaks});
    EXPECT_TRUE(first.broken());
    EXPECT_FALSE(barrier.broken());
}

TEST_F(threading_face, who_is_killed_at_a_barrier_has_not_come) {
    const threading::Barrier barrier(2);
    const auto killed = gevent::spawn([&] { barrier.wait(); });
    gevent::sleep(0);
    killed.kill();
    EXPECT_EQ(barrier.n_waiting(), 0u);
    const auto a = gevent::spawn([&] { return barrier.wait(); });
    const auto b = gevent::spawn([&] { return barrier.wait(); });
    EXPECT_EQ(a.get() + b.get(), 1u);
}

}  // namespace core_threading_test

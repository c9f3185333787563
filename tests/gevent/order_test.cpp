// In which order things happen: what gevent's test__order and test__issue330 ask for, and programs whose
// output was printed by gevent 22.10 itself.

#include "support/gevent_world.hpp"

namespace gevent_order_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using testing::ElementsAre;

class order : public story::gevent_program {};

TEST_F(order, links_are_called_in_the_order_of_linking) {
    std::vector<int> seen;
    const auto g = gevent::spawn([&] { seen.push_back(0); });
    for (int i = 1; i < 1000; ++i)
        g.link([&seen, i](const auto&) { seen.push_back(i); });
    g.join();
    ASSERT_EQ(seen.size(), 1000u);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST_F(order, sleep_0_lets_the_others_go_first) {
    const auto twice = [this](std::string name) {
        print(name + "A");
        gevent::sleep(0);
        print(name + "B");
    };
    gevent::spawn(twice, "1");
    gevent::spawn(twice, "2");
    gevent::wait();
    EXPECT_THAT(printed, ElementsAre("1A", "2A", "1B", "2B"));
}

TEST_F(order, of_those_due_at_the_same_moment_sleepers_come_before_limits_and_timeouts) {
    const auto sleeper = [this](const char* name) {
        gevent::sleep(1);
        print(name);
    };
    const auto limited = [this](const char* name) {
        Event().wait(1);
        print(name);
    };
    const auto timed_out = [this](const char* name) {
        gevent::with(Timeout(1, false), [] { gevent::sleep(10); });
        print(name);
    };
    gevent::joinall({gevent::spawn(limited, "limit 1"), gevent::spawn(sleeper, "sleep 2"),
                     gevent::spawn(timed_out, "timeout 3"), gevent::spawn(sleeper, "sleep 4"),
                     gevent::spawn(limited, "limit 5")});
    EXPECT_THAT(printed, ElementsAre("sleep 2", "sleep 4", "limit 1", "timeout 3", "limit 5"));
}

TEST_F(order, sleep_0_passes_twice_before_a_timeout_that_was_due_when_it_began) {
    EXPECT_TRUE(gevent::with(Timeout(0, false), [] {
        gevent::sleep(0);
        gevent::sleep(0);
    }));
}

TEST_F(order, who_was_killed_before_it_ran_never_runs) {
    const auto fail = [] { ADD_FAILURE() << "it ran"; };
    const auto a = gevent::spawn(fail), b = gevent::spawn(fail), c = gevent::spawn(fail);
    gevent::kill(a);
    b.kill();
    EXPECT_TRUE(a.ready()) << "at once, without a switch";
    EXPECT_TRUE(b.ready());
    gevent::killall({c});
    gevent::joinall({a, b, c});
    for (const auto& g : {a, b, c}) {
        EXPECT_TRUE(g.successful());
        EXPECT_FALSE(g.exception());
    }
}

TEST_F(order, a_kill_with_an_exception_raises_it) {
    struct my_exception {};
    bool caught = false;
    const auto g = gevent::spawn([&] {
        try {
            for (;;)
                gevent::sleep(0);
        } catch (const my_exception&) {
            caught = true;
        }
    });
    g.start();
    gevent::sleep();
    gevent::kill(g, my_exception());
    gevent::sleep();
    gevent::sleep();
    EXPECT_TRUE(caught);
    EXPECT_FALSE(g.exception());
}

TEST_F(order, the_killer_goes_on_before_the_links_of_the_killed_and_before_others) {
    const auto victim = gevent::spawn([this] {
        try {
            gevent::sleep(10);
        } catch (const GreenletExit&) {
            print("killed");
            throw;
        }
    });
    victim.link([this](const auto&) { print("link"); });
    gevent::sleep(0);
    gevent::spawn([this] { print("other"); });
    victim.kill();
    print("after kill");
    gevent::sleep(0);
    EXPECT_THAT(printed, ElementsAre("other", "killed", "after kill", "link"));
}

// The queue of the gevent tutorial: three workers, a boss, room for three.
TEST_F(order, workers_and_boss_share_a_bounded_queue_as_in_gevent) {
    Queue<int> tasks(3);
    const auto worker = [&](std::string name) {
        try {
            for (;;) {
                print(name + std::to_string(tasks.get(1)));
                gevent::sleep(0);
            }
        } catch (const Empty&) {
            print(name + " quits");
        }
    };
    const auto boss = [&] {
        for (int i = 1; i < 10; ++i)
            tasks.put(i);
        print("iteration 1");
        for (int i = 10; i < 15; ++i)
            tasks.put(i);
        print("iteration 2");
    };
    gevent::joinall(
        {gevent::spawn(worker, "s"), gevent::spawn(worker, "j"), gevent::spawn(worker, "b"), gevent::spawn(boss)});
    EXPECT_THAT(printed, ElementsAre("s1", "j2", "b3", "s4", "j5", "b6", "iteration 1", "s7", "j8", "b9", "s10",
                                     "j11", "b12", "iteration 2", "s13", "j14", "b quits", "s quits", "j quits"));
}

TEST_F(order, who_releases_a_semaphore_may_take_it_again_at_once) {
    BoundedSemaphore sem(2);
    const auto work = [&](int n) {
        for (int i = 0; i < 2; ++i) {
            sem.acquire();
            print(std::to_string(n) + " in");
            if (i == 1)
                gevent::sleep(0);
            sem.release();
            print(std::to_string(n) + " out");
        }
    };
    gevent::joinall({gevent::spawn(work, 1), gevent::spawn(work, 2), gevent::spawn(work, 3)});
    EXPECT_THAT(printed, ElementsAre("1 in", "1 out", "1 in", "2 in", "2 out", "2 in", "1 out", "2 out", "3 in",
                                     "3 out", "3 in", "3 out"));
}

TEST_F(order, who_finds_an_event_set_while_others_are_to_be_told_goes_after_them) {
    const Event e;
    const auto waiter = [&](int n) {
        return gevent::spawn([this, e, n] {
            e.wait();
            print("go " + std::to_string(n));
        });
    };
    const auto a = waiter(1), b = waiter(2);
    const auto setter = gevent::spawn([&] {
        e.set();
        print("set");
        e.wait();
        print("setter goes");
    });
    const auto c = waiter(3);
    gevent::joinall({a, b, setter, c});
    EXPECT_THAT(printed, ElementsAre("set", "go 1", "go 2", "setter goes", "go 3"));
}

TEST_F(order, a_channel_lets_the_getter_go_first) {
    const Channel<int> channel;
    gevent::spawn([&] {
        for (int i = 0; i < 3; ++i) {
            print("put " + std::to_string(i));
            channel.put(i);
            print("did " + std::to_string(i));
        }
        channel.put(StopIteration);
    });
    for (const int i : channel)
        print("got " + std::to_string(i));
    EXPECT_THAT(printed,
                ElementsAre("put 0", "got 0", "did 0", "put 1", "got 1", "did 1", "put 2", "got 2", "did 2"));
}

TEST_F(order, joinall_wakes_in_the_place_of_the_last_to_end) {
    const auto ends = [this](std::string name) {
        return gevent::spawn([this, name] {
            gevent::sleep(0);
            print(name);
        });
    };
    const auto a = ends("a"), b = ends("b");
    const auto joiner = gevent::spawn([&] {
        gevent::joinall({a, b});
        print("joined");
    });
    b.link([this](const auto&) { print("linked"); });
    const auto c = ends("c");
    gevent::joinall({joiner, c});
    EXPECT_THAT(printed, ElementsAre("a", "b", "c", "linked", "joined"));
}

TEST_F(order, late_links_of_one_greenlet_are_told_in_one_turn) {
    const auto g = gevent::spawn([] {});
    g.join();
    const auto others = [this] { gevent::spawn([this] { print("other"); }); };
    g.link([&](const auto& dead) {
        print("first");
        dead.link([this](const auto&) { print("by the first"); });
    });
    others();
    g.link([&](const auto&) {
        print("second");
        gevent::sleep(0);
        print("second again");
    });
    gevent::sleep(0);
    gevent::sleep(0);
    EXPECT_THAT(printed, ElementsAre("first", "second", "by the first", "other", "second again"));
}

TEST_F(order, a_link_that_is_added_while_others_are_told_comes_after_them_in_their_turn) {
    const auto g = gevent::spawn([this] { gevent::spawn([this] { print("next lap"); }); });
    g.link([this](const auto& dead) {
        print("early");
        dead.link([this](const auto&) { print("late"); });
    });
    g.rawlink([this](const auto&) { print("last"); });
    gevent::sleep(0);
    gevent::spawn([this] { print("other"); });
    gevent::sleep(0);
    EXPECT_THAT(printed, ElementsAre("next lap", "early", "last", "late", "other"));
}

}  // namespace gevent_order_test

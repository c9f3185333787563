// gevent.Greenlet: its life, its links, kill, get and join; the behaviours of test__greenlet.

#include "support/gevent_world.hpp"

#include <ringlet/core/queue.hpp>
#include <ringlet/core/semaphore.hpp>

#include <unistd.h>

namespace gevent_greenlet_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::counted;
using story::thrown_by;
using testing::ElementsAre;
using testing::SizeIs;

class greenlet_face : public story::gevent_program {};

TEST_F(greenlet_face, goes_through_its_states) {
    const Greenlet g(
        [](double delay, int result) {
            gevent::sleep(delay);
            return result;
        },
        0.01, 5);
    int linked = 0;
    g.rawlink([&](const auto&) { ++linked; });
    const auto expect = [&](bool started, bool over) {
        EXPECT_EQ(static_cast<bool>(g), started);
        EXPECT_EQ(g.started(), started);
        EXPECT_EQ(g.dead(), over);
        EXPECT_EQ(g.ready(), over);
        EXPECT_EQ(g.successful(), over);
        EXPECT_EQ(g.value(), over ? std::optional(5) : std::nullopt);
        EXPECT_FALSE(g.exception());
    };
    expect(false, false);
    g.start();
    expect(true, false);
    gevent::sleep(0.001);
    expect(true, false);
    EXPECT_EQ(linked, 0);
    gevent::sleep(0.02);
    expect(false, true);
    EXPECT_EQ(linked, 1);
}

TEST_F(greenlet_face, keeps_the_error_it_died_of) {
    const Greenlet g([] {
        gevent::sleep(0.01);
        throw std::out_of_range("5");
    });
    int linked = 0;
    g.rawlink([&](const auto&) { ++linked; });
    g.start();
    gevent::sleep(0.1);
    EXPECT_TRUE(g.dead());
    EXPECT_FALSE(g.started());
    EXPECT_FALSE(g.successful());
    EXPECT_TRUE(g.exception());
    EXPECT_EQ(linked, 1);
    EXPECT_EQ(thrown_by([&] { g.get(); }), "5");
    EXPECT_THAT(reports, SizeIs(0)) << "it was asked for";
}

TEST_F(greenlet_face, one_that_nobody_asks_is_reported) {
    gevent::spawn([] { throw std::out_of_range("unseen"); });
    gevent::sleep(0);
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_THAT(reports[0], testing::HasSubstr("unseen"));
    EXPECT_THAT(reports[0], testing::HasSubstr("greenlet_test.cpp:")) << "where it was spawned";
}

TEST_F(greenlet_face, sleeps_for_a_number_of_seconds_where_the_name_of_posix_is_in_sight_too) {
    sleep(0.5);
    EXPECT_NEAR(now(), 0.5, 0.01);
    sleep(2);
    EXPECT_NEAR(now(), 2.5, 0.01);
    sleep(1.5F);
    EXPECT_NEAR(now(), 4, 0.01);
}

TEST_F(greenlet_face, starts_later_and_only_once) {
    int runs = 0;
    Greenlet<> g([&] { ++runs; });
    g.start_later(0.5);
    EXPECT_TRUE(g.started());
    g.start_later(0.1);
    gevent::sleep(0.2);
    EXPECT_EQ(runs, 0);
    g.start();
    g.start();
    g.join();
    g.start();
    gevent::sleep(1);
    EXPECT_EQ(runs, 1);

    const auto killed = gevent::spawn_later(0.1, [&] { ++runs; });
    killed.kill();
    EXPECT_TRUE(killed.dead());
    gevent::sleep(1);
    EXPECT_EQ(runs, 1);
}

TEST_F(greenlet_face, a_start_of_one_that_starts_later_changes_nothing) {
    const Greenlet<> later([this] { print("runs"); });
    later.start_later(1);
    later.start();
    gevent::sleep(0.5);
    print("half a second");
    later.join();
    EXPECT_THAT(printed, ElementsAre("half a second", "runs"));
    EXPECT_NEAR(now(), 1, 0.01);
}

TEST_F(greenlet_face, link_gives_the_result_to_a_result_a_queue_a_channel_or_a_function) {
    const auto g = gevent::spawn([] { return 100; });
    for (int i = 0; i < 3; ++i) {
        const AsyncResult<int> result;
        g.link(result);
        EXPECT_EQ(result.get(), 100);
        const Queue<Greenlet<int>> queue;
        g.link(queue);
        EXPECT_EQ(queue.get().get(), 100);
    }
    const Channel<Greenlet<int>> channel;
    std::vector<Greenlet<int>> all;
    for (const int n : {101, 102, 103}) {
        all.push_back(gevent::spawn([n] { return n; }));
        all.back().link(channel);
    }
    std::vector<int> results;
    for (int i = 0; i < 3; ++i)
        results.push_back(channel.get().get());
    EXPECT_THAT(results, ElementsAre(101, 102, 103));
}

TEST_F(greenlet_face, link_value_and_link_exception_choose) {
    const auto ends_well = gevent::spawn([] { return 1; });
    const auto fails = gevent::spawn([]() -> int { throw std::out_of_range("x"); });
    const auto killed = gevent::spawn([] {
        gevent::sleep(10);
        return 1;
    });
    gevent::sleep(0);
    const auto outcome = [this](const auto& g, std::string name) {
        g.link([this, name](const auto&) { print(name + " ended"); });
        g.link_value([this, name](const auto&) { print(name + " returned"); });
        g.link_exception([this, name](const auto&) { print(name + " failed"); });
    };
    outcome(ends_well, "a");
    outcome(fails, "b");
    outcome(killed, "c");
    killed.kill();
    gevent::sleep(0);
    EXPECT_THAT(printed, ElementsAre("a ended", "a returned", "b ended", "b failed", "c ended", "c returned"));
    EXPECT_TRUE(fails.exception());
}

TEST_F(greenlet_face, an_exception_reaches_a_linked_result) {
    const auto g = gevent::spawn([]() -> int { throw std::out_of_range("x"); });
    const AsyncResult<int> result;
    g.link(result);
    EXPECT_EQ(thrown_by([&] { result.get(); }), "x");
    EXPECT_FALSE(result.successful());
    EXPECT_TRUE(result.exception());
}

TEST_F(greenlet_face, unlink_takes_a_link_back) {
    const auto g = gevent::spawn([] {});
    const auto link = g.link([](const auto&) { ADD_FAILURE(); });
    EXPECT_EQ(g.has_links(), 1u);
    EXPECT_TRUE(g.unlink(link));
    EXPECT_FALSE(g.unlink(link));
    EXPECT_EQ(g.has_links(), 0u);
    g.link_value([](const auto&) { ADD_FAILURE(); });
    g.rawlink([](const auto&) { ADD_FAILURE(); });
    g.unlink_all();
    EXPECT_EQ(g.has_links(), 0u);
    g.join();
    gevent::sleep(0);
}

TEST_F(greenlet_face, a_link_that_fails_does_not_keep_the_others_from_being_called) {
    const auto g = gevent::spawn([] { return 5; });
    g.link([this](const auto&) {
        print("1");
        throw std::out_of_range("listener");
    });
    g.rawlink([this](const auto&) {
        print("2");
        throw std::out_of_range("raw listener");
    });
    g.link([this](const auto&) { print("3"); });
    gevent::sleep(0.1);
    EXPECT_THAT(printed, ElementsAre("1", "2", "3"));
    EXPECT_THAT(reports, SizeIs(2));
}

TEST_F(greenlet_face, a_link_may_take_back_those_after_it) {
    const auto g = gevent::spawn([] { return 5; });
    std::uint64_t second = 0;
    g.link([&](const auto& over) { EXPECT_TRUE(over.unlink(second)); });
    second = g.link([](const auto&) { ADD_FAILURE(); });
    gevent::sleep(0.1);
}

TEST_F(greenlet_face, get_gives_times_out_and_does_not_block_if_told) {
    const auto g = gevent::spawn([] {
        gevent::sleep(1);
        return std::string("done");
    });
    EXPECT_EQ(thrown_by([&] { g.get(false); }), "Timeout: ");
    EXPECT_EQ(thrown_by([&] { g.get(0.1); }), "Timeout: 0.1 seconds");
    EXPECT_EQ(thrown_by([&] { g.get(true, 0.1); }), "Timeout: 0.1 seconds");
    EXPECT_FALSE(g.ready());
    EXPECT_EQ(g.get(), "done");
    EXPECT_EQ(g.get(false), "done");
    EXPECT_EQ(g.get(0), "done");
}

TEST_F(greenlet_face, join_waits_for_so_long_and_no_longer) {
    const auto g = gevent::spawn([] { gevent::sleep(10); });
    EXPECT_FALSE(g.join(0.1));
    EXPECT_NEAR(now(), 0.1, 0.01);
    EXPECT_FALSE(g.join(0));
    EXPECT_TRUE(g.join(None));
    EXPECT_NEAR(now(), 10, 0.01);
    EXPECT_TRUE(g.join());
}

TEST_F(greenlet_face, a_killed_one_is_successful_and_has_no_value) {
    const auto g = gevent::spawn([kept = counted(1)] {
        gevent::sleep(10);
        return 1;
    });
    const auto nothing = gevent::spawn([] { gevent::sleep(10); });
    gevent::sleep(0);
    g.kill();
    nothing.kill();
    EXPECT_TRUE(g.dead());
    EXPECT_TRUE(g.successful());
    EXPECT_FALSE(g.exception());
    EXPECT_FALSE(g.value());
    EXPECT_THROW(g.get(), ringlet::greenlet_killed);
    nothing.get();
}

TEST_F(greenlet_face, a_kill_with_an_exception_is_a_failure) {
    const auto started = gevent::spawn([] { gevent::sleep(10); });
    gevent::sleep(0);
    const auto unstarted = gevent::spawn([] { ADD_FAILURE(); });
    unstarted.kill(std::out_of_range("b"));
    started.kill(std::out_of_range("a"));
    EXPECT_EQ(thrown_by([&] { started.get(); }), "a");
    EXPECT_EQ(thrown_by([&] { unstarted.get(); }), "b");
    EXPECT_FALSE(started.successful());
}

TEST_F(greenlet_face, a_kill_comes_once_and_who_catches_it_lives_on) {
    int shots = 0;
    const auto undead = gevent::spawn([&] {
        for (;;) {
            try {
                gevent::sleep(1);
            } catch (const std::out_of_range&) {
                return;
            } catch (const GreenletExit&) {
                ++shots;
            }
        }
    });
    gevent::sleep(0);
    undead.kill(false);
    EXPECT_EQ(shots, 0);
    gevent::sleep(0);
    EXPECT_EQ(shots, 1);
    undead.kill(true, 0.5);
    EXPECT_NEAR(now(), 0.5, 0.01);
    EXPECT_EQ(shots, 2);
    EXPECT_FALSE(undead.dead());
    gevent::sleep(5);
    EXPECT_EQ(shots, 2);
    undead.kill(std::out_of_range("the silver bullet"));
    EXPECT_TRUE(undead.dead());
    EXPECT_FALSE(undead.exception());
}

TEST_F(greenlet_face, a_kill_waits_for_the_one_that_it_was_asked_of) {
    std::map<int, Greenlet<>> workers;
    workers[1] = gevent::spawn([&] {
        try {
            gevent::sleep(100);
        } catch (const GreenletExit&) {
            workers[1] = gevent::spawn([] { gevent::sleep(10); });
            gevent::sleep(1);
        }
    });
    gevent::sleep(0);
    workers[1].kill();
    EXPECT_NEAR(now(), 1, 0.1);
}

TEST_F(greenlet_face, a_greenlet_can_kill_itself) {
    const auto g = gevent::spawn([] {
        gevent::getcurrent().kill();
        ADD_FAILURE();
    });
    g.join();
    EXPECT_TRUE(g.successful());
}

TEST_F(greenlet_face, a_kill_overtakes_the_turn_of_who_is_ready) {
    const auto steps = [this](std::string name) {
        try {
            for (int i = 0;; ++i) {
                print(name + std::to_string(i));
                gevent::sleep(0);
            }
        } catch (const GreenletExit&) {
            print(name + " ends");
            throw;
        }
    };
    const auto a = gevent::spawn(steps, "a"), b = gevent::spawn(steps, "b");
    gevent::sleep(0);
    a.kill(false);
    gevent::sleep(0);
    print("asked");
    b.kill();
    print("killed");
    EXPECT_THAT(printed, ElementsAre("a0", "b0", "a1", "b1", "a ends", "asked", "b2", "b ends", "killed"));
}

TEST_F(greenlet_face, a_greenlet_that_asks_for_its_own_kill_does_not_pass_its_next_sleep) {
    const auto g = gevent::spawn([] {
        gevent::getcurrent().kill(false);
        gevent::sleep(0);
        ADD_FAILURE();
    });
    g.join();
    EXPECT_TRUE(g.successful());
}

TEST_F(greenlet_face, who_waits_for_the_killed_and_is_killed_too_does_not_learn_of_its_end) {
    const auto worker = [] { gevent::sleep(10); };
    const auto told = [this](auto wait) {
        return gevent::spawn([this, wait] {
            try {
                wait();
                print("the worker is gone");
            } catch (const GreenletExit&) {
                print("stops");
                throw;
            }
        });
    };
    for (const bool one_by_one : {false, true}) {
        const auto w = gevent::spawn(worker);
        const auto joins = told([w] { w.join(); }), gets = told([w] { w.get(); });
        const auto joins_all = told([w] { gevent::joinall({w}); });
        const auto in_time = told([w] { w.join(5); });
        gevent::sleep(0);
        if (!one_by_one) {
            gevent::killall({w, joins, gets, joins_all, in_time});
        } else {
            for (const AnyGreenlet& each : {AnyGreenlet(w), AnyGreenlet(joins), AnyGreenlet(gets),
                                            AnyGreenlet(joins_all), AnyGreenlet(in_time)})
                each.kill(false);
            gevent::joinall({joins, gets, joins_all, in_time});
        }
        EXPECT_THAT(std::exchange(printed, {}), ElementsAre("stops", "stops", "stops", "stops"));
    }
}

TEST_F(greenlet_face, a_greenlet_can_kill_its_joiner_with_its_last_words) {
    AnyGreenlet joiner;
    const auto g = gevent::spawn([&] {
        gevent::sleep(1);
        joiner.kill(false);
    });
    joiner = gevent::spawn([&] {
        g.join();
        ADD_FAILURE();
    });
    joiner.join();
    EXPECT_TRUE(joiner.successful());
}

// What gevent leaves in the queue or in the lock for others, core has handed over.
TEST_F(greenlet_face, what_core_has_handed_over_is_delivered_before_the_kill) {
    ringlet::queue<int> items;
    ringlet::semaphore permits(0);
    std::string ended;
    const auto waits = [&](auto wait) {
        return gevent::spawn([&ended, wait] {
            wait();
            ended += "has it, ";
            try {
                gevent::sleep(0);
            } catch (const GreenletExit&) {
                ended += "and ends; ";
            }
        });
    };
    const auto getter = waits([&] { EXPECT_EQ(ringlet::await(items.get()), 7); });
    const auto taker = waits([&] { ringlet::await(permits.acquire()); });
    gevent::sleep(0);
    getter.kill(false);
    taker.kill(false);
    ringlet::await(items.put(7));
    permits.release();
    gevent::joinall({getter, taker});
    EXPECT_EQ(ended, "has it, and ends; has it, and ends; ");
}

TEST_F(greenlet_face, getcurrent_names_it) {
    AnyGreenlet seen;
    const auto g = gevent::spawn([&] { seen = gevent::getcurrent(); });
    g.join();
    EXPECT_EQ(seen, g);
    EXPECT_NE(gevent::getcurrent(), seen);
    EXPECT_EQ(gevent::getcurrent().name(), "main");
    g.set_name("Foo");
    EXPECT_EQ(seen.name(), "Foo");
    EXPECT_GT(g.minimal_ident(), 0u);
}

TEST_F(greenlet_face, owns_its_function_and_arguments_until_it_is_over) {
    auto g = gevent::spawn([](const counted& c) { gevent::sleep(c.value); }, counted(1));
    gevent::sleep(0);
    EXPECT_GE(counted::alive(), 1u);
    g.join();
    EXPECT_EQ(counted::alive(), 0u);
}

TEST_F(greenlet_face, with_joins_it_or_kills_it_when_the_body_fails) {
    const auto worker = [this] {
        gevent::sleep(1);
        print("worker");
    };
    const Greenlet<> joined(worker);
    joined.start();
    gevent::with(joined, [this] { print("body"); });
    EXPECT_THAT(printed, ElementsAre("body", "worker"));
    const auto killed = gevent::spawn(worker);
    EXPECT_EQ(thrown_by([&] { gevent::with(killed, [] { throw std::runtime_error("body failed"); }); }),
              "body failed");
    EXPECT_TRUE(killed.dead());
    EXPECT_EQ(thrown_by([&] { killed.get(); }), "body failed") << "it was killed with what the body threw";
    EXPECT_EQ(printed.size(), 2u);
}

TEST_F(greenlet_face, with_joins_the_one_that_it_began_with) {
    auto worker = gevent::spawn([] { gevent::sleep(1); });
    const auto first = worker;
    gevent::with(worker, [&] { worker = gevent::spawn([] {}); });
    EXPECT_TRUE(first.dead());
}

TEST_F(greenlet_face, can_be_any_callable_object_and_be_started_later) {
    struct counter {
        int operator()(int x) { return calls += x; }
        int calls = 0;
    };
    const Greenlet g(counter(), 7);
    EXPECT_FALSE(g.started() || g.ready());
    g.start();
    EXPECT_EQ(g.get(), 7);
    EXPECT_EQ(Greenlet<int>::spawn(counter(), 1).get(), 1);
    EXPECT_EQ(Greenlet<int>::spawn_later(1, counter(), 2).get(), 2);
    EXPECT_NEAR(now(), 1, 0.01);
}

}  // namespace gevent_greenlet_test

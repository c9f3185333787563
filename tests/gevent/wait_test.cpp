// gevent.wait, iwait, joinall, killall, sleep, idle, LoopExit: the behaviours of test__iwait, test__hub,
// test__hub_join and what test__greenlet and test__greenletset say of joinall and killall.

#include "support/gevent_world.hpp"

namespace gevent_wait_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::thrown_by;
using testing::ElementsAre;
using testing::SizeIs;

class wait_face : public story::gevent_program {
protected:
    static Greenlet<int> sleeper(double seconds) {
        return gevent::spawn([seconds] {
            gevent::sleep(seconds);
            return static_cast<int>(seconds);
        });
    }
    /// Catches the first GreenletExit, and goes on for another second.
    static Greenlet<> stubborn() {
        return gevent::spawn([] {
            try {
                gevent::sleep(1.5);
            } catch (const GreenletExit&) {
                gevent::sleep(1);
            }
        });
    }
};

TEST_F(wait_face, iwait_gives_what_is_ready_one_by_one) {
    std::vector<int> order;
    for (const auto& g : gevent::iwait(std::vector{sleeper(3), sleeper(1), sleeper(2)}))
        order.push_back(g.get());
    EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST_F(wait_face, others_run_between_what_iwait_gives) {
    std::vector<int> order;
    for (const auto& g : gevent::iwait(std::vector{sleeper(3), sleeper(1), sleeper(2)})) {
        gevent::sleep(10);
        order.push_back(g.get());
    }
    EXPECT_THAT(order, ElementsAre(1, 2, 3));
    EXPECT_NEAR(now(), 31, 0.1);
}

TEST_F(wait_face, iwait_can_be_left_early) {
    const Semaphore s(1), unavailable(0);
    int seen = 0;
    for (const auto& ready : gevent::iwait({s, unavailable})) {
        EXPECT_TRUE(ready == s);
        ++seen;
        break;
    }
    EXPECT_EQ(seen, 1);
    unavailable.release();
    EXPECT_EQ(unavailable.counter(), 1u);
}

TEST_F(wait_face, who_is_cut_short_in_iwait_can_ask_again_for_all_that_is_left) {
    auto all = gevent::iwait(std::vector{sleeper(1), sleeper(2)});
    EXPECT_THROW(gevent::with(Timeout(0.5), [&] { all.next(); }), Timeout);
    EXPECT_EQ(all.next()->get(), 1);
    EXPECT_EQ(all.next()->get(), 2);
    EXPECT_FALSE(all.next());
}

TEST_F(wait_face, iwait_ends_when_time_is_up) {
    int seen = 0;
    for (const auto& g : gevent::iwait(std::vector{sleeper(1), sleeper(2), sleeper(30)}, 5)) {
        EXPECT_TRUE(g.ready());
        ++seen;
    }
    EXPECT_EQ(seen, 2);
    EXPECT_NEAR(now(), 5, 0.01);
}

TEST_F(wait_face, wait_takes_things_of_every_kind) {
    const Event e;
    const Semaphore s(0);
    const AsyncResult<int> r;
    const auto g = sleeper(3);
    gevent::spawn_later(1, [&] { s.release(); });
    gevent::spawn_later(2, [&] { r.set(1); });
    gevent::spawn_later(4, [&] { e.set(); });
    const auto order = gevent::wait({e, s, r, g});
    ASSERT_THAT(order, SizeIs(4));
    EXPECT_TRUE(order[0] == s && order[1] == r && order[2] == g && order[3] == e);
    EXPECT_EQ(s.counter(), 1u);
}

TEST_F(wait_face, a_queue_is_ready_when_an_item_is_there_or_none_will_come) {
    const Queue<int> q, shut;
    gevent::spawn_later(1, [&] { q.put(5); });
    gevent::spawn_later(2, [&] { shut.shutdown(); });
    const auto order = gevent::wait({shut, q}, 10);
    ASSERT_THAT(order, SizeIs(2));
    EXPECT_TRUE(order[0] == q && order[1] == shut);
    EXPECT_EQ(q.qsize(), 1u) << "nobody took it";
    EXPECT_THAT(gevent::wait({q}, 1), SizeIs(1)) << "it is ready already";
    q.get();
    EXPECT_THAT(gevent::wait({q}, 1), SizeIs(0));
}

TEST_F(wait_face, joinall_gives_those_that_ended) {
    const auto a = sleeper(1), b = sleeper(2), c = sleeper(30);
    EXPECT_TRUE(gevent::joinall(std::vector{c, b, a}, 5) == (std::vector{a, b}));
    EXPECT_THAT(gevent::joinall({a, c}, None, false, 1), ElementsAre(a));
    EXPECT_FALSE(c.ready());
    EXPECT_THAT(gevent::joinall(std::vector<Greenlet<>>()), SizeIs(0));
    EXPECT_THAT(gevent::joinall({c}, 0), SizeIs(0));
}

TEST_F(wait_face, joinall_raises_the_earliest_error_if_told) {
    const auto late = gevent::spawn([] {
        gevent::sleep(0.1);
        throw std::out_of_range("first in the list");
    });
    const auto early = gevent::spawn([] { throw std::out_of_range("first in time"); });
    EXPECT_EQ(thrown_by([&] { gevent::joinall({late, early}, None, true); }), "first in time");
    EXPECT_EQ(thrown_by([&] { gevent::joinall({late, early}); }), "nothing");
    EXPECT_TRUE(late.exception());
    const auto fine = sleeper(1);
    EXPECT_EQ(thrown_by([&] { gevent::joinall({fine}, None, true); }), "nothing");
}

TEST_F(wait_face, killall_returns_when_all_are_over) {
    std::vector<AnyGreenlet> all{sleeper(10), sleeper(20), stubborn()};
    gevent::sleep(0);
    gevent::killall(all);
    for (const auto& g : all)
        EXPECT_TRUE(g.dead());
    EXPECT_NEAR(now(), 1, 0.01);
}

TEST_F(wait_face, killall_raises_any_object) {
    const auto nap = [] { gevent::sleep(10); };
    const std::vector<Greenlet<>> listed{gevent::spawn(nap)};
    const auto named = gevent::spawn(nap);
    gevent::sleep(0);
    gevent::killall(listed, GreenletExit());
    gevent::killall({named}, std::runtime_error("named"));
    EXPECT_TRUE(listed[0].successful());
    EXPECT_EQ(thrown_by([&] { named.get(); }), "named");
    static_assert(raisable<GreenletExit> && raisable<std::runtime_error>);
    static_assert(!raisable<double> && !raisable<bool> && !raisable<std::chrono::seconds>, "no timeouts");
}

TEST_F(wait_face, killall_without_block_returns_at_once) {
    const std::vector<Greenlet<int>> all{sleeper(1), sleeper(1)};
    gevent::sleep(0);
    gevent::killall(all, std::make_exception_ptr(std::out_of_range("x")), false);
    EXPECT_FALSE(all[0].dead());
    gevent::sleep(0);
    EXPECT_TRUE(all[0].dead() && all[1].dead());
    EXPECT_TRUE(all[0].exception() && all[1].exception());
}

TEST_F(wait_face, killall_throws_when_some_take_too_long) {
    const std::vector<Greenlet<>> unstarted{stubborn(), stubborn()};
    gevent::killall(unstarted, std::make_exception_ptr(GreenletExit()), true, 0.5);
    EXPECT_TRUE(unstarted[0].dead() && unstarted[1].dead());
    EXPECT_NEAR(now(), 0, 0.001);

    const std::vector<Greenlet<>> started{stubborn(), stubborn()};
    gevent::sleep(0.01);
    EXPECT_EQ(thrown_by([&] { gevent::killall(started, std::make_exception_ptr(GreenletExit()), true, 0.5); }),
              "Timeout: 0.5 seconds");
    EXPECT_FALSE(started[0].dead() || started[1].dead());
}

TEST_F(wait_face, wait_without_objects_waits_for_everything) {
    EXPECT_TRUE(gevent::wait());
    EXPECT_TRUE(gevent::wait());
    int over = 0;
    gevent::spawn([&] {
        gevent::sleep(5);
        gevent::spawn_later(5, [&] { ++over; });
        ++over;
    });
    EXPECT_FALSE(gevent::wait(1));
    EXPECT_NEAR(now(), 1, 0.01);
    EXPECT_TRUE(gevent::wait(100));
    EXPECT_EQ(over, 2);
    EXPECT_NEAR(now(), 10, 0.01);
    gevent::sleep(0.01);
    EXPECT_TRUE(gevent::wait());
}

TEST_F(wait_face, only_main_can_wait_for_everything) {
    const auto g = gevent::spawn([] { return gevent::wait(); });
    EXPECT_THROW(g.get(), std::logic_error);
}

TEST_F(wait_face, a_wait_that_can_never_end_is_a_loop_exit_and_the_program_goes_on) {
    const Event e;
    const auto g = gevent::spawn([e] { e.wait(); });
    EXPECT_THAT(thrown_by([&] { g.join(); }), testing::HasSubstr("waits for an Event"));
    EXPECT_THROW(e.wait(), LoopExit);
    gevent::sleep(1);
    e.set();
    g.get();
}

TEST_F(wait_face, sleeping_takes_any_kind_of_time) {
    using namespace std::chrono_literals;
    gevent::sleep();
    gevent::sleep(0);
    gevent::sleep(-1);
    EXPECT_NEAR(now(), 0, 0.001);
    gevent::sleep(1);
    gevent::sleep(0.5f);
    gevent::sleep(500ms);
    EXPECT_NEAR(now(), 2, 0.001);
}

TEST_F(wait_face, idle_lets_everybody_else_finish_first) {
    for (int i = 0; i < 3; ++i)
        gevent::spawn([this] {
            for (int j = 0; j < 3; ++j) {
                print("x");
                gevent::sleep(0);
            }
        });
    gevent::idle();
    EXPECT_THAT(printed, SizeIs(9));
}

TEST_F(wait_face, a_function_on_the_hub_must_not_block) {
    const auto g = gevent::spawn([] {});
    g.rawlink([](const auto&) { gevent::sleep(1); });
    gevent::sleep(0.1);
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_THAT(reports[0], testing::HasSubstr("blocks"));
}

}  // namespace gevent_wait_test

// greenlet<T>: spawn, join, get, links and handles, and how those end that return or fail. The handles are the same
// for coroutines and fibers, so each story is told by both. Who is killed or interrupted is in kill_test.cpp.

#include "support/story.hpp"

#include <ringlet/core/event.hpp>

#include <gmock/gmock.h>

namespace core_greenlet_test {

using namespace ringlet;
using story::in_virtual_time;
using testing::ElementsAre;
using testing::HasSubstr;

template <class World>
class greenlets : public testing::Test {
protected:
    void SetUp() override {
        set_report_sink([this](std::string_view text) { reports.emplace_back(text); });
    }
    void TearDown() override { set_report_sink(nullptr); }

    std::vector<std::string> reports;
};
TYPED_TEST_SUITE(greenlets, story::both_worlds, story::world_names);

TYPED_TEST(greenlets, join_waits_for_the_end_and_get_gives_the_result) {
    using task = typename TypeParam::template task<int>;
    in_virtual_time([]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([]() -> task {
            co_await sleep_for(1s);
            co_return 5;
        });
        EXPECT_FALSE(g.ready());
        EXPECT_FALSE(g.successful());
        const time_point begin = loop::current().now();
        co_await g.join();
        EXPECT_GE(loop::current().now() - begin, 1s);
        EXPECT_TRUE(g.ready());
        EXPECT_TRUE(g.successful());
        EXPECT_EQ(co_await g.get(), 5);
        EXPECT_EQ(co_await g.get(), 5);
        EXPECT_FALSE(g.exception());
        co_await g.join();
    });
    EXPECT_TRUE(this->reports.empty());
}

TYPED_TEST(greenlets, several_joiners_wake_in_the_order_of_their_asking) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = spawn([] { await(sleep_for(1s)); });
        const auto joiner = [&](char name) {
            return TypeParam::spawn([&order, g, name]() -> task {
                co_await g.join();
                order += name;
            });
        };
        joiner('a');
        joiner('b');
        const auto last = joiner('c');
        co_await last.join();
    });
    EXPECT_EQ(order, "abc");
}

TYPED_TEST(greenlets, get_rethrows_the_error_and_join_does_not) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([]() -> task {
            co_await yield();
            throw std::runtime_error("broken");
        });
        co_await g.join();
        EXPECT_TRUE(g.ready());
        EXPECT_FALSE(g.successful());
        std::string seen;
        try {
            co_await g.get();
        } catch (const std::runtime_error& e) {
            seen = e.what();
        }
        EXPECT_EQ(seen, "broken");
        EXPECT_TRUE(g.exception());
    });
    EXPECT_TRUE(this->reports.empty());
}

TYPED_TEST(greenlets, an_error_that_nobody_asks_for_is_reported_exactly_once_and_the_loop_goes_on) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        {
            const auto g = TypeParam::spawn([]() -> task {
                co_await yield();
                throw std::runtime_error("disk full");
            });
            g.set_name("writer");
            co_await g.join();
        }
        co_await sleep_for(1s);
        TypeParam::spawn([]() -> task {
            co_await yield();
            throw 42;
        });
        co_await sleep_for(1s);
    });
    ASSERT_EQ(this->reports.size(), 2u);
    EXPECT_THAT(this->reports[0], HasSubstr("writer"));
    EXPECT_THAT(this->reports[0], HasSubstr("std::runtime_error: disk full"));
    EXPECT_THAT(this->reports[1], HasSubstr("int"));
}

// invariant 11
TYPED_TEST(greenlets, links_run_after_death_in_greenlets_of_their_own_in_their_place_among_the_joiners) {
    using task = typename TypeParam::template task<>;
    std::vector<std::string> order;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([&]() -> task {
            co_await yield();
            order.emplace_back("body");
        });
        for (const char* name : {"first", "second"})
            g.link([&order, name](const greenlet<>& over) {
                EXPECT_TRUE(over.ready());
                order.emplace_back(name);
                await(sleep_for(1s));  // a greenlet of its own may wait
                order.emplace_back(std::string(name) + " again");
            });
        co_await g.join();
        order.emplace_back("joiner");
        co_await sleep_for(10s);
        g.link([&](const greenlet<>&) { order.emplace_back("late"); });
        EXPECT_NE(order.back(), "late") << "not even the link of a dead one runs at once";
        co_await sleep_for(1s);
    });
    EXPECT_THAT(order, ElementsAre("body", "first", "second", "joiner", "first again", "second again", "late"));
}

TYPED_TEST(greenlets, a_link_can_look_at_the_error_which_is_then_not_reported) {
    using task = typename TypeParam::template task<>;
    std::string seen;
    in_virtual_time([&]() -> ringlet::task<> {
        TypeParam::spawn([]() -> task {
            co_await yield();
            throw std::runtime_error("broken");
        }).link([&](const greenlet<>& over) { seen = describe(over.exception()); });
        co_await sleep_for(1s);
    });
    EXPECT_EQ(seen, "std::runtime_error: broken");
    EXPECT_TRUE(this->reports.empty());
}

TYPED_TEST(greenlets, handles_may_outlive_the_loop) {
    using task = typename TypeParam::template task<int>;
    greenlet<int> finished, killed;
    in_virtual_time([&]() -> ringlet::task<> {
        finished = TypeParam::spawn([]() -> task {
            co_await yield();
            co_return 5;
        });
        killed = TypeParam::spawn([]() -> task {
            co_await sleep_for(1h);
            co_return 6;
        });
        co_await finished.join();
    });
    EXPECT_TRUE(finished.successful());
    EXPECT_EQ(*finished.state().value, 5);
    EXPECT_TRUE(killed.ready());
    EXPECT_FALSE(killed.successful());
    killed.kill();
    const auto copy = finished;
    finished = greenlet<int>();
    EXPECT_TRUE(copy.ready());
}

TYPED_TEST(greenlets, handles_are_values) {
    using task = typename TypeParam::template task<int>;
    in_virtual_time([]() -> ringlet::task<> {
        greenlet<int> a;
        EXPECT_FALSE(a);
        a = TypeParam::spawn([]() -> task {
            co_await yield();
            co_return 1;
        });
        greenlet<int> b = a;
        EXPECT_TRUE(a == b);
        greenlet<int> c = std::move(a);
        EXPECT_FALSE(a);
        EXPECT_EQ(c.id(), b.id());
        const greenlet<int>& same = b;
        b = same;
        EXPECT_EQ(co_await c.get(), 1);
        EXPECT_EQ(c.name(), "greenlet " + std::to_string(c.id()));
        c.set_name("adder");
        EXPECT_EQ(b.name(), "adder");
    });
}

TYPED_TEST(greenlets, live_on_without_a_handle) {
    using task = typename TypeParam::template task<>;
    bool over = false;
    in_virtual_time([&]() -> ringlet::task<> {
        TypeParam::spawn([&]() -> task {
            co_await sleep_for(1s);
            over = true;
        });
        co_await sleep_for(2s);
    });
    EXPECT_TRUE(over);
}

TYPED_TEST(greenlets, the_last_handle_may_go_while_the_greenlet_is_ready) {
    using task = typename TypeParam::template task<>;
    bool over = false;
    in_virtual_time([&]() -> ringlet::task<> {
        event e;
        {
            const auto g = TypeParam::spawn([&]() -> task {
                co_await e.wait();
                over = true;
            });
            co_await yield();
            e.set();
        }
        co_await sleep_for(1s);
    });
    EXPECT_TRUE(over);
}

TYPED_TEST(greenlets, a_link_can_be_taken_back_and_a_raw_one_runs_on_the_loop) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([]() -> task { co_await sleep_for(1s); });
        const auto unwanted = g.link([&](const greenlet<>&) { order += "unwanted"; });
        const auto raw = g.rawlink([&](const greenlet<>& over) { order += over.ready() ? "raw" : "early"; });
        EXPECT_TRUE(g.unlink(unwanted));
        EXPECT_FALSE(g.unlink(unwanted));
        co_await g.join();
        co_await yield();
        EXPECT_FALSE(g.unlink(raw));
    });
    EXPECT_EQ(order, "raw");
}

TYPED_TEST(greenlets, spawned_for_later_run_later_and_not_at_all_when_killed_before) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto say = [&](char c) {
            return [&order, c]() -> task {
                order += c;
                co_return;
            };
        };
        const auto body_of = [](auto fn) {
            if constexpr (std::is_same_v<TypeParam, story::fiber_world>)
                return [fn] { fn().get(); };
            else
                return fn;
        };
        const auto later = spawn_after(2s, body_of(say('l')));
        const auto sooner = spawn_after(1s, body_of(say('s')));
        const auto never_run = spawn_after(1s, body_of(say('n')));
        const auto kept = spawn(spawn_options().paused(), body_of(say('p')));
        { const auto dropped = spawn(spawn_options().paused(), body_of(say('d'))); }
        co_await yield();
        EXPECT_EQ(order, "");
        never_run.kill();
        co_await never_run.join();
        EXPECT_FALSE(never_run.successful());
        co_await later.join();
        EXPECT_TRUE(sooner.ready());
        EXPECT_FALSE(kept.ready());
        kept.state().start();
        kept.state().start();
        co_await kept.join();
    });
    EXPECT_EQ(order, "slp");
}

TEST(greenlet, a_result_that_cannot_be_copied_is_moved_out) {
    in_virtual_time([]() -> task<> {
        const auto g = spawn([] { return std::make_unique<int>(3); });
        EXPECT_EQ(*co_await g.get(), 3);
        int place = 4;
        const auto r = spawn([&]() -> int& { return place; });
        EXPECT_EQ(&co_await r.get(), &place);
        const auto t = spawn([&]() -> task<int&> { co_return place; });
        EXPECT_EQ(&co_await t.get(), &place);
    });
}

TEST(greenlet, spawn_takes_arguments_by_value_and_references_by_ref) {
    in_virtual_time([]() -> task<> {
        std::string text = "before";
        int counter = 0;
        const auto g = spawn(
            [](const std::string& mine, int& shared) {
                ++shared;
                return mine;
            },
            text, std::ref(counter));
        text = "after";
        EXPECT_EQ(co_await g.get(), "before");
        EXPECT_EQ(counter, 1);
        struct object {
            int value = 3;
            int get(int more) const { return value + more; }
        } o;
        const auto member = spawn(&object::get, &o, 4);
        EXPECT_EQ(co_await member.get(), 7);
    });
}

TEST(greenlet, awaiting_a_handle_of_nothing_ends_the_process) {
    EXPECT_DEATH(in_virtual_time([] { await(greenlet<>().join()); }), "this handle names no greenlet");
}

}  // namespace core_greenlet_test

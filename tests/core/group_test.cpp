// Groups, all() and race(): nobody outlives them, failures cancel the siblings, losers are waited for.

#include "support/story.hpp"
#include "support/wears_out.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_group_test {

using namespace ringlet;
using story::in_virtual_time;
using testing::ElementsAre;
using testing::HasSubstr;

task<int> after_ms(int ms, int value) {
    co_await sleep_for(std::chrono::milliseconds(ms));
    co_return value;
}

task<int> fail_after_ms(int ms, const char* what) {
    co_await sleep_for(std::chrono::milliseconds(ms));
    throw std::runtime_error(what);
}

/// Notes how it ends.
task<int> noted(std::string& how, int ms) {
    try {
        co_await sleep_for(std::chrono::milliseconds(ms));
        how = "done";
    } catch (const canceled&) {
        how = "canceled";
        throw;
    }
    co_return ms;
}

std::size_t greenlets_alive() {
    std::size_t count = 0;
    loop::current().for_each_greenlet([&](const greenlet_base&) { ++count; });
    return count;
}

template <class World>
class groups : public testing::Test {
protected:
    /// with_group in this world: the same text as body, awaited or blocking.
    template <class Body>
    static ringlet::task<> group_of(Body body) {
        const auto told = spawn([body]() -> ringlet::task<> {
            if constexpr (std::is_same_v<World, story::coroutine_world>) {
                co_await with_group(body);
            } else {
                const auto on_fiber = spawn([body] { with_group([&](group& g) { body(g).get(); }); });
                try {
                    co_await on_fiber.get();
                } catch (const canceled&) {
                    on_fiber.kill();
                    throw;
                }
            }
        });
        co_await told.get();
    }
};
TYPED_TEST_SUITE(groups, story::both_worlds, story::world_names);

TYPED_TEST(groups, leaving_waits_for_everybody) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        int over = 0;
        co_await TestFixture::group_of([&](group& g) -> task {
            for (int i = 1; i <= 3; ++i)
                TypeParam::spawn_into(g, [&over, i]() -> task {
                    co_await sleep_for(std::chrono::seconds(i));
                    ++over;
                });
            EXPECT_EQ(g.alive(), 3u);
            co_return;
        });
        EXPECT_EQ(over, 3);
    });
}

TYPED_TEST(groups, the_first_failure_cancels_siblings_and_body_and_comes_out) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        bool sibling_canceled = false, body_canceled = false;
        std::string seen;
        try {
            co_await TestFixture::group_of([&](group& g) -> task {
                TypeParam::spawn_into(g, [&]() -> task {
                    try {
                        co_await sleep_for(1h);
                    } catch (const canceled&) {
                        sibling_canceled = true;
                        throw;
                    }
                });
                TypeParam::spawn_into(g, []() -> task {
                    co_await sleep_for(1s);
                    throw std::runtime_error("first");
                });
                try {
                    co_await sleep_for(1h);
                } catch (const canceled&) {
                    body_canceled = true;
                    throw;
                }
            });
        } catch (const std::runtime_error& e) {
            seen = e.what();
        }
        EXPECT_EQ(seen, "first");
        EXPECT_TRUE(sibling_canceled);
        EXPECT_TRUE(body_canceled);
        EXPECT_EQ(greenlets_alive(), 1u);
    });
}

TYPED_TEST(groups, a_failure_of_the_body_cancels_the_children) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        bool canceled_child = false;
        std::string seen;
        try {
            co_await TestFixture::group_of([&](group& g) -> task {
                TypeParam::spawn_into(g, [&]() -> task {
                    try {
                        co_await sleep_for(1h);
                    } catch (const canceled&) {
                        canceled_child = true;
                        throw;
                    }
                });
                co_await sleep_for(1s);
                throw std::runtime_error("body");
            });
        } catch (const std::runtime_error& e) {
            seen = e.what();
        }
        EXPECT_EQ(seen, "body");
        EXPECT_TRUE(canceled_child);
    });
}

TYPED_TEST(groups, several_failures_are_all_collected) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        std::vector<std::string> all_of_them;
        try {
            co_await TestFixture::group_of([&](group& g) -> task {
                TypeParam::spawn_into(g, []() -> task {
                    co_await sleep_for(1s);
                    throw std::runtime_error("first");
                });
                TypeParam::spawn_into(g, []() -> task {
                    try {
                        co_await sleep_for(1h);
                    } catch (const canceled&) {
                        throw std::logic_error("while unwinding");
                    }
                });
                co_return;
            });
            ADD_FAILURE();
        } catch (const group_error& e) {
            for (const auto& each : e.errors())
                all_of_them.push_back(describe(each));
            EXPECT_THAT(e.what(), HasSubstr("2 greenlets of a group failed"));
            EXPECT_THAT(e.what(), HasSubstr("while unwinding"));
        }
        EXPECT_THAT(all_of_them, ElementsAre("std::runtime_error: first", "std::logic_error: while unwinding"));
    });
}

TYPED_TEST(groups, cancelled_from_inside_they_end_without_an_error) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        const time_point begin = loop::current().now();
        co_await TestFixture::group_of([&](group& g) -> task {
            TypeParam::spawn_into(g, []() -> task { co_await sleep_for(1h); });
            co_await sleep_for(1s);
            g.cancel();
            bool ran = false;
            const auto late = g.spawn([&ran] { ran = true; });
            EXPECT_EQ(g.alive(), 2u);
            co_await sleep_for(1h);
        });
        EXPECT_LT(loop::current().now() - begin, 2s);
        co_await sleep_for(1ms);  // the cancellation ended with the group
    });
}

// invariant 5
TYPED_TEST(groups, killing_the_owner_waits_for_the_children_that_clean_up) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        bool cleaned_up = false;
        const auto child = [&]() -> task {
            try {
                co_await sleep_for(1h);
            } catch (const canceled&) {}
            const shield s;
            co_await sleep_for(5s);
            cleaned_up = true;
        };
        const auto owner = spawn([&] {
            if constexpr (std::is_same_v<TypeParam, story::coroutine_world>)
                await(with_group([&](group& g) -> task {
                    g.spawn(child);
                    co_return;
                }));
            else
                with_group([&](group& g) { TypeParam::spawn_into(g, child); });
        });
        co_await sleep_for(1s);
        owner.kill();
        co_await owner.join();
        EXPECT_TRUE(cleaned_up);
        EXPECT_FALSE(owner.successful());
        EXPECT_FALSE(owner.exception());
        EXPECT_EQ(greenlets_alive(), 1u);
    });
}

TYPED_TEST(groups, children_may_add_siblings_while_the_group_drains) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        int over = 0;
        co_await TestFixture::group_of([&](group& g) -> task {
            TypeParam::spawn_into(g, [&]() -> task {
                co_await sleep_for(1s);
                for (int i = 0; i < 20; ++i)
                    TypeParam::spawn_into(g, [&over]() -> task {
                        co_await sleep_for(1s);
                        ++over;
                    });
            });
            co_return;
        });
        EXPECT_EQ(over, 20);
    });
}

TEST(group, gives_what_its_body_gives_and_its_children_are_greenlets_like_any_other) {
    in_virtual_time([]() -> task<> {
        const auto body = [](group& g) -> task<int> {
            const auto a = g.spawn(after_ms, 5, 1);
            const auto b = g.spawn([](int x) { return x + 1; }, 1);
            co_return co_await a.get() + co_await b.get();
        };
        EXPECT_EQ(co_await with_group(body), 3);
    });
    in_virtual_time([] { EXPECT_EQ(with_group([](group& g) { return await(g.spawn(after_ms, 5, 4).get()); }), 4); });
}

TEST(group, killing_one_child_is_no_failure_of_the_group) {
    in_virtual_time([]() -> task<> {
        const auto body = [](group& g) -> task<> {
            const auto child = g.spawn(after_ms, 10'000, 1);
            co_await yield();
            child.kill();
        };
        co_await with_group(body);
    });
}

TEST(group, cancelled_before_its_body_has_given_a_result_says_so) {
    const auto body = [](group& g) -> task<int> {
        g.cancel();
        co_await sleep_for(1s);
        co_return 1;
    };
    in_virtual_time([&]() -> task<> {
        std::string seen;
        try {
            (void)co_await with_group(body);
        } catch (const std::runtime_error& e) {
            seen = e.what();
        }
        EXPECT_THAT(seen, HasSubstr("cancelled before its body gave a result"));
    });
    in_virtual_time([&] {
        EXPECT_THROW((void)with_group([](group& g) {
                         g.cancel();
                         await(sleep_for(1s));
                         return 1;
                     }),
                     std::runtime_error);
    });
}

TEST(group, an_error_of_a_child_is_not_reported_as_unhandled_as_well) {
    std::string said;
    set_report_sink([&](std::string_view text) { said += text; });
    in_virtual_time([]() -> task<> {
        const auto body = [](group& g) -> task<> {
            g.spawn(fail_after_ms, 1, "child");
            co_return;
        };
        bool thrown = false;
        try {
            co_await with_group(body);
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        EXPECT_TRUE(thrown);
    });
    set_report_sink(nullptr);
    EXPECT_EQ(said, "");
}

TEST(group, of_ten_thousand_children_drains_in_any_order) {
    in_virtual_time([]() -> task<> {
        const auto body = [](group& g) -> task<> {
            for (int i = 0; i < 10'000; ++i)
                g.spawn(after_ms, i, i);
            for (int i = 0; i < 10'000; ++i)
                g.spawn(after_ms, 10'000 - i, i);
            co_return;
        };
        co_await with_group(body);
        EXPECT_EQ(greenlets_alive(), 1u);
    });
}

TEST(all, gives_every_result_in_the_order_of_the_arguments) {
    in_virtual_time([]() -> task<> {
        const time_point begin = loop::current().now();
        const auto [a, b, c] = co_await all(after_ms(20, 1), sleep_for(30ms), after_ms(10, 3));
        EXPECT_EQ(a, 1);
        EXPECT_EQ(c, 3);
        (void)b;
        EXPECT_LT(loop::current().now() - begin, 31ms) << "they wait at the same time";
        std::vector<task<int>> many;
        for (int i = 0; i < 5; ++i)
            many.push_back(after_ms(5 - i, i));
        EXPECT_THAT(co_await all(std::move(many)), ElementsAre(0, 1, 2, 3, 4));
        EXPECT_TRUE((co_await all(std::vector<task<int>>())).empty());
        std::vector<task<>> plain;
        plain.push_back([]() -> task<> { co_await yield(); }());
        co_await all(std::move(plain));
    });
}

// invariant 5
TEST(all, a_failure_cancels_the_others_and_waits_for_them) {
    in_virtual_time([]() -> task<> {
        std::string other;
        std::string seen;
        try {
            (void)co_await all(fail_after_ms(5, "broken"), noted(other, 1000));
        } catch (const std::runtime_error& e) {
            seen = e.what();
        }
        EXPECT_EQ(seen, "broken");
        EXPECT_EQ(other, "canceled");
        EXPECT_EQ(greenlets_alive(), 1u);
    });
}

TEST(all, cancelled_from_outside_it_cancels_everybody) {
    in_virtual_time([]() -> task<> {
        std::string a, b;
        bool timed_out = false;
        try {
            (void)co_await with_timeout(10ms, all(noted(a, 1000), noted(b, 5)));
        } catch (const timeout_error&) {
            timed_out = true;
        }
        EXPECT_TRUE(timed_out);
        EXPECT_EQ(a, "canceled");
        EXPECT_EQ(b, "done");
        EXPECT_EQ(greenlets_alive(), 1u);
    });
}

// invariant 4: nothing lost
TEST(all, what_is_complete_when_the_deadline_passes_is_delivered) {
    in_virtual_time([]() -> task<> {
        for (int us = -60; us < 100; us += 10) {
            queue<int> q;
            const auto producer = spawn([&]() -> task<> {
                co_await sleep_for(10ms);
                q.try_put(1);
                q.try_put(2);
            });
            int got = 0;
            bool timed_out = false;
            try {
                const auto [a, b] =
                    co_await with_timeout(10ms + std::chrono::microseconds(us), all(q.get(), q.get()));
                got = (a != 0) + (b != 0);
            } catch (const timeout_error&) {
                timed_out = true;
            }
            co_await producer.join();
            EXPECT_EQ(got + static_cast<int>(q.size()), 2) << us << " us; timed out: " << timed_out;
        }
    });
}

// invariant 5
TEST(race, gives_the_first_result_and_waits_for_the_losers) {
    in_virtual_time([]() -> task<> {
        std::string loser;
        const auto winner = co_await race(noted(loser, 1000), after_ms(5, 7), sleep_for(1h));
        EXPECT_EQ(winner.index(), 1u);
        EXPECT_EQ(std::get<1>(winner), 7);
        EXPECT_EQ(loser, "canceled");
        EXPECT_EQ(greenlets_alive(), 1u);
    });
}

TEST(race, an_error_of_the_first_is_the_result_and_one_of_a_loser_is_dropped) {
    const auto spiteful = []() -> task<int> {
        try {
            co_await sleep_for(1h);
        } catch (const canceled&) {
            throw std::logic_error("I wanted to win");
        }
        co_return 0;
    };
    in_virtual_time([&]() -> task<> {
        EXPECT_EQ((co_await race(after_ms(5, 7), spiteful())).index(), 0u);
        EXPECT_EQ((co_await race(after_ms(5, 7), fail_after_ms(5, "the same moment"))).index(), 0u);
        std::string seen;
        try {
            (void)co_await race(fail_after_ms(5, "first"), spiteful(), after_ms(5, 7));
        } catch (const std::runtime_error& e) {
            seen = e.what();
        }
        EXPECT_EQ(seen, "first");
        EXPECT_EQ(greenlets_alive(), 1u);
    });
}

TEST(race, cancelled_from_outside_it_cancels_everybody) {
    in_virtual_time([]() -> task<> {
        std::string a, b;
        const auto racer = spawn([&]() -> task<> { (void)co_await race(noted(a, 1000), noted(b, 2000)); });
        co_await sleep_for(1ms);
        racer.kill();
        co_await racer.join();
        EXPECT_FALSE(racer.exception());
        EXPECT_FALSE(racer.successful());
        EXPECT_EQ(a, "canceled");
        EXPECT_EQ(b, "canceled");
    });
}

TEST(race, of_one_that_is_there_at_once_starts_the_others_all_the_same_and_ends_them) {
    in_virtual_time([]() -> task<> {
        std::string other;
        const auto winner = co_await race(after_ms(0, 1), noted(other, 10));
        EXPECT_EQ(winner.index(), 0u);
        EXPECT_EQ(other, "canceled");
    });
}

template <class Fn>
int moves_to_begin(Fn fn) {
    for (int moves = 0;; ++moves) {
        bool began = false, failed = false;
        int left = moves;
        const story::wears_out argument(left);
        try {
            with_group([&](group& g) { g.spawn(fn, argument, &began); });
        } catch (const std::out_of_range&) {
            failed = true;
        }
        EXPECT_NE(began, failed) << "after " << moves << " moves";
        if (began || moves == 20)
            return moves;
    }
}

TEST(group, an_argument_that_cannot_be_moved_is_an_error_that_comes_out) {
    in_virtual_time([] {
        const auto coroutine = [](const story::wears_out&, bool* began) -> task<> {
            *began = true;
            co_return;
        };
        const auto fiber = [](const story::wears_out&, bool* began) { *began = true; };
        EXPECT_GT(moves_to_begin(coroutine), 1);
        EXPECT_GT(moves_to_begin(fiber), 1);
    });
}

}  // namespace core_group_test

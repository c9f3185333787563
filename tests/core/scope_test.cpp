// Scopes, deadlines, shields and with_timeout: who is told to stop, when, and where that ends. Each
// story is told by a coroutine and by a fiber.

#include "support/story.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

#include <cstdlib>
#include <thread>

namespace core_scope_test {

using namespace ringlet;
using story::in_virtual_time;
using testing::HasSubstr;

template <class World>
class scopes : public testing::Test {
protected:
    /// Tells `fn` in this world and waits for its end; what it throws comes out.
    template <class Fn>
    static void tell(Fn fn) {
        in_virtual_time([&]() -> ringlet::task<> {
            const auto teller = World::spawn(std::ref(fn));
            co_await teller.get();
        });
    }
};
TYPED_TEST_SUITE(scopes, story::both_worlds, story::world_names);

TYPED_TEST(scopes, cancelling_one_ends_the_wait_inside_and_swallowing_it_goes_on) {
    using task = typename TypeParam::template task<>;
    bool went_on = false;
    this->tell([&]() -> task {
        {
            scope s;
            const auto other = spawn([&s] { s.cancel(); });
            try {
                co_await sleep_for(1h);
                ADD_FAILURE() << "the sleep came to its end";
            } catch (const canceled&) {
                EXPECT_TRUE(s.ends_here());
            }
        }
        co_await sleep_for(1ms);
        went_on = true;
    });
    EXPECT_TRUE(went_on);
}

// invariant 11
TYPED_TEST(scopes, in_a_cancelled_scope_every_later_wait_fails_at_once) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        event set(true);
        const auto over = spawn([] {});
        co_await over.join();
        queue<int> q;
        q.try_put(1);
        int failed = 0;
        {
            scope s;
            s.cancel();
            const time_point begin = loop::current().now();
            for (int i = 0; i < 3; ++i) {
                try {
                    co_await sleep_for(1h);
                } catch (const canceled&) {
                    ++failed;
                }
                try {
                    co_await yield();
                } catch (const canceled&) {
                    ++failed;
                }
                // Not even a wait that would not have to wait succeeds: a loop over them can be stopped.
                try {
                    co_await set.wait();
                } catch (const canceled&) {
                    ++failed;
                }
                try {
                    co_await over.join();
                } catch (const canceled&) {
                    ++failed;
                }
                try {
                    (void)co_await q.get();
                } catch (const canceled&) {
                    ++failed;
                }
            }
            EXPECT_EQ(loop::current().fresh_now(), begin);
        }
        EXPECT_EQ(failed, 15);
        EXPECT_EQ(co_await q.get(), 1);
    });
}

// invariant 11
TYPED_TEST(scopes, a_shield_holds_off_what_comes_from_further_out) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        scope outer;
        outer.cancel();
        {
            const shield for_clean_up;
            co_await sleep_for(1s);
        }
        bool failed = false;
        try {
            co_await sleep_for(1s);
        } catch (const canceled&) {
            failed = true;
        }
        EXPECT_TRUE(failed) << "the shield ended with its block";
    });
}

TYPED_TEST(scopes, a_shield_holds_off_a_kill_and_the_wait_after_it_fails) {
    using task = typename TypeParam::template task<>;
    bool cleaned_up = false, unwound = false;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto victim = TypeParam::spawn([&]() -> task {
            {
                const shield s;
                co_await sleep_for(10s);
                cleaned_up = true;
            }
            try {
                co_await sleep_for(10s);
            } catch (const canceled&) {
                unwound = true;
                throw;
            }
        });
        co_await sleep_for(1s);
        victim.kill();
        EXPECT_FALSE(victim.ready());
        co_await victim.join();
        EXPECT_FALSE(victim.successful());
    });
    EXPECT_TRUE(cleaned_up);
    EXPECT_TRUE(unwound);
}

TYPED_TEST(scopes, a_deadline_inside_a_shield_bounds_the_clean_up) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        scope outer;
        outer.cancel();
        const shield for_clean_up;
        const time_point begin = loop::current().now();
        {
            deadline bound(2s);
            try {
                co_await sleep_for(1h);
                ADD_FAILURE();
            } catch (const canceled&) {
                EXPECT_TRUE(bound.ends_here());
            }
        }
        EXPECT_GE(loop::current().now() - begin, 2s);
        co_await sleep_for(1s);
    });
}

TYPED_TEST(scopes, a_cancel_that_waited_outside_of_a_shield_does_not_end_at_an_inner_scope) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        scope outer;
        scope inner;
        outer.cancel();
        inner.cancel();
        bool caught = false;
        try {
            co_await yield();
        } catch (const canceled&) {
            caught = true;
        }
        EXPECT_TRUE(caught);
        EXPECT_FALSE(inner.ends_here());
        EXPECT_TRUE(outer.ends_here());
    });
}

TYPED_TEST(scopes, with_timeout_gives_what_comes_in_time) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        queue<int> q;
        const auto producer = spawn([&] {
            await(sleep_for(1s));
            q.try_put(7);
        });
        EXPECT_EQ(co_await with_timeout(2s, q.get()), 7);
        EXPECT_TRUE(loop::current().timers().empty());
    });
}

TYPED_TEST(scopes, with_timeout_says_what_it_waited_for_and_how_long) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        queue<int> q;
        const time_point begin = loop::current().now();
        try {
            (void)co_await with_timeout(1500ms, q.get());
            ADD_FAILURE();
        } catch (const timeout_error& e) {
            EXPECT_STREQ(e.what(), "an item from a queue: timed out after 1.5 s");
            EXPECT_EQ(e.code(), std::errc::timed_out);
            EXPECT_EQ(e.waited(), 1500ms);
        }
        EXPECT_LT(loop::current().now() - begin, 1501ms);
        EXPECT_TRUE(loop::current().timers().empty());
    });
}

TYPED_TEST(scopes, a_timeout_is_an_std_exception_and_a_cancellation_is_not) {
    using task = typename TypeParam::template task<>;
    bool swallowed = false;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto victim = TypeParam::spawn([&]() -> task {
            try {
                co_await sleep_for(1h);
            } catch (const std::exception&) {
                swallowed = true;
            }
        });
        co_await yield();
        victim.kill();
        EXPECT_THROW(co_await victim.get(), greenlet_killed);
        try {
            co_await with_timeout(1s, sleep_for(1h));
            ADD_FAILURE();
        } catch (const std::system_error&) {}
    });
    EXPECT_FALSE(swallowed);
}

TYPED_TEST(scopes, of_nested_deadlines_the_one_that_passed_throws) {
    using task = typename TypeParam::template task<>;
    // Inner first: it throws, and the outer one still holds.
    this->tell([&]() -> task {
        const auto inner = []() -> ringlet::task<> {
            try {
                co_await with_timeout(1s, sleep_for(1h));
                ADD_FAILURE();
            } catch (const timeout_error& e) {
                EXPECT_EQ(e.waited(), 1s);
            }
            co_await sleep_for(1s);
        };
        co_await with_timeout(10s, inner());
    });
    // Outer first: the inner one lets it pass.
    this->tell([&]() -> task {
        bool inner_threw = false;
        const auto inner = [&]() -> ringlet::task<> {
            try {
                co_await with_timeout(10s, sleep_for(1h));
            } catch (const timeout_error&) {
                inner_threw = true;
            }
        };
        try {
            co_await with_timeout(1s, inner());
            ADD_FAILURE();
        } catch (const timeout_error& e) {
            EXPECT_EQ(e.waited(), 1s);
        }
        EXPECT_FALSE(inner_threw);
    });
    // Both at the same moment: the outer one throws.
    this->tell([&]() -> task {
        const auto inner = []() -> ringlet::task<> {
            try {
                co_await with_timeout(1s, sleep_for(1h));
            } catch (const timeout_error&) {
                ADD_FAILURE();
            }
        };
        EXPECT_THROW(co_await with_timeout(1s, inner()), timeout_error);
    });
}

TYPED_TEST(scopes, a_kill_passes_through_a_timeout_that_has_not_come) {
    using task = typename TypeParam::template task<>;
    bool timed_out = false;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto victim = TypeParam::spawn([&]() -> task {
            try {
                co_await with_timeout(10s, sleep_for(1h));
            } catch (const timeout_error&) {
                timed_out = true;
            }
        });
        co_await sleep_for(1s);
        victim.kill();
        co_await victim.join();
        EXPECT_FALSE(victim.successful());
        EXPECT_FALSE(victim.exception());
        EXPECT_TRUE(loop::current().timers().empty());
    });
    EXPECT_FALSE(timed_out);
}

TYPED_TEST(scopes, no_time_at_all_is_enough_for_what_is_there_and_for_nothing_else) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        queue<int> q;
        q.try_put(3);
        EXPECT_EQ(co_await with_timeout(0s, q.get()), 3);
        EXPECT_THROW((void)co_await with_timeout(0s, q.get()), timeout_error);
        EXPECT_THROW((void)co_await with_timeout(-5s, q.get()), timeout_error);
        EXPECT_THROW((void)co_await with_timeout(duration::min(), q.get()), timeout_error);
    });
}

TYPED_TEST(scopes, an_infinite_timeout_never_comes_and_arms_nothing) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        deadline none(duration::max());
        EXPECT_TRUE(loop::current().timers().empty());
        co_await with_timeout(duration::max(), sleep_for(24h));
    });
}

TYPED_TEST(scopes, a_timeout_too_long_to_be_counted_never_comes) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        const deadline none(std::chrono::hours::max());
        EXPECT_TRUE(loop::current().timers().empty());
        co_await with_timeout(std::chrono::hours::max(), sleep_for(24h));
        co_await with_timeout(std::chrono::years::max(), sleep_for(24h));
        EXPECT_THROW((void)co_await with_timeout(std::chrono::hours::min(), sleep_for(24h)), timeout_error);
        const auto never_runs = spawn_after(std::chrono::hours::max(), [] { ADD_FAILURE(); });
        co_await sleep_for(24h);
        never_runs.kill();
    });
}

TYPED_TEST(scopes, a_disarmed_deadline_ends_nothing) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        deadline d(1s);
        d.disarm();
        co_await sleep_for(10s);
        EXPECT_FALSE(d.cancelled());
    });
}

TYPED_TEST(scopes, a_deadline_that_is_moved_ends_what_lasts_longer_than_its_last_time) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        const time_point start = loop::current().fresh_now();
        const auto seconds_until_ended = [&](deadline& d) -> ringlet::task<std::int64_t> {
            try {
                co_await sleep_for(1h);
            } catch (const canceled&) {
                if (!d.ends_here())
                    throw;
            }
            co_return std::chrono::floor<std::chrono::seconds>(loop::current().now() - start).count();
        };
        deadline d(start + 1s);
        d.restart(start + 5s);  // later: the timer fires for nothing, and once more
        EXPECT_EQ(co_await seconds_until_ended(d), 5);
        d.restart(start + 20s);  // although it has ended something
        EXPECT_FALSE(d.cancelled());
        d.restart(start + 8s);  // earlier
        EXPECT_EQ(co_await seconds_until_ended(d), 8);
        d.restart(start + 9s);
        d.restart(never);
        co_await sleep_for(1h);
        EXPECT_FALSE(d.cancelled());
    });
}

TYPED_TEST(scopes, a_deadline_that_passes_while_computing_fails_the_next_wait) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        bool timed_out = false;
        const auto busy = []() -> ringlet::task<> {
            co_await yield();  // the deadline passes while this one is ready, and waits for nothing
            co_await sleep_for(1h);
        };
        try {
            co_await with_timeout(0s, busy());
        } catch (const timeout_error& e) {
            timed_out = true;
            EXPECT_THAT(e.what(), HasSubstr("timed out after 0 s"));
        }
        EXPECT_TRUE(timed_out);
    });
}

TYPED_TEST(scopes, an_item_that_arrives_together_with_the_deadline_is_not_lost) {
    using task = typename TypeParam::template task<>;
    this->tell([&]() -> task {
        queue<int> q;
        // Wakes first, at the very moment of the deadline, and hands over before the deadline is seen.
        const auto producer = spawn([&]() -> ringlet::task<> {
            co_await sleep_for(1s);
            q.try_put(9);
        });
        int got = 0;
        bool timed_out = false;
        try {
            got = co_await with_timeout(1s, q.get());
        } catch (const timeout_error&) {
            timed_out = true;
        }
        co_await producer.join();
        if (timed_out)
            got = co_await q.get();
        EXPECT_EQ(got, 9);
    });
}

// invariant 3
TYPED_TEST(scopes, a_late_abort_cannot_hit_somebody_already_served) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([&]() -> ringlet::task<> {
        queue<int> q;
        int got = 0;
        bool next_failed = false;
        const auto victim = TypeParam::spawn([&]() -> task {
            got = co_await q.get();
            try {
                co_await yield();
            } catch (const canceled&) {
                next_failed = true;
            }
        });
        co_await yield();
        q.try_put(5);  // served: it has left the queue, and is ready
        victim.kill();  // too late for that wait
        co_await victim.join();
        EXPECT_EQ(got, 5);
        EXPECT_TRUE(next_failed);
    });
}

TEST(scope, on_a_fiber_with_timeout_takes_a_function_that_blocks_as_often_as_it_likes) {
    in_virtual_time([] {
        EXPECT_EQ(with_timeout(10s,
                               [] {
                                   await(sleep_for(1s));
                                   await(sleep_for(1s));
                                   return 4;
                               }),
                  4);
        EXPECT_THROW(with_timeout(1s, [] { await(sleep_for(1h)); }), timeout_error);
        int& place = *std::make_unique<int>(1).release();
        EXPECT_EQ(&with_timeout(1s, [&]() -> int& { return place; }), &place);
        delete &place;
    });
}

TEST(scope, with_timeout_takes_a_function_that_returns_a_task) {
    in_virtual_time([]() -> task<> {
        const auto work = []() -> task<int> {
            co_await sleep_for(1s);
            co_return 4;
        };
        EXPECT_EQ(co_await with_timeout(2s, work), 4);
        EXPECT_THROW((void)co_await with_timeout(500ms, work), timeout_error);
    });
}

TEST(scope, the_main_program_can_have_a_deadline_before_it_has_a_loop) {
    // A thread of its own, because the loop that this makes stays until the thread ends.
    std::thread plain([] {
        setenv("RINGLET_KERNEL", "virtual", 1);
        EXPECT_THROW(with_timeout(1s, [] { await(sleep_for(1h)); }), timeout_error);
        unsetenv("RINGLET_KERNEL");
    });
    plain.join();
}

TEST(scope, scopes_that_end_out_of_order_end_the_process) {
    EXPECT_DEATH(in_virtual_time([] {
                     auto first = std::make_unique<scope>();
                     auto second = std::make_unique<scope>();
                     first.reset();
                 }),
                 "scopes of a greenlet end in the reverse order of their beginning");
}

}  // namespace core_scope_test

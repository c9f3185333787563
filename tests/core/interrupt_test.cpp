// Interruptions, later starts and the order of links: what the gevent face stands on.

#include "support/counted.hpp"
#include "support/story.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/group.hpp>
#include <ringlet/core/idle.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_interrupt_test {

using namespace ringlet;
using story::counted;
using story::in_virtual_time;

template <class World>
class interruptions : public story::counting {};
TYPED_TEST_SUITE(interruptions, story::both_worlds, story::world_names);

std::exception_ptr out_of_range(const char* what) { return std::make_exception_ptr(std::out_of_range(what)); }

TYPED_TEST(interruptions, are_thrown_once_out_of_the_wait_under_way) {
    using task = typename TypeParam::template task<>;
    std::string caught;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([&]() -> task {
            try {
                co_await sleep_for(100s);
            } catch (const std::out_of_range& e) {
                caught = e.what();
            }
            co_await sleep_for(1s);
        });
        co_await sleep_for(1s);
        g.state().interrupt(out_of_range("now"));
        co_await g.get();
    });
    EXPECT_EQ(caught, "now");
}

TYPED_TEST(interruptions, come_in_order_and_out_of_the_next_wait_if_there_is_none) {
    using task = typename TypeParam::template task<>;
    std::string caught;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([&]() -> task {
            loop::current().running().interrupt(out_of_range("a"));
            loop::current().running().interrupt(out_of_range("b"));
            for (int i = 0; i < 3; ++i) {
                try {
                    co_await yield();
                    caught += '.';
                } catch (const std::out_of_range& e) {
                    caught += e.what();
                }
            }
        });
        co_await g.get();
    });
    EXPECT_EQ(caught, "ab.");
}

TYPED_TEST(interruptions, that_are_for_now_end_a_wait_that_was_woken_unless_it_was_given_something) {
    using task = typename TypeParam::template task<>;
    std::string caught;
    in_virtual_time([&]() -> ringlet::task<> {
        queue<int> items;
        const auto yields = TypeParam::spawn([&]() -> task {
            try {
                co_await yield();
            } catch (const std::out_of_range& e) {
                caught += e.what();
            }
        });
        const auto gets = TypeParam::spawn([&]() -> task {
            caught += std::to_string(co_await items.get());
            try {
                co_await yield();
            } catch (const std::out_of_range& e) {
                caught += e.what();
            }
        });
        co_await yield();
        co_await items.put(7);
        EXPECT_FALSE(gets.state().interrupt_now(out_of_range(" later")));
        EXPECT_TRUE(yields.state().interrupt_now(out_of_range("now ")));
        co_await yields.join();
        co_await gets.join();
    });
    EXPECT_EQ(caught, "now 7 later");
}

TYPED_TEST(interruptions, can_be_taken_back_by_who_was_to_have_them) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        const int mine = 0, other = 0;
        const auto g = TypeParam::spawn([&]() -> task {
            greenlet_base& self = loop::current().running();
            self.interrupt(out_of_range("never"), &mine);
            EXPECT_FALSE(self.withdraw(&other));
            EXPECT_TRUE(self.withdraw(&mine));
            EXPECT_FALSE(self.canceled_now());
            co_await yield();
        });
        co_await g.get();
    });
}

TYPED_TEST(interruptions, wait_for_the_end_of_a_shield) {
    using task = typename TypeParam::template task<>;
    bool shielded_sleep = false;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([&]() -> task {
            {
                const shield s;
                co_await sleep_for(5s);
                shielded_sleep = true;
            }
            co_await sleep_for(5s);
        });
        co_await sleep_for(1s);
        g.state().interrupt(out_of_range("late"));
        EXPECT_THROW(co_await g.get(), std::out_of_range);
    });
    EXPECT_TRUE(shielded_sleep);
}

TYPED_TEST(interruptions, of_a_greenlet_that_waits_for_its_group_end_the_group) {
    in_virtual_time([]() -> ringlet::task<> {
        int running = 0;
        const auto g = spawn([&]() -> ringlet::task<> {
            const auto body = [&](group& all) -> ringlet::task<> {
                TypeParam::spawn_into(all, [&]() -> typename TypeParam::template task<> {
                    struct leave {
                        int& count;
                        ~leave() { --count; }
                    } const at_exit{++running};
                    co_await sleep_for(100s);
                });
                co_return;
            };
            co_await with_group(body);
        });
        co_await sleep_for(1s);
        EXPECT_EQ(running, 1);
        g.state().interrupt(out_of_range("enough"));
        EXPECT_THROW(co_await g.get(), std::out_of_range);
        EXPECT_EQ(running, 0);
    });
}

TYPED_TEST(interruptions, scopes_go_first_and_the_interruption_comes_after) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([&]() -> task {
            {
                scope s;
                s.cancel();
                loop::current().running().interrupt(out_of_range("x"));
                try {
                    co_await yield();
                } catch (const canceled&) {
                    order += s.ends_here() ? "scope " : "? ";
                }
            }
            try {
                co_await yield();
            } catch (const std::out_of_range&) {
                order += "interruption";
            }
        });
        co_await g.get();
    });
    EXPECT_EQ(order, "scope interruption");
}

TYPED_TEST(interruptions, a_later_start_comes_in_time_or_after_a_kill_never) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto work = [&](char name) { return [&order, name, kept = counted(1)]() { order += name; }; };
        const auto b = spawn_after(2s, work('b'));
        const auto a = spawn_after(1s, work('a'));
        const auto third = spawn_after(1s, work('x'));
        const auto now = TypeParam::spawn([&]() -> task {
            order += 'n';
            co_return;
        });
        third.kill();
        co_await third.join();
        EXPECT_EQ(order, "n");
        co_await b.get();
        EXPECT_TRUE(a.ready());
    });
    EXPECT_EQ(order, "nab");
}

TYPED_TEST(interruptions, one_that_is_never_started_goes_with_its_last_handle) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        const auto body = [kept = counted(1)]() {};
        {
            const auto unborn = spawn(spawn_options().paused(), body);
            unborn.link([](const auto&) { ADD_FAILURE(); });
            co_await yield();
            EXPECT_EQ(counted::alive(), 2u);
        }
        EXPECT_EQ(counted::alive(), 1u);
        const auto started = spawn(spawn_options().paused(), body);
        const auto g = TypeParam::spawn([&]() -> task {
            started.state().start();
            co_await started.join();
        });
        co_await g.get();
    });
}

TYPED_TEST(interruptions, links_and_joiners_run_in_the_order_in_which_they_came) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([&]() -> task { co_await sleep_for(1s); });
        const auto joiner = [&](char name) {
            return TypeParam::spawn([&, name]() -> task {
                co_await g.join();
                order += name;
            });
        };
        g.link([&](const auto&) { order += 'a'; });
        const auto b = joiner('b');
        co_await yield();
        g.rawlink([&](const auto&) { order += 'c'; });
        const std::uint64_t taken_back = g.link([&](const auto&) { order += 'x'; });
        g.link([&](const auto& over) {
            EXPECT_TRUE(over.ready());
            order += 'd';
        });
        const auto e = joiner('e');
        co_await yield();
        EXPECT_TRUE(g.unlink(taken_back));
        EXPECT_FALSE(g.unlink(taken_back));
        co_await g.join();
        order += 'm';
        g.link([&](const auto&) { order += 'z'; });
        co_await sleep_for(1s);
    });
    EXPECT_EQ(order, "abcdemz");
}

TYPED_TEST(interruptions, idle_runs_when_nobody_else_is_ready) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto lazy = TypeParam::spawn([&]() -> task {
            co_await idle();
            order += 'i';
        });
        const auto busy = TypeParam::spawn([&]() -> task {
            for (int i = 0; i < 3; ++i) {
                order += 'b';
                co_await yield();
            }
            co_await sleep_for(1s);
            order += 's';
        });
        co_await busy.join();
        co_await lazy.join();
    });
    EXPECT_EQ(order, "bbbis");
}

}  // namespace core_interrupt_test

// fiber<T>: stacks that name who runs next. They need no loop, and live inside greenlets too.

#include "support/counted.hpp"
#include "support/story.hpp"

#include <ringlet/core/fiber.hpp>

#include <gmock/gmock.h>

#include <thread>

namespace core_switching_test {

using namespace ringlet;
using story::counted;
using story::in_virtual_time;

class switching : public story::counting {};

TEST_F(switching, two_fibers_take_turns_until_one_ends_and_its_parent_goes_on) {
    std::string order;
    fiber<> first, second;
    first = fiber<>([&] {
        order += "12 ";
        second.switch_to();
        order += "34 ";
    });
    second = fiber<>([&] {
        order += "56 ";
        first.switch_to();
        order += "78 ";
    });
    EXPECT_FALSE(first);
    first.switch_to();
    EXPECT_EQ(order, "12 56 34 ");
    EXPECT_TRUE(first.dead());
    EXPECT_FALSE(second.dead());
    EXPECT_TRUE(second);
}

TEST_F(switching, values_travel_both_ways) {
    fiber<int> doubler([](int n) {
        for (;;)
            n = fiber<int>::current().parent().switch_to(2 * n);
        return n;
    });
    EXPECT_EQ(doubler.switch_to(4), 8);
    EXPECT_EQ(doubler.switch_to(5), 10);

    fiber<std::unique_ptr<int>> echo([](std::unique_ptr<int> p) { return p; });
    EXPECT_EQ(*echo.switch_to(std::make_unique<int>(7)), 7);
    EXPECT_TRUE(echo.dead());
}

TEST_F(switching, a_dead_fiber_passes_the_switch_on_to_its_parent) {
    fiber<int> one([](int n) { return n + 1; });
    EXPECT_EQ(one.switch_to(1), 2);
    EXPECT_EQ(one.switch_to(41), 41) << "it comes straight back to the parent, who asked";
}

TEST_F(switching, an_exception_goes_to_the_parent) {
    fiber<> inner;
    fiber<> outer([&] {
        inner = fiber<>([] { throw std::out_of_range("inner"); });
        EXPECT_EQ(inner.parent(), fiber<>::current());
        EXPECT_THROW(inner.switch_to(), std::out_of_range);
        EXPECT_TRUE(inner.dead());
        throw std::length_error("outer");
    });
    EXPECT_THROW(outer.switch_to(), std::length_error);
    EXPECT_TRUE(outer.dead());
}

TEST_F(switching, an_exception_can_be_thrown_into_a_fiber) {
    std::string seen;
    fiber<int> f([&](int) {
        try {
            fiber<int>::current().parent().switch_to(1);
        } catch (const std::out_of_range& e) {
            seen = e.what();
        }
        return 2;
    });
    EXPECT_EQ(f.switch_to(0), 1);
    EXPECT_EQ(f.throw_into(std::out_of_range("catch me")), 2);
    EXPECT_EQ(seen, "catch me");

    fiber<int> unstarted([](int n) { return n; });
    EXPECT_THROW(unstarted.throw_into(std::out_of_range("too early")), std::out_of_range);
    EXPECT_TRUE(unstarted.dead());
}

TEST_F(switching, a_suspended_fiber_that_is_destroyed_unwinds) {
    bool caught = false;
    {
        fiber<> f([&, kept = counted(1)] {
            const counted on_the_stack(2);
            try {
                fiber<>::current().parent().switch_to();
            } catch (const fiber_exit&) {
                caught = true;
                throw;
            }
        });
        const fiber<> never_started([kept = counted(3)] {});
        f.switch_to();
        EXPECT_EQ(counted::alive(), 3u);
    }
    EXPECT_TRUE(caught);
}

TEST_F(switching, what_a_fiber_owned_goes_when_it_has_run) {
    fiber<> f([kept = counted(1)] {});
    f.switch_to();
    EXPECT_EQ(counted::alive(), 0u);
}

TEST_F(switching, the_current_fiber_outlives_its_last_handle) {
    fiber<> f;
    f = fiber<>([&, kept = counted(1)] {
        f = fiber<>();
        EXPECT_EQ(counted::alive(), 1u);
        EXPECT_TRUE(fiber<>::current());
    });
    f.switch_to();
}

TEST_F(switching, a_generator_nests) {
    const auto numbers = [](int from, int to) {
        return fiber<int>([=](int) {
            for (int i = from; i < to; ++i)
                fiber<int>::current().parent().switch_to(i);
            return -1;
        });
    };
    std::vector<int> all;
    const auto outer = numbers(0, 3);
    for (int i; (i = outer.switch_to(0)) >= 0;) {
        const auto inner = numbers(10 * i, 10 * i + i);
        for (int j; (j = inner.switch_to(0)) >= 0;)
            all.push_back(j);
    }
    EXPECT_THAT(all, testing::ElementsAre(10, 20, 21));
}

TEST_F(switching, families_do_not_mix) {
    fiber<int> f([](int n) { return n; });
    EXPECT_THROW(fiber<>().switch_to(), std::logic_error);
    std::thread([&] { EXPECT_THROW(f.switch_to(1), std::logic_error); }).join();
}

TEST_F(switching, the_exceptions_being_handled_stay_with_their_fiber) {
    fiber<> f([] {
        try {
            throw 1;
        } catch (int n) {
            fiber<>::current().parent().switch_to();
            EXPECT_EQ(n, 1);
            try {
                throw;
            } catch (int again) {
                EXPECT_EQ(again, 1);
            }
        }
    });
    try {
        throw std::string("two");
    } catch (const std::string&) {
        f.switch_to();
        f.switch_to();
        EXPECT_THROW(throw, std::string);
    }
}

TEST_F(switching, await_in_a_fiber_of_a_greenlet_suspends_the_greenlet) {
    std::string order;
    in_virtual_time([&] {
        const auto sleeper = [&](char name, int seconds) {
            return spawn([&, name, seconds] {
                fiber<> inner([&] {
                    await(sleep_for(std::chrono::seconds(seconds)));
                    order += name;
                    fiber<>::current().parent().switch_to();
                    await(sleep_for(5s));
                    order += name;
                });
                inner.switch_to();
                order += '-';
                inner.switch_to();
                order += '.';
            });
        };
        const auto b = sleeper('b', 2), a = sleeper('a', 1);
        await(a.get());
        await(b.get());
    });
    EXPECT_EQ(order, "a-b-a.b.");
}

TEST_F(switching, killing_a_greenlet_unwinds_its_fibers) {
    in_virtual_time([] {
        const auto g = spawn([] {
            const counted outer(1);
            fiber<> waits([] {
                const counted inner(2);
                await(sleep_for(100s));
            });
            fiber<> suspended([] {
                const counted inner(3);
                fiber<>::current().parent().switch_to();
            });
            suspended.switch_to();
            waits.switch_to();
        });
        await(sleep_for(1s));
        EXPECT_EQ(counted::alive(), 3u);
        g.kill();
        await(g.join());
        EXPECT_EQ(counted::alive(), 0u);
        EXPECT_FALSE(g.exception());
    });
}

TEST_F(switching, main_can_wait_inside_a_fiber) {
    loop own(io::make_virtual_time());
    bool slept = false;
    fiber<> f([&] {
        await(sleep_for(1s));
        slept = true;
    });
    f.switch_to();
    EXPECT_TRUE(slept);
}

}  // namespace core_switching_test

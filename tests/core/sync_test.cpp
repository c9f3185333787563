// event, semaphore, mutex: first come, first served; handed over, never snatched; who gave up takes
// nothing. Told by coroutines and by fibers.

#include "support/story.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_sync_test {

using namespace ringlet;
using story::in_virtual_time;

template <class World>
class locks : public testing::Test {};
TYPED_TEST_SUITE(locks, story::both_worlds, story::world_names);

TYPED_TEST(locks, an_event_wakes_everybody_in_the_order_in_which_they_came) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        event e;
        for (const char name : {'a', 'b', 'c'})
            TypeParam::spawn([&e, &order, name]() -> task {
                co_await e.wait();
                order += name;
            });
        co_await sleep_for(1s);
        EXPECT_EQ(order, "");
        e.set();
        EXPECT_EQ(order, "");
        co_await e.wait();  // set: does not wait
        order += 'm';
        co_await sleep_for(1s);
        e.clear();
        EXPECT_FALSE(e.is_set());
        EXPECT_THROW(co_await with_timeout(1s, e.wait()), timeout_error);
    });
    EXPECT_EQ(order, "mabc");
}

TYPED_TEST(locks, an_event_cleared_at_once_has_still_woken_who_waited) {
    using task = typename TypeParam::template task<>;
    bool woken = false;
    in_virtual_time([&]() -> ringlet::task<> {
        event e;
        const auto g = TypeParam::spawn([&]() -> task {
            co_await e.wait();
            woken = true;
        });
        co_await yield();
        e.set();
        e.clear();
        co_await g.join();
    });
    EXPECT_TRUE(woken);
}

TYPED_TEST(locks, a_semaphore_lets_in_as_many_as_it_has_permits) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        semaphore s(2);
        int inside = 0, most = 0, over = 0;
        std::vector<greenlet<>> all;
        for (int i = 0; i < 6; ++i)
            all.push_back(TypeParam::spawn([&]() -> task {
                co_await s.acquire();
                most = std::max(most, ++inside);
                co_await sleep_for(1s);
                --inside;
                ++over;
                s.release();
            }));
        for (const auto& g : all)
            co_await g.join();
        EXPECT_EQ(most, 2);
        EXPECT_EQ(over, 6);
        EXPECT_EQ(s.available(), 2u);
    });
}

TYPED_TEST(locks, a_permit_goes_to_who_waits_longest_and_cannot_be_snatched) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        semaphore s(0);
        for (const char name : {'a', 'b'})
            TypeParam::spawn([&s, &order, name]() -> task {
                co_await s.acquire();
                order += name;
            });
        co_await yield();
        s.release();
        EXPECT_FALSE(s.try_acquire()) << "it belongs to a already";
        co_await yield();
        s.release();
        co_await sleep_for(1ms);
        s.release();
        EXPECT_TRUE(s.try_acquire());
    });
    EXPECT_EQ(order, "ab");
}

TYPED_TEST(locks, who_timed_out_takes_no_permit) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        semaphore s(0);
        const auto impatient =
            TypeParam::spawn([&]() -> task { EXPECT_THROW(co_await with_timeout(1s, s.acquire()), timeout_error); });
        bool served = false;
        const auto patient = TypeParam::spawn([&]() -> task {
            co_await s.acquire();
            served = true;
        });
        co_await impatient.get();
        s.release();
        co_await patient.get();
        EXPECT_TRUE(served);
        EXPECT_EQ(s.available(), 0u);
    });
}

// invariant 3
TYPED_TEST(locks, who_was_handed_a_permit_and_then_killed_holds_it_and_gives_it_back) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        mutex m;
        auto held = co_await m.lock();
        const auto victim = TypeParam::spawn([&]() -> task {
            const auto mine = co_await m.lock();
            co_await sleep_for(1h);
        });
        const auto next = TypeParam::spawn([&]() -> task { const auto mine = co_await m.lock(); });
        co_await yield();
        held.unlock();  // handed to the victim
        victim.kill();  // which is ready, and has not run
        co_await victim.join();
        co_await next.get();
        EXPECT_FALSE(m.locked());
    });
}

TYPED_TEST(locks, a_mutex_is_handed_over_in_the_order_of_asking) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        mutex m;
        for (const char name : {'a', 'b', 'c'})
            TypeParam::spawn([&m, &order, name]() -> task {
                const auto held = co_await m.lock();
                order += name;
                co_await sleep_for(1s);
                order += name;
            });
        co_await sleep_for(10s);
        EXPECT_FALSE(m.locked());
        EXPECT_TRUE(m.try_lock());
        EXPECT_FALSE(m.try_lock());
        m.unlock();
    });
    EXPECT_EQ(order, "aabbcc");
}

TYPED_TEST(locks, killing_who_waits_for_a_mutex_does_not_hold_up_the_next) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        mutex m;
        auto held = co_await m.lock();
        const auto waits = [&]() -> task { const auto mine = co_await m.lock(); };
        const auto victim = TypeParam::spawn(waits);
        const auto next = TypeParam::spawn(waits);
        co_await yield();
        victim.kill();
        co_await victim.join();
        held.unlock();
        co_await next.get();
        EXPECT_FALSE(m.locked());
    });
}

TEST(sync_limits, an_awaiter_that_is_kept_can_be_awaited_again) {
    in_virtual_time([]() -> task<> {
        event e;
        auto wait = e.wait();
        bool timed_out = false;
        {
            deadline d(1s);
            try {
                co_await wait;
            } catch (const canceled&) {
                timed_out = true;
            }
        }
        EXPECT_TRUE(timed_out);
        e.set();
        co_await wait;  // the abort of the first wait is not that of the second
    });
}

TEST(sync_limits, unlocking_a_mutex_that_nobody_holds_ends_the_process) {
    EXPECT_DEATH(
        {
            mutex m;
            m.unlock();
        },
        "a mutex was unlocked that nobody holds");
}

TEST(sync_limits, destroying_an_event_that_somebody_waits_for_ends_the_process) {
    EXPECT_DEATH(in_virtual_time([]() -> task<> {
                     auto e = std::make_unique<event>();
                     spawn([&e]() -> task<> { co_await e->wait(); });
                     co_await yield();
                     e.reset();
                 }),
                 "an object was destroyed while it was in a list");
}

}  // namespace core_sync_test

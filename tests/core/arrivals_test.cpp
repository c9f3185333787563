// Waits for several things at once: greenlets, events, semaphores, queues, futures alike.

#include "support/allocations.hpp"
#include "support/story.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/arrivals.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/future.hpp>
#include <ringlet/core/join_all.hpp>
#include <ringlet/core/latch.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/semaphore.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_arrivals_test {

using namespace ringlet;
using story::in_virtual_time;
using testing::ElementsAre;

template <class World>
class waits_for_several : public testing::Test {
protected:
    static greenlet<int> sleeper(int n) {
        return World::spawn([n]() -> typename World::template task<int> {
            co_await sleep_for(std::chrono::seconds(n));
            co_return n;
        });
    }
};
TYPED_TEST_SUITE(waits_for_several, story::both_worlds, story::world_names);

TYPED_TEST(waits_for_several, greenlets_come_in_the_order_of_their_ends) {
    using task = typename TypeParam::template task<std::vector<int>>;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto all = TypeParam::spawn([&]() -> task {
            std::vector<int> order;
            std::vector<greenlet<int>> greenlets{this->sleeper(3), this->sleeper(1), this->sleeper(2)};
            auto done = as_completed(std::move(greenlets));
            while (auto g = co_await done.next())
                order.push_back(co_await g->get());
            co_return order;
        });
        EXPECT_THAT(co_await all.get(), ElementsAre(1, 2, 3));
    });
}

TYPED_TEST(waits_for_several, things_of_every_kind_are_waited_for_alike_and_nothing_is_taken) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([&]() -> ringlet::task<> {
        event e;
        semaphore s(0);
        queue<int> q;
        latch l(1);
        const promise<int> p;
        auto f = p.future();
        const auto g = this->sleeper(3);
        const auto waits = TypeParam::spawn([&]() -> task {
            const std::vector<source> all{e, s, q, l, f, g};
            const std::vector<source> order = co_await wait_all(all);
            EXPECT_TRUE(order == (std::vector<source>{f, q, g, l, s, e}));
        });
        co_await sleep_for(1s);
        p.set_value(1);
        (void)q.try_put(5);
        co_await sleep_for(4s);
        l.count_down();
        s.release();
        e.set();
        co_await waits.get();
        EXPECT_EQ(s.available(), 1u);
        EXPECT_EQ(q.size(), 1u);
    });
}

TYPED_TEST(waits_for_several, the_first_is_enough_for_wait_any_and_a_count_for_wait_some) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([&]() -> ringlet::task<> {
        const std::vector<greenlet<int>> all{this->sleeper(3), this->sleeper(1), this->sleeper(2)};
        const auto waits = TypeParam::spawn([&]() -> task {
            const greenlet<int> first = co_await wait_any(all);
            EXPECT_EQ(co_await first.get(), 1);
            const auto two = co_await wait_some(all, 2);
            EXPECT_EQ(two.size(), 2u);
            EXPECT_TRUE(two[0] == all[1] && two[1] == all[2]);
        });
        co_await waits.get();
        EXPECT_FALSE(all[0].ready());
        co_await join_all(all);
        EXPECT_THAT(co_await get_all(all), ElementsAre(3, 1, 2));
    });
}

TYPED_TEST(waits_for_several, what_is_ready_already_comes_in_the_order_given) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([&]() -> ringlet::task<> {
        event a(true), b(true);
        const auto waits = TypeParam::spawn([&]() -> task {
            const std::vector<source> both{b, a};
            const auto order = co_await wait_all(both);
            EXPECT_TRUE(order == (std::vector<source>{b, a}));
        });
        co_await waits.get();
        const auto none = co_await wait_all(std::vector<source>());
        EXPECT_TRUE(none.empty());
    });
}

TYPED_TEST(waits_for_several, kill_all_reports_who_survives) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto stubborn = TypeParam::spawn([]() -> task {
            const shield s;
            co_await sleep_for(10s);
        });
        const auto mild = TypeParam::spawn([]() -> task { co_await sleep_for(10s); });
        co_await yield();
        const std::vector<greenlet<>> both{stubborn, mild};
        const auto survivors = co_await kill_all(both, 1s);
        EXPECT_TRUE(survivors == std::vector{stubborn});
        EXPECT_TRUE(mild.ready());
        co_await stubborn.join();
        const auto none = co_await kill_all(both, 1s);
        EXPECT_TRUE(none.empty());
    });
}

TYPED_TEST(waits_for_several, kill_all_waits_for_ever_with_a_limit_too_long_to_be_counted) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto stubborn = TypeParam::spawn([]() -> task {
            const shield s;
            co_await sleep_for(24h);
        });
        co_await yield();
        const std::vector<greenlet<>> one{stubborn};
        const auto none = co_await kill_all(one, std::chrono::hours::max());
        EXPECT_TRUE(none.empty());
    });
}

TYPED_TEST(waits_for_several, get_all_throws_as_soon_as_one_fails) {
    using task = typename TypeParam::template task<int>;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto fails = TypeParam::spawn([]() -> task {
            co_await sleep_for(1s);
            throw std::out_of_range("one");
        });
        const auto slow = this->sleeper(100);
        const time_point begin = loop::current().now();
        const std::vector<greenlet<int>> both{slow, fails};
        EXPECT_THROW(co_await get_all(both), std::out_of_range);
        EXPECT_LT(loop::current().now() - begin, 2s);
        slow.kill();
    });
}

TYPED_TEST(waits_for_several, killed_at_every_step_nobody_stays_watched) {
    using task = typename TypeParam::template task<>;
    event e;
    semaphore s(0);
    EXPECT_GT(story::sweep([&]() -> ringlet::task<> {
                  e.clear();
                  const auto other = TypeParam::spawn([&]() -> task {
                      co_await sleep_for(1s);
                      s.release();
                      co_await sleep_for(1s);
                      e.set();
                  });
                  std::exception_ptr stopped;
                  try {
                      const std::vector<source> all{e, s, other};
                      co_await wait_all(all);
                  } catch (...) {
                      stopped = std::current_exception();
                  }
                  const shield until_over;
                  co_await other.join();
                  while (s.try_acquire()) {}
                  if (stopped)
                      std::rethrow_exception(stopped);
              }),
              1u);
}

TEST(arrivals, what_comes_when_there_is_no_memory_is_given_out_all_the_same) {
    in_virtual_time([]() -> task<> {
        std::deque<event> events(100);
        std::vector<source> all;
        for (event& e : events)
            all.emplace_back(e);
        auto done = as_completed(std::move(all));
        {
            const story::memory_for nothing(0);
            for (event& e : events)
                e.set();
            for (int laps = 0; laps < 3; ++laps)
                co_await yield();
        }
        int count = 0;
        while (co_await done.next())
            ++count;
        EXPECT_EQ(count, 100);
    });
}

}  // namespace core_arrivals_test

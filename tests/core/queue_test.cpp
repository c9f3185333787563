// queue<T>: order, backpressure, hand-over, the end. Told by coroutines and by fibers.

#include "support/story.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_queue_test {

using namespace ringlet;
using story::in_virtual_time;
using testing::ElementsAre;

template <class World>
class queues : public testing::Test {};
TYPED_TEST_SUITE(queues, story::both_worlds, story::world_names);

TYPED_TEST(queues, hand_items_on_in_order) {
    using task = typename TypeParam::template task<>;
    for (const std::size_t capacity : {std::size_t(0), std::size_t(1), std::size_t(3), queue<int>::unbounded}) {
        SCOPED_TRACE("capacity " + std::to_string(capacity));
        std::vector<int> got;
        in_virtual_time([&]() -> ringlet::task<> {
            queue<int> q(capacity);
            const auto producer = TypeParam::spawn([&]() -> task {
                for (int i = 0; i < 8; ++i) {
                    co_await q.put(i);
                    EXPECT_LE(q.size(), capacity);
                }
                q.close();
            });
            const auto consumer = TypeParam::spawn([&]() -> task {
                while (auto item = co_await q.next())
                    got.push_back(*item);
            });
            co_await consumer.get();
            co_await producer.get();
        });
        EXPECT_THAT(got, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
    }
}

TYPED_TEST(queues, a_full_one_makes_producers_wait_in_order) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        queue<int> q(1);
        int stored = 0;
        for (int i = 0; i < 3; ++i)
            TypeParam::spawn([&q, &stored, i]() -> task {
                co_await q.put(i);
                ++stored;
            });
        co_await sleep_for(1s);
        EXPECT_EQ(stored, 1);
        EXPECT_TRUE(q.full());
        EXPECT_FALSE(q.try_put(9)) << "nobody overtakes those who wait";
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(co_await q.get(), i);
        co_await sleep_for(1s);
        EXPECT_EQ(stored, 3);
        EXPECT_TRUE(q.empty());
    });
}

TYPED_TEST(queues, consumers_are_served_in_the_order_of_their_asking) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        queue<int> q;
        for (const char name : {'a', 'b', 'c'})
            TypeParam::spawn([&q, &order, name]() -> task { order += name + std::to_string(co_await q.get()); });
        co_await yield();
        for (int i = 0; i < 3; ++i)
            co_await q.put(i);
        EXPECT_TRUE(q.empty()) << "items went straight to those who wait";
        EXPECT_EQ(q.try_get(), std::nullopt);
        co_await sleep_for(1s);
    });
    EXPECT_EQ(order, "a0b1c2");
}

TYPED_TEST(queues, of_no_capacity_is_a_meeting) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        queue<int> q(0);
        EXPECT_FALSE(q.try_put(1));
        bool put = false;
        const auto producer = TypeParam::spawn([&]() -> task {
            co_await q.put(7);
            put = true;
        });
        co_await sleep_for(1s);
        EXPECT_FALSE(put);
        EXPECT_EQ(q.try_get(), 7);
        co_await producer.get();
        const auto consumer = TypeParam::spawn([&]() -> task { EXPECT_EQ(co_await q.get(), 8); });
        co_await yield();
        EXPECT_TRUE(q.try_put(8));
        co_await consumer.get();
    });
}

TYPED_TEST(queues, a_consumer_that_timed_out_takes_nothing) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        queue<int> q;
        const auto impatient = TypeParam::spawn(
            [&]() -> task { EXPECT_THROW((void)co_await with_timeout(1s, q.get()), timeout_error); });
        co_await impatient.get();
        co_await q.put(1);
        EXPECT_EQ(q.size(), 1u);
        EXPECT_EQ(co_await q.get(), 1);
    });
}

TYPED_TEST(queues, a_producer_that_timed_out_has_put_nothing) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        queue<int> q(1);
        co_await q.put(1);
        const auto impatient =
            TypeParam::spawn([&]() -> task { EXPECT_THROW(co_await with_timeout(1s, q.put(2)), timeout_error); });
        co_await impatient.get();
        EXPECT_EQ(co_await q.get(), 1);
        EXPECT_TRUE(q.empty());
    });
}

// invariant 3, and "nothing lost" of invariant 4
TYPED_TEST(queues, a_consumer_killed_after_it_was_served_still_gets_its_item) {
    using task = typename TypeParam::template task<>;
    int got = 0;
    in_virtual_time([&]() -> ringlet::task<> {
        queue<int> q;
        const auto victim = TypeParam::spawn([&]() -> task { got = co_await q.get(); });
        co_await yield();
        EXPECT_TRUE(q.try_put(5));
        victim.kill();
        co_await victim.join();
    });
    EXPECT_EQ(got, 5);
}

TYPED_TEST(queues, closing_ends_the_waits_and_leaves_what_is_in_it) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        queue<int> full(1);
        co_await full.put(1);
        const auto producer = TypeParam::spawn([&]() -> task { co_await full.put(2); });
        queue<int> empty;
        const auto consumer = TypeParam::spawn([&]() -> task { (void)co_await empty.get(); });
        const auto looper = TypeParam::spawn([&]() -> task { EXPECT_FALSE(co_await empty.next()); });
        co_await yield();
        full.close();
        empty.close();
        EXPECT_TRUE(full.closed());
        EXPECT_THROW(co_await producer.get(), queue_closed);
        EXPECT_THROW(co_await consumer.get(), queue_closed);
        co_await looper.get();
        EXPECT_EQ(co_await full.get(), 1);
        EXPECT_THROW((void)co_await full.get(), queue_closed);
        EXPECT_THROW(co_await full.put(3), queue_closed);
        EXPECT_THROW((void)full.try_put(3), queue_closed);
        full.close();
    });
}

TYPED_TEST(queues, join_waits_until_every_item_is_done) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        queue<int> q(2);
        co_await q.join();  // nothing was put
        int done = 0;
        const auto worker = TypeParam::spawn([&]() -> task {
            for (;;) {
                (void)co_await q.get();
                co_await sleep_for(1s);
                ++done;
                q.task_done();
            }
        });
        for (int i = 0; i < 5; ++i)
            co_await q.put(i);
        co_await q.join();
        EXPECT_EQ(done, 5);
        EXPECT_THROW(q.task_done(), std::logic_error);
        co_await q.put(6);
        EXPECT_THROW(co_await with_timeout(500ms, q.join()), timeout_error);
        co_await q.join();
        EXPECT_EQ(done, 6);
        worker.kill();
        co_await worker.join();
    });
}

TEST(queue_items, may_be_move_only) {
    in_virtual_time([]() -> task<> {
        queue<std::unique_ptr<int>> q(0);
        const auto producer = spawn([&]() -> task<> { co_await q.put(std::make_unique<int>(4)); });
        EXPECT_EQ(*co_await q.get(), 4);
        auto kept = std::make_unique<int>(5);
        EXPECT_FALSE(q.try_put(kept));
        EXPECT_NE(kept, nullptr) << "moved from only when it was taken";
        co_await producer.get();
    });
}

TEST(queue_items, one_whose_move_throws_is_the_takers_exception_and_stays_where_it_was) {
    struct fragile {
        explicit fragile(bool& b) : breaks(&b) {}
        fragile(fragile&& other) : breaks(other.breaks) {
            if (*breaks)
                throw std::runtime_error("move");
        }
        bool* breaks;
    };
    in_virtual_time([]() -> task<> {
        bool breaks = false;
        queue<fragile> q(0);
        const auto producer = spawn([&]() -> task<> { co_await q.put(fragile(breaks)); });
        co_await yield();
        breaks = true;
        EXPECT_THROW((void)q.try_get(), std::runtime_error);
        breaks = false;
        EXPECT_TRUE(q.try_get());
        co_await producer.get();
        q.task_done();
        co_await q.join();  // it counts once
    });
}

TEST(queue_items, one_that_cannot_be_stored_is_an_error_of_its_putter_alone) {
    struct incomparable {
        bool operator()(int a, int b) const {
            return a == 13 || b == 13 ? throw std::domain_error("bad luck") : a < b;
        }
    };
    in_virtual_time([]() -> task<> {
        priority_queue<int, incomparable> q(2);
        co_await q.put(1);
        co_await q.put(2);
        const auto unlucky = spawn([&] { await(q.put(13)); });
        const auto next = spawn([&] { await(q.put(3)); });
        co_await yield();
        EXPECT_EQ(co_await q.get(), 1);
        EXPECT_THROW(co_await unlucky.get(), std::domain_error);
        co_await next.get();
        EXPECT_EQ(co_await q.get(), 2);
        EXPECT_EQ(co_await q.get(), 3);
        for (int i = 0; i < 3; ++i)
            q.task_done();
        EXPECT_THROW(q.task_done(), std::logic_error);
    });
}

TEST(queue_items, none_is_lost_by_a_comparison_that_fails) {
    struct fails_now {
        bool operator()(int a, int b) const { return (*left)-- == 0 ? throw std::domain_error("no") : a < b; }
        int* left;
    };
    for (int fails_after = 0; fails_after < 12; ++fails_after) {
        int left = 1000;
        priority_items<int, fails_now> items(fails_now{&left});
        for (const int item : {5, 2, 6, 1, 4, 3})
            items.put(item);
        left = fails_after;
        std::vector<int> taken;
        try {
            taken.push_back(items.take());
        } catch (const std::domain_error&) {}
        left = 1000;
        while (!items.empty())
            taken.push_back(items.take());
        EXPECT_THAT(taken, ElementsAre(1, 2, 3, 4, 5, 6)) << "failed after " << fails_after;
    }
}

TEST(queue_items, lost_to_neither_side_of_a_race_with_a_deadline) {
    in_virtual_time([]() -> task<> {
        // Around the moment at which the item comes, also within one turn of the kernel.
        for (int us = -100; us < 200; us += 10) {
            queue<int> q;
            const auto producer = spawn([&]() -> task<> {
                co_await sleep_for(10ms);
                q.try_put(1);
            });
            int got = 0;
            bool timed_out = false;
            try {
                const auto first =
                    co_await with_timeout(10ms + std::chrono::microseconds(us), race(q.get(), sleep_for(1h)));
                got = std::get<0>(first);
            } catch (const timeout_error&) {
                timed_out = true;
            }
            co_await producer.join();
            EXPECT_EQ(got + static_cast<int>(q.size()), 1) << "at " << us << " us; timed out: " << timed_out;
        }
    });
}

}  // namespace core_queue_test

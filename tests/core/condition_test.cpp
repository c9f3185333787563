// condition, recursive_mutex, rw_lock.

#include "support/story.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/condition.hpp>
#include <ringlet/core/rw_lock.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_condition_test {

using namespace ringlet;
using story::in_virtual_time;

template <class World>
class lock_stories : public testing::Test {};
TYPED_TEST_SUITE(lock_stories, story::both_worlds, story::world_names);

TYPED_TEST(lock_stories, a_condition_wakes_in_order_and_holds_the_lock_again) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        mutex m;
        condition changed;
        int tickets = 0;
        std::vector<greenlet<>> all;
        for (const char name : {'a', 'b', 'c'})
            all.push_back(TypeParam::spawn([&, name]() -> task {
                auto held = co_await m.lock();
                co_await changed.wait(held, [&] { return tickets > 0; });
                EXPECT_TRUE(m.locked());
                --tickets;
                order += name;
            }));
        co_await sleep_for(1s);
        EXPECT_FALSE(m.locked());
        {
            auto held = co_await m.lock();
            tickets = 1;
            changed.notify_one();
            order += 'n';
        }
        co_await sleep_for(1s);
        EXPECT_EQ(order, "na");
        tickets = 5;
        changed.notify_all();
        for (const auto& g : all)
            co_await g.get();
    });
    EXPECT_EQ(order, "nabc");
}

TYPED_TEST(lock_stories, a_condition_wait_that_is_cut_short_still_locks) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        mutex m;
        condition never_notified;
        bool owned = false;
        const auto waits = TypeParam::spawn([&]() -> task {
            auto held = co_await m.lock();
            try {
                co_await with_timeout(1s, never_notified.wait(held));
            } catch (const timeout_error&) {
                owned = held.owns_lock();
            }
        });
        co_await yield();
        {
            const auto held = co_await m.lock();
            co_await sleep_for(5s);
            EXPECT_FALSE(waits.ready());
        }
        co_await waits.get();
        EXPECT_TRUE(owned);
        EXPECT_FALSE(m.locked());
    });
}

TYPED_TEST(lock_stories, a_recursive_mutex_belongs_to_its_greenlet) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        recursive_mutex m;
        const auto twice = [&](char name) {
            return TypeParam::spawn([&, name]() -> task {
                const auto outer = co_await m.lock();
                order += name;
                co_await yield();
                {
                    const auto inner = co_await m.lock();
                    co_await yield();
                }
                EXPECT_TRUE(m.locked());
                order += name;
            });
        };
        const auto a = twice('a'), b = twice('b');
        co_await yield();
        EXPECT_EQ(m.owner(), &a.state());
        EXPECT_FALSE(m.try_lock());
        co_await a.get();
        co_await b.get();
        EXPECT_FALSE(m.locked());
    });
    EXPECT_EQ(order, "aabb");
}

TYPED_TEST(lock_stories, many_read_or_one_writes_and_neither_starves) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        rw_lock l;
        std::vector<greenlet<>> all;
        const auto reader = [&](char name) {
            all.push_back(TypeParam::spawn([&, name]() -> task {
                const auto held = co_await l.lock_shared();
                order += name;
                co_await sleep_for(1s);
            }));
        };
        const auto writer = [&](char name) {
            all.push_back(TypeParam::spawn([&, name]() -> task {
                const auto held = co_await l.lock();
                EXPECT_EQ(l.readers(), 0u);
                order += name;
                co_await sleep_for(1s);
            }));
        };
        reader('a');
        reader('b');
        writer('W');
        reader('c');
        reader('d');
        co_await sleep_for(500ms);
        EXPECT_EQ(order, "ab");
        EXPECT_EQ(l.readers(), 2u);
        co_await sleep_for(1s);
        EXPECT_EQ(order, "abW");
        for (const auto& g : all)
            co_await g.join();
    });
    EXPECT_EQ(order, "abWcd");
}

TYPED_TEST(lock_stories, readers_go_on_when_the_writer_before_them_gives_up) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        rw_lock l;
        const auto reading = co_await l.lock_shared();
        const auto writer = TypeParam::spawn([&]() -> task { co_await l.lock(); });
        const auto reader = TypeParam::spawn([&]() -> task { co_await l.lock_shared(); });
        co_await sleep_for(1s);
        EXPECT_FALSE(reader.ready());
        writer.kill();
        co_await with_timeout(1s, reader.join());
    });
}

TYPED_TEST(lock_stories, killed_at_every_step_the_locks_are_free_again) {
    using task = typename TypeParam::template task<>;
    mutex m;
    recursive_mutex r;
    rw_lock rw;
    condition changed;
    EXPECT_GT(story::sweep([&]() -> ringlet::task<> {
                  const auto other = TypeParam::spawn([&]() -> task {
                      const auto a = co_await m.lock();
                      const auto b = co_await r.lock();
                      const auto c = co_await rw.lock();
                      co_await sleep_for(1s);
                  });
                  std::exception_ptr stopped;
                  try {
                      auto held = co_await m.lock();
                      const auto b = co_await r.lock();
                      const auto c = co_await rw.lock_shared();
                      co_await changed.wait(held, [] { return true; });
                      co_await sleep_for(1s);
                  } catch (...) {
                      stopped = std::current_exception();
                  }
                  const shield until_over;
                  co_await other.join();
                  EXPECT_FALSE(m.locked());
                  EXPECT_FALSE(r.locked());
                  EXPECT_FALSE(rw.writing());
                  EXPECT_EQ(rw.readers(), 0u);
                  if (stopped)
                      std::rethrow_exception(stopped);
              }),
              0u);
}

}  // namespace core_condition_test

// channel and select: a value passes when both sides are there, in the order in which they came; a
// select takes part in one exchange and leaves no trace anywhere else.

#include "support/story.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/channel.hpp>
#include <ringlet/core/select.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_channel_test {

using namespace ringlet;
using story::counted;
using story::in_virtual_time;
using testing::ElementsAre;

template <class World>
class channels : public story::counting {};
TYPED_TEST_SUITE(channels, story::both_worlds, story::world_names);

TYPED_TEST(channels, a_value_passes_when_both_are_there) {
    using task = typename TypeParam::template task<>;
    std::vector<std::string> log;
    in_virtual_time([&]() -> ringlet::task<> {
        channel<int> c;
        const auto putter = TypeParam::spawn([&]() -> task {
            for (int i = 0; i < 2; ++i) {
                log.push_back("put " + std::to_string(i));
                co_await c.put(i);
            }
            log.push_back("put all");
        });
        co_await yield();
        EXPECT_EQ(c.balance(), 1);
        log.push_back("got " + std::to_string(co_await c.get()));
        log.push_back("got " + std::to_string(co_await c.get()));
        EXPECT_EQ(c.balance(), 0);
        co_await putter.join();
    });
    EXPECT_THAT(log, ElementsAre("put 0", "got 0", "put 1", "put all", "got 1"));
}

TYPED_TEST(channels, getters_and_putters_are_served_in_the_order_in_which_they_came) {
    using task = typename TypeParam::template task<>;
    std::vector<std::string> log;
    in_virtual_time([&]() -> ringlet::task<> {
        channel<int> c;
        for (const char name : {'a', 'b', 'c'})
            TypeParam::spawn([&, name]() -> task {
                const int got = co_await c.get();
                log.push_back(name + std::to_string(got));
            });
        co_await yield();
        EXPECT_EQ(c.balance(), -3);
        for (int i = 1; i <= 3; ++i)
            co_await c.put(i);
        co_await yield();
    });
    EXPECT_THAT(log, ElementsAre("a1", "b2", "c3"));
}

TYPED_TEST(channels, the_preference_says_who_goes_on_first) {
    using task = typename TypeParam::template task<>;
    const auto log_of = [](prefer p) {
        std::string log;
        in_virtual_time([&]() -> ringlet::task<> {
            channel<int> c(p);
            const auto getter = TypeParam::spawn([&]() -> task {
                for (int i = 0; i < 2; ++i) {
                    co_await c.get();
                    log += 'g';
                }
            });
            const auto putter = TypeParam::spawn([&]() -> task {
                for (int i = 0; i < 2; ++i) {
                    co_await c.put(i);
                    log += 'p';
                }
            });
            co_await getter.join();
            co_await putter.join();
        });
        return log;
    };
    EXPECT_EQ(log_of(prefer::getter), "gpgp");
    EXPECT_EQ(log_of(prefer::putter), "pgpg");
    EXPECT_EQ(log_of(prefer::none), "pggp");
}

TYPED_TEST(channels, closing_ends_waits_on_both_sides) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        channel<int> c, d;
        const auto getter = TypeParam::spawn([&]() -> task {
            const std::optional<int> none = co_await c.next();
            EXPECT_FALSE(none.has_value());
            EXPECT_THROW(co_await c.get(), queue_closed);
        });
        const auto putter = TypeParam::spawn([&]() -> task {
            EXPECT_THROW(co_await d.put(1), queue_closed);
            EXPECT_THROW(co_await d.put(2), queue_closed);
        });
        co_await yield();
        c.close();
        d.close();
        co_await getter.get();
        co_await putter.get();
    });
}

TYPED_TEST(channels, who_gave_up_neither_gives_nor_takes) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        channel<counted> c;
        const auto getter = TypeParam::spawn([&]() -> task { co_await with_timeout(1s, c.get()); });
        EXPECT_THROW(co_await getter.get(), timeout_error);
        EXPECT_EQ(c.balance(), 0);
        const auto putter = TypeParam::spawn([&]() -> task { co_await c.put(counted(1)); });
        co_await yield();
        putter.kill();
        co_await putter.join();
        EXPECT_THROW(co_await with_timeout(1s, c.get()), timeout_error);
    });
}

TYPED_TEST(channels, select_takes_part_in_one_exchange) {
    using task = typename TypeParam::template task<>;
    std::vector<std::string> log;
    in_virtual_time([&]() -> ringlet::task<> {
        channel<int> a;
        channel<std::string> b;
        const auto selector = TypeParam::spawn([&]() -> task {
            for (int i = 0; i < 3; ++i) {
                auto from_a = a.on_get();
                auto to_b = b.on_put("from select");
                expiry late(5s);
                switch (co_await select(from_a, to_b, late)) {
                    case 0: log.push_back("a " + std::to_string(*from_a.value)); break;
                    case 1: log.push_back("b"); break;
                    default: log.push_back("late");
                }
            }
        });
        co_await yield();
        co_await a.put(1);
        EXPECT_EQ(b.balance(), 0) << "it stands nowhere else any more";
        co_await yield();
        EXPECT_EQ(co_await b.get(), "from select");
        co_await selector.join();
        EXPECT_EQ(a.balance(), 0);
    });
    EXPECT_THAT(log, ElementsAre("a 1", "b", "late"));
}

TYPED_TEST(channels, an_expiry_too_long_to_be_counted_never_comes) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([&]() -> ringlet::task<> {
        channel<int> a;
        const auto selector = TypeParam::spawn([&]() -> task {
            auto from_a = a.on_get();
            expiry never_late(std::chrono::hours::max());
            EXPECT_EQ(co_await select(from_a, never_late), 0u);
        });
        co_await sleep_for(24h);
        EXPECT_EQ(a.balance(), -1) << "it waits";
        if (!selector.ready())
            co_await a.put(1);
        co_await selector.join();
    });
}

TYPED_TEST(channels, two_selects_meet) {
    using task = typename TypeParam::template task<>;
    int met = 0;
    in_virtual_time([&]() -> ringlet::task<> {
        channel<int> a, b;
        const auto one = TypeParam::spawn([&]() -> task {
            auto put = a.on_put(7);
            auto get = b.on_get();
            EXPECT_EQ(co_await select(put, get), 1u);
            EXPECT_EQ(get.value, 8);
            ++met;
        });
        const auto other = TypeParam::spawn([&]() -> task {
            auto get = a.on_get();
            auto put = b.on_put(8);
            EXPECT_EQ(co_await select(put, get), 0u) << "the first case that can be served";
            ++met;
        });
        co_await one.join();
        co_await other.join();
        auto get = a.on_get();
        EXPECT_EQ(try_select(get), std::nullopt) << "they met at one channel only";
    });
    EXPECT_EQ(met, 2);
}

TEST(select, a_closed_channel_is_ready_for_getters_and_an_error_for_putters) {
    in_virtual_time([]() -> task<> {
        channel<int> c;
        auto get = c.on_get();
        const auto closer = spawn([&]() -> task<> {
            c.close();
            co_return;
        });
        EXPECT_EQ(co_await select(get), 0u);
        EXPECT_FALSE(get.value.has_value());
        EXPECT_EQ(try_select(get), 0u);
        auto put = c.on_put(1);
        EXPECT_THROW(co_await select(put), queue_closed);
    });
}

TYPED_TEST(channels, killed_at_every_step_nothing_is_lost_twice) {
    using task = typename TypeParam::template task<>;
    EXPECT_GT(story::sweep([]() -> ringlet::task<> {
                  channel<counted> a, b;
                  std::vector<greenlet<>> helpers;
                  helpers.push_back(TypeParam::spawn([&]() -> task {
                      co_await sleep_for(1s);
                      co_await a.put(counted(1));
                      co_await b.put(counted(2));
                  }));
                  helpers.push_back(TypeParam::spawn([&]() -> task {
                      for (int i = 0; i < 2; ++i) {
                          auto x = a.on_get();
                          auto y = b.on_get();
                          expiry late(9s);
                          co_await select(x, y, late);
                      }
                  }));
                  std::exception_ptr stopped;
                  try {
                      for (const auto& g : helpers)
                          co_await g.join();
                  } catch (...) {
                      stopped = std::current_exception();
                  }
                  const shield until_over;
                  for (const auto& g : helpers) {
                      g.kill();
                      co_await g.join();
                  }
                  if (stopped)
                      std::rethrow_exception(stopped);
              }),
              1u);
}

TYPED_TEST(channels, an_awaiter_that_is_awaited_again_can_be_killed_again) {
    using task = typename TypeParam::template task<>;
    std::string how;
    in_virtual_time([&]() -> ringlet::task<> {
        channel<int> c;
        const auto getter = spawn([&]() -> ringlet::task<> {
            auto get = c.get();
            const int first = co_await get;
            EXPECT_EQ(first, 7);
            try {
                co_await get;
                how = "got";
            } catch (const queue_closed&) {
                how = "closed";
            } catch (const canceled&) {
                how = "canceled";
                throw;
            }
        });
        co_await TypeParam::spawn([&]() -> task { co_await c.put(7); }).get();
        co_await sleep_for(1s);
        getter.kill();
        co_await getter.join();
    });
    EXPECT_EQ(how, "canceled");
}

}  // namespace core_channel_test

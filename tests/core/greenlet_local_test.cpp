// greenlet_local: each greenlet has its own, for as long as it lives.

#include "support/counted.hpp"
#include "support/story.hpp"

#include <ringlet/core/futures.hpp>
#include <ringlet/core/greenlet_local.hpp>

#include <gmock/gmock.h>

namespace core_greenlet_local_test {

using namespace ringlet;
using story::counted;
using story::in_virtual_time;

template <class World>
class local_values : public story::counting {};
TYPED_TEST_SUITE(local_values, story::both_worlds, story::world_names);

TYPED_TEST(local_values, are_seen_by_their_greenlet_only_and_freed_with_it) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        greenlet_local<counted> number;
        number->value = 1;
        const auto other = TypeParam::spawn([&]() -> task {
            EXPECT_FALSE(number.has_value());
            EXPECT_EQ(number->value, 0);
            number->value = 2;
            co_await sleep_for(1s);
            EXPECT_EQ(number->value, 2);
            EXPECT_EQ(counted::alive(), 2u);
        });
        co_await sleep_for(500ms);
        EXPECT_EQ(number->value, 1);
        co_await other.get();
        EXPECT_EQ(counted::alive(), 1u) << "although there still is a handle";
        number.reset();
        EXPECT_EQ(counted::alive(), 0u);
    });
}

TYPED_TEST(local_values, go_with_the_variable_even_while_the_greenlet_runs) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([]() -> task {
            for (int i = 0; i < 100; ++i) {
                greenlet_local<counted> short_lived;
                short_lived->value = i;
                EXPECT_EQ(counted::alive(), 1u);
                co_await yield();
            }
            EXPECT_EQ(counted::alive(), 0u);
        });
        co_await g.get();
    });
}

TYPED_TEST(local_values, are_copied_into_spawned_greenlets_if_asked) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        greenlet_local<std::string> user(inherit::yes), own;
        *user = "root";
        *own = "mine";
        const auto child = TypeParam::spawn([&]() -> task {
            EXPECT_EQ(*user, "root");
            EXPECT_EQ(*own, "");
            *user = "nobody";
            const auto grandchild = TypeParam::spawn([&]() -> task {
                EXPECT_EQ(*user, "nobody");
                co_return;
            });
            co_await grandchild.get();
        });
        *user = "changed after the spawn";
        co_await child.get();
        EXPECT_EQ(*user, "changed after the spawn");
    });
}

TYPED_TEST(local_values, begin_as_their_factory_says) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        int made = 0;
        greenlet_local<int> number([&] { return ++made; });
        EXPECT_EQ(*number, 1);
        const auto g = TypeParam::spawn([&]() -> task {
            EXPECT_EQ(*number, 2);
            EXPECT_EQ(*number, 2);
            co_return;
        });
        co_await g.get();
    });
}

TYPED_TEST(local_values, are_copied_into_calls_on_other_threads_if_asked) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        greenlet_local<std::string> carried(inherit::yes), own;
        const auto text = [&]() -> task {
            *carried = "of the greenlet";
            *own = "its own";
            const auto call = [&] {
                const std::string seen = *carried + ", " + *own + "|";
                *carried = "of the call";
                return seen + *carried + (own.has_value() ? " too" : "");
            };
            const std::string first = co_await offload(call);
            EXPECT_EQ(first, "of the greenlet, |of the call too");
            const std::string second = co_await offload(call);
            EXPECT_EQ(second, first) << "each call has its own";
            EXPECT_EQ(*carried, "of the greenlet");
            futures::thread_pool_executor executor(1);
            const std::string third = co_await executor.submit(call).result();
            EXPECT_EQ(third, first);
        };
        co_await TypeParam::spawn(text).get();
    });
}

}  // namespace core_greenlet_local_test

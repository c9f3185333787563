// latch and barrier.

#include "support/story.hpp"

#include <ringlet/core/latch.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_latch_test {

using namespace ringlet;
using story::in_virtual_time;

template <class World>
class gates : public testing::Test {};
TYPED_TEST_SUITE(gates, story::both_worlds, story::world_names);

TYPED_TEST(gates, a_latch_opens_at_zero_and_stays_open) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        latch l(2);
        const auto waits = TypeParam::spawn([&]() -> task {
            co_await l.wait();
            order += 'w';
        });
        co_await yield();
        l.count_down();
        co_await yield();
        EXPECT_EQ(l.left(), 1u);
        order += '1';
        co_await l.arrive_and_wait();
        co_await waits.join();
        co_await l.wait();
    });
    EXPECT_EQ(order, "1w");
}

TYPED_TEST(gates, a_barrier_lets_all_pass_together_again_and_again) {
    using task = typename TypeParam::template task<>;
    std::string order;
    std::vector<std::size_t> missing;
    in_virtual_time([&]() -> ringlet::task<> {
        barrier b(3);
        std::vector<greenlet<>> all;
        for (const char name : {'a', 'b', 'c'})
            all.push_back(TypeParam::spawn([&, name]() -> task {
                for (int round = 0; round < 2; ++round) {
                    co_await sleep_for(std::chrono::seconds(name - 'a'));
                    order += name;
                    missing.push_back(co_await b.arrive_and_wait());
                    order += static_cast<char>(name - 'a' + 'A');
                }
            }));
        for (const auto& g : all)
            co_await g.join();
    });
    EXPECT_EQ(order, "abcCABabcCAB");
    EXPECT_THAT(missing, testing::ElementsAre(0, 2, 1, 0, 2, 1));
}

TYPED_TEST(gates, who_leaves_a_barrier_has_not_come) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        barrier b(2);
        const auto leaves = TypeParam::spawn([&]() -> task { co_await b.arrive_and_wait(); });
        co_await yield();
        EXPECT_EQ(b.waiting(), 1u);
        leaves.kill();
        co_await leaves.join();
        EXPECT_EQ(b.waiting(), 0u);
        EXPECT_THROW(co_await with_timeout(1s, b.arrive_and_wait()), timeout_error);
    });
}

}  // namespace core_latch_test

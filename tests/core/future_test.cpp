// promise and future.

#include "support/counted.hpp"
#include "support/story.hpp"

#include <ringlet/core/future.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_future_test {

using namespace ringlet;
using story::counted;
using story::in_virtual_time;

template <class World>
class futures : public story::counting {};
TYPED_TEST_SUITE(futures, story::both_worlds, story::world_names);

TYPED_TEST(futures, everybody_gets_the_value_in_the_order_of_waiting) {
    using task = typename TypeParam::template task<>;
    std::string order;
    in_virtual_time([&]() -> ringlet::task<> {
        const promise<counted> p;
        std::vector<greenlet<>> all;
        for (const char name : {'a', 'b'})
            all.push_back(TypeParam::spawn([&order, f = p.future(), name]() -> task {
                const counted got = co_await f.get();
                EXPECT_EQ(got.value, 7);
                order += name;
            }));
        co_await yield();
        p.set_value(counted(7));
        EXPECT_THROW(p.set_value(counted(8)), std::logic_error);
        for (const auto& g : all)
            co_await g.get();
        const counted again = co_await p.future();
        EXPECT_EQ(again.value, 7);
    });
    EXPECT_EQ(order, "ab");
}

TYPED_TEST(futures, an_error_and_a_dropped_promise_come_out_of_get) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        std::optional<promise<>> p(std::in_place), q(std::in_place);
        const auto waits = TypeParam::spawn([f = p->future(), g = q->future()]() -> task {
            EXPECT_THROW(co_await f.get(), std::out_of_range);
            co_await g.wait();
            EXPECT_THROW(co_await g.get(), broken_promise);
        });
        co_await yield();
        p->set_error(std::out_of_range("x"));
        q.reset();
        co_await waits.get();
    });
}

TYPED_TEST(futures, who_gave_up_is_not_woken) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        const promise<std::unique_ptr<int>> p;
        const auto waits = TypeParam::spawn([f = p.future()]() -> task { co_await f.get(); });
        co_await yield();
        waits.kill();
        co_await waits.join();
        p.set_value(std::make_unique<int>(3));
        EXPECT_EQ(*co_await p.future(), 3);
    });
}

}  // namespace core_future_test

// What users' destructors do runs in the middle of ours: when a greenlet's call, result or local values go, they
// may add links and remove some, reset other values, or spawn.

#include "support/counted.hpp"
#include "support/story.hpp"

#include <ringlet/core/greenlet_local.hpp>
#include <ringlet/core/group.hpp>

#include <gmock/gmock.h>

#include <functional>
#include <memory>

namespace core_destructors_test {

using namespace ringlet;
using story::counted;
using story::in_virtual_time;

/// Does something once, when it goes.
class last_act {
public:
    explicit last_act(std::function<void()>& act) : act_(&act) {}
    last_act(last_act&& other) noexcept : act_(std::exchange(other.act_, nullptr)) {}
    last_act(const last_act&) = delete;
    ~last_act() {
        if (act_ != nullptr && *act_)
            std::exchange(*act_, nullptr)();
    }

private:
    std::function<void()>* act_;
};

/// When it is over its link is told once, and with the last handle its result goes.
task<> expect_told_and_freed(greenlet<counted>& g, const int& told) {
    co_await g.join();
    co_await yield();
    EXPECT_EQ(told, 1);
    EXPECT_EQ(counted::alive(), 1u) << "the result";
    g = {};
    EXPECT_EQ(counted::alive(), 0u) << "nobody else has the greenlet";
}

struct refuses_to_be_copied {
    refuses_to_be_copied() = default;
    refuses_to_be_copied(refuses_to_be_copied&&) = default;
    refuses_to_be_copied(const refuses_to_be_copied&) { throw std::runtime_error("no copy"); }
};

template <class World>
class destructors : public story::counting {};
TYPED_TEST_SUITE(destructors, story::both_worlds, story::world_names);

TYPED_TEST(destructors, of_what_was_spawned_may_add_a_link) {
    using task = typename TypeParam::template task<counted>;
    in_virtual_time([]() -> ringlet::task<> {
        std::function<void()> act;
        int told = 0;
        auto g = TypeParam::spawn([last = last_act(act)]() -> task { co_return counted(1); });
        act = [&] { g.link([&](const greenlet<counted>&) { ++told; }); };
        co_await expect_told_and_freed(g, told);
    });
}

TYPED_TEST(destructors, of_a_local_value_may_link_to_the_greenlet_that_it_dies_with) {
    using task = typename TypeParam::template task<counted>;
    in_virtual_time([]() -> ringlet::task<> {
        greenlet_local<std::optional<last_act>> value;
        std::function<void()> act;
        int told = 0;
        auto g = TypeParam::spawn([&]() -> task {
            value->emplace(act);
            co_return counted(1);
        });
        act = [&] { g.link([&](const greenlet<counted>&) { ++told; }); };
        co_await expect_told_and_freed(g, told);
    });
}

TYPED_TEST(destructors, of_what_was_spawned_may_remove_a_link) {
    using task = typename TypeParam::template task<counted>;
    in_virtual_time([]() -> ringlet::task<> {
        std::function<void()> act;
        auto g = TypeParam::spawn([last = last_act(act)]() -> task { co_return counted(1); });
        const auto unwanted = g.link([](const greenlet<counted>&) { ADD_FAILURE() << "it was removed"; });
        act = [&] { EXPECT_TRUE(g.unlink(unwanted)); };
        co_await g.join();
        co_await yield();
        EXPECT_EQ(counted::alive(), 1u) << "the handle has the greenlet, and that the result";
        const counted result = co_await g.get();
        EXPECT_EQ(result.value, 1);
    });
}

TYPED_TEST(destructors, of_a_link_may_remove_another_and_add_one) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        std::function<void()> act;
        std::string told;
        const auto g = TypeParam::spawn([]() -> task { co_return; });
        const auto first = g.link([last = std::make_shared<last_act>(act)](const greenlet<>&) {});
        const auto second = g.link([&](const greenlet<>&) { told += "second "; });
        g.link([&](const greenlet<>&) { told += "third "; });
        act = [&] {
            EXPECT_TRUE(g.unlink(second));
            g.link([&](const greenlet<>&) { told += "fourth "; });
        };
        EXPECT_TRUE(g.unlink(first));
        co_await g.join();
        co_await yield();
        EXPECT_EQ(told, "third fourth ");
    });
}

TYPED_TEST(destructors, of_a_local_value_may_reset_another) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        co_await TypeParam::spawn([]() -> task {
            std::function<void()> act;
            greenlet_local<std::optional<last_act>> first;
            greenlet_local<counted> second, third;
            first->emplace(act);
            second->value = 2;
            third->value = 3;
            act = [&] {
                third.reset();
                EXPECT_EQ(second->value, 2);
            };
            first.reset();
            EXPECT_EQ(counted::alive(), 1u);
            EXPECT_FALSE(third.has_value());
            EXPECT_EQ(second->value, 2);
            co_return;
        }).get();
    });
}

TYPED_TEST(destructors, of_a_local_value_may_end_another_variable) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        std::optional<greenlet_local<counted>> other(std::in_place);
        std::function<void()> act = [&] {
            EXPECT_TRUE(other->has_value());
            other.reset();
            EXPECT_EQ(counted::alive(), 0u);
        };
        greenlet_local<last_act> ends([&] { return last_act(act); });
        co_await TypeParam::spawn([&]() -> task {
            ends.get();
            other->get();
            co_return;
        }).join();
        EXPECT_FALSE(other.has_value());
    });
}

TEST(destructors_at_the_end, of_a_local_value_of_the_main_program_may_end_another_variable) {
    std::optional<greenlet_local<counted>> other(std::in_place);
    std::function<void()> act = [&] { other.reset(); };
    greenlet_local<last_act> ends([&] { return last_act(act); });
    {
        loop all(io::make_virtual_time());
        ends.get();
        other->get();
    }
    EXPECT_FALSE(other.has_value());
    EXPECT_EQ(counted::alive(), 0u);
}

TYPED_TEST(destructors, a_value_that_cannot_be_copied_for_a_child_fails_the_spawn_and_leaves_nothing) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        greenlet_local<refuses_to_be_copied> value(inherit::yes);
        value.get();
        const auto try_to = [] { TypeParam::spawn([c = counted(1)]() -> task { co_return; }); };
        EXPECT_THROW(try_to(), std::runtime_error);
        EXPECT_EQ(counted::alive(), 0u);
        value.reset();
        co_await TypeParam::spawn([]() -> task { co_return; }).join();
    });
}

TEST(destructors_in_groups, of_a_result_may_spawn_into_a_group_that_waits_for_its_end) {
    in_virtual_time([]() -> task<> {
        bool ran = false;
        std::function<void()> act;
        co_await with_group([&](group& g) -> task<> {
            act = [&] {
                g.spawn([&]() -> task<> {
                    co_await yield();
                    ran = true;
                });
            };
            g.spawn([&]() -> task<last_act> { co_return last_act(act); });
            co_return;
        });
        EXPECT_TRUE(ran);
    });
}

TEST(destructors_in_groups, of_a_result_may_spawn_into_its_group) {
    in_virtual_time([]() -> task<> {
        int spawned = 0;
        std::function<void()> act;
        co_await with_group([&](group& g) -> task<> {
            for (int i = 0; i < 100; ++i) {
                act = [&] {
                    ++spawned;
                    g.spawn([]() -> task<> { co_return; });
                };
                g.spawn([&]() -> task<last_act> { co_return last_act(act); });
                co_await yield();
                co_await yield();
            }
            act = nullptr;
        });
        EXPECT_GT(spawned, 0);
    });
}

}  // namespace core_destructors_test

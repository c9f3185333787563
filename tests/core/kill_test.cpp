// Greenlets that are told to stop: killed before they run, while they wait, by themselves and by thousands, and
// interrupted, which is told once. A joiner that gives up kills nobody. Coroutines and fibers die alike, so each story
// is told by both.

#include "support/story.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_kill_test {

using namespace ringlet;
using story::in_virtual_time;

template <class World>
class kills : public testing::Test {
protected:
    void SetUp() override {
        set_report_sink([this](std::string_view text) { reports.emplace_back(text); });
    }
    void TearDown() override { set_report_sink(nullptr); }

    std::vector<std::string> reports;
};
TYPED_TEST_SUITE(kills, story::both_worlds, story::world_names);

TYPED_TEST(kills, kill_ends_the_wait_and_a_joiner_is_told_so) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        bool unwound = false;
        const auto g = TypeParam::spawn([&]() -> task {
            try {
                co_await sleep_for(1h);
            } catch (const canceled&) {
                unwound = true;
                throw;
            }
        });
        co_await yield();
        const time_point begin = loop::current().now();
        g.kill();
        g.kill();
        co_await g.join();
        EXPECT_TRUE(unwound);
        EXPECT_TRUE(g.ready());
        EXPECT_FALSE(g.successful());
        EXPECT_FALSE(g.exception());
        EXPECT_THROW(co_await g.get(), greenlet_killed);
        EXPECT_EQ(loop::current().now(), begin);
        g.kill();  // of a dead one: nothing
    });
    EXPECT_TRUE(this->reports.empty()) << "cancellation is not an error";
}

TYPED_TEST(kills, one_killed_before_its_first_run_never_runs) {
    using task = typename TypeParam::template task<>;
    bool ran = false;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([&]() -> task {
            ran = true;
            co_return;
        });
        g.kill();
        co_await g.join();
        EXPECT_FALSE(g.successful());
    });
    EXPECT_FALSE(ran);
}

TYPED_TEST(kills, one_killed_while_ready_goes_on_to_its_next_wait) {
    using task = typename TypeParam::template task<>;
    std::string path;
    in_virtual_time([&]() -> ringlet::task<> {
        event e;
        const auto g = TypeParam::spawn([&]() -> task {
            co_await e.wait();
            path += "served ";
            co_await sleep_for(1h);
            path += "slept ";
        });
        co_await yield();
        e.set();
        g.kill();
        co_await g.join();
    });
    EXPECT_EQ(path, "served ");
}

TYPED_TEST(kills, one_that_kills_itself_goes_on_to_its_next_wait) {
    using task = typename TypeParam::template task<>;
    std::string path;
    in_virtual_time([&]() -> ringlet::task<> {
        greenlet<> self;
        self = TypeParam::spawn([&]() -> task {
            self.kill();
            path += "still here ";
            co_await yield();
            path += "never here";
        });
        co_await self.join();
        EXPECT_FALSE(self.successful());
    });
    EXPECT_EQ(path, "still here ");
}

TYPED_TEST(kills, one_that_swallows_its_kill_is_told_again_at_every_wait_and_may_return) {
    using task = typename TypeParam::template task<int>;
    in_virtual_time([]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([]() -> task {
            int told = 0;
            for (int i = 0; i < 3; ++i) {
                try {
                    co_await sleep_for(1h);
                } catch (const canceled&) {
                    ++told;
                }
            }
            co_return told;
        });
        co_await yield();
        g.kill();
        EXPECT_EQ(co_await g.get(), 3);
    });
}

TYPED_TEST(kills, one_that_fails_while_it_unwinds_has_failed) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([]() -> task {
            try {
                co_await sleep_for(1h);
            } catch (const canceled&) {
                throw std::runtime_error("clean-up failed");
            }
        });
        co_await yield();
        g.kill();
        EXPECT_THROW(co_await g.get(), std::runtime_error);
    });
}

TYPED_TEST(kills, a_joiner_that_times_out_leaves_the_greenlet_alone) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([]() -> task { co_await sleep_for(10s); });
        EXPECT_THROW(co_await with_timeout(1s, g.join()), timeout_error);
        EXPECT_FALSE(g.ready());
        co_await g.get();
    });
}

TYPED_TEST(kills, killing_the_joiner_leaves_the_greenlet_alone) {
    using task = typename TypeParam::template task<>;
    in_virtual_time([]() -> ringlet::task<> {
        const auto g = spawn([]() -> ringlet::task<> { co_await sleep_for(10s); });
        const auto joiner = TypeParam::spawn([g]() -> task { co_await g.join(); });
        co_await yield();
        joiner.kill();
        co_await joiner.join();
        EXPECT_FALSE(g.ready());
        co_await g.get();
    });
}

// invariant 9
TYPED_TEST(kills, an_interruption_is_thrown_once_out_of_the_wait_or_the_next_one) {
    using task = typename TypeParam::template task<>;
    std::string path;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([&]() -> task {
            for (int i = 0; i < 2; ++i) {
                try {
                    co_await sleep_for(10s);
                    path += "slept ";
                } catch (const std::runtime_error& e) {
                    path += e.what();
                    path += ' ';
                }
            }
        });
        co_await sleep_for(1s);
        g.state().interrupt(std::make_exception_ptr(std::runtime_error("now")));
        co_await g.get();
    });
    EXPECT_EQ(path, "now slept ");
}

TYPED_TEST(kills, a_kill_goes_before_an_interruption_and_a_shield_holds_off_both) {
    using task = typename TypeParam::template task<>;
    std::string path;
    in_virtual_time([&]() -> ringlet::task<> {
        const auto g = TypeParam::spawn([&]() -> task {
            {
                const shield s;
                co_await sleep_for(10s);
                path += "shielded ";
            }
            try {
                co_await sleep_for(10s);
            } catch (const canceled&) {
                path += "canceled ";
                throw;
            } catch (const std::runtime_error&) {
                path += "interrupted ";
            }
        });
        co_await sleep_for(1s);
        g.state().interrupt(std::make_exception_ptr(std::runtime_error("now")));
        g.kill();
        co_await g.join();
    });
    EXPECT_EQ(path, "shielded canceled ");
}

TEST(kill, ten_thousand_killed_at_once_are_all_gone) {
    in_virtual_time([]() -> task<> {
        event never_set;
        std::vector<greenlet<>> all;
        for (int i = 0; i < 10'000; ++i)
            all.push_back(spawn([&]() -> task<> { co_await never_set.wait(); }));
        co_await yield();
        for (const auto& g : all)
            g.kill();
        for (const auto& g : all)
            co_await g.join();
        all.clear();
        std::size_t alive = 0;
        loop::current().for_each_greenlet([&](const greenlet_base&) { ++alive; });
        EXPECT_EQ(alive, 1u);
    });
}

}  // namespace core_kill_test

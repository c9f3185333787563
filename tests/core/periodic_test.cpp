// periodic: calls come at multiples of the period.

#include "support/story.hpp"

#include <ringlet/core/periodic.hpp>

#include <gmock/gmock.h>

#include <deque>

namespace core_periodic_test {

using namespace ringlet;
using story::in_virtual_time;
using testing::ElementsAre;

class periodic_calls : public testing::Test {
protected:
    void SetUp() override {
        set_report_sink([this](std::string_view text) { reports.emplace_back(text); });
    }
    void TearDown() override { set_report_sink(nullptr); }

    static long seconds_since(time_point begin) {
        return std::chrono::round<std::chrono::seconds>(loop::current().fresh_now() - begin).count();
    }
    std::vector<long> calls;
    std::vector<std::string> reports;
};

TEST_F(periodic_calls, come_at_multiples_of_the_period_and_late_ones_fall_away) {
    in_virtual_time([this]() -> task<> {
        const time_point begin = loop::current().fresh_now();
        periodic p(10s, [&]() -> task<> {
            calls.push_back(seconds_since(begin));
            if (calls.size() == 2)
                co_await sleep_for(25s);
        });
        EXPECT_FALSE(p.running());
        p.start();
        p.start();
        EXPECT_TRUE(p.running());
        co_await sleep_for(65s);
        p.stop();
        EXPECT_FALSE(p.running());
        co_await sleep_for(100s);
    });
    EXPECT_THAT(calls, ElementsAre(10, 20, 50, 60));
}

TEST_F(periodic_calls, go_on_after_an_error_and_may_block_a_fiber) {
    in_virtual_time([this] {
        const time_point begin = loop::current().fresh_now();
        periodic p(10s, [&] {
            await(sleep_for(1s));
            calls.push_back(seconds_since(begin));
            throw std::out_of_range("oops");
        });
        p.start();
        await(sleep_for(25s));
    });
    EXPECT_THAT(calls, ElementsAre(11, 21));
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_THAT(reports[0], testing::HasSubstr("oops"));
}

TEST_F(periodic_calls, jitter_moves_them_a_little) {
    in_virtual_time([]() -> task<> {
        int n = 0;
        periodic p(10s, [&] { ++n; }, 0.5);
        p.start();
        co_await sleep_for(1000s);
        EXPECT_GE(n, 60);
        EXPECT_LE(n, 140);
    });
}

TEST_F(periodic_calls, with_a_period_that_never_ends_none_comes) {
    in_virtual_time([]() -> task<> {
        int n = 0;
        std::deque<periodic> many;
        for (int i = 0; i < 20; ++i)
            many.emplace_back(duration::max(), [&] { ++n; }, 0.5).start();
        co_await sleep_for(1s);
        EXPECT_EQ(n, 0);
    });
}

}  // namespace core_periodic_test

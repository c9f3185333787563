// asyncio's and Tornado's words (threading's: threading_test.cpp): what each does in its own world it does here.

#include <ringlet/core/compat/asyncio.hpp>
#include <ringlet/core/compat/tornado.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace core_compat_test {

using namespace ringlet;
using testing::ElementsAre;

template <class Fn>
void story(Fn fn) {
    ringlet::run(io::make_virtual_time(), fn);
}

task<int> gives(int n, duration after) {
    co_await sleep_for(after);
    co_return n;
}
task<int> fails(duration after) {
    co_await sleep_for(after);
    throw std::out_of_range("late");
}

TEST(asyncio, gather_gives_all_results_or_the_first_error) {
    story([]() -> task<> {
        auto [a, b] = co_await asyncio::gather(gives(1, 2s), gives(2, 1s));
        EXPECT_EQ(a, 1);
        EXPECT_EQ(b, 2);
        bool failed = false;
        try {
            co_await asyncio::gather(gives(1, 1h), fails(1s));
        } catch (const std::out_of_range&) {
            failed = true;
        }
        EXPECT_TRUE(failed);
    });
}

TEST(asyncio, gather_returns_exceptions_if_asked) {
    story([]() -> task<> {
        auto [a, b, c] = co_await asyncio::gather(asyncio::return_exceptions, gives(1, 2s), fails(1s), sleep_for(3s));
        EXPECT_EQ(a.get(), 1);
        EXPECT_THROW(b.get(), std::out_of_range);
        EXPECT_EQ(c.error(), nullptr);
        std::vector<task<int>> many;
        many.push_back(fails(1s));
        many.push_back(gives(5, 1s));
        auto results = co_await asyncio::gather(asyncio::return_exceptions, std::move(many));
        EXPECT_NE(results[0].error(), nullptr);
        EXPECT_EQ(results[1].get(), 5);
    });
}

TEST(asyncio, shield_ends_the_wait_and_not_the_work) {
    story([] {
        bool finished = false;
        const auto work = [&]() -> task<int> {
            co_await sleep_for(5s);
            finished = true;
            co_return 3;
        };
        EXPECT_THROW(await(asyncio::wait_for(asyncio::shield(work()), 1)), asyncio::TimeoutError);
        EXPECT_FALSE(finished);
        await(asyncio::sleep(10));
        EXPECT_TRUE(finished);
        EXPECT_EQ(await(asyncio::shield(work())), 3);
    });
}

TEST(asyncio, a_task_group_waits_for_its_tasks_and_a_timeout_ends_them) {
    story([]() -> task<> {
        int done = 0;
        const auto three = [&](asyncio::TaskGroup& g) -> task<> {
            for (int i = 1; i <= 3; ++i)
                g.spawn([&done, i]() -> task<> {
                    co_await sleep_for(i * 1s);
                    ++done;
                });
            co_return;
        };
        const auto whole = [&]() -> task<> { co_await asyncio::task_group(three); };
        co_await asyncio::timeout(10, whole);
        EXPECT_EQ(done, 3);
        bool timed_out = false;
        try {
            co_await asyncio::timeout(1.5, whole);
        } catch (const asyncio::TimeoutError&) {
            timed_out = true;
        }
        EXPECT_TRUE(timed_out);
        EXPECT_EQ(done, 4);
    });
}

TEST(asyncio, to_thread_runs_elsewhere_and_tasks_are_listed) {
    story([]() -> task<> {
        const auto add = [](int a, int b) { return a + b; };
        EXPECT_EQ(co_await asyncio::to_thread(add, 2, 3), 5);
        auto t = asyncio::create_task(gives(1, 1s));
        t.set_name("named");
        const auto all = asyncio::all_tasks();
        EXPECT_EQ(all.size(), 2u);
        EXPECT_EQ(all.back().name, "named");
        EXPECT_EQ(co_await t.get(), 1);
    });
}

TEST(tornado, a_periodic_callback_keeps_its_phase_and_skips_what_it_overlaps) {
    story([] {
        std::vector<int> at;
        const time_point start = hub().fresh_now();
        const auto seconds_since = [start] {
            return static_cast<int>(std::chrono::round<std::chrono::seconds>(hub().fresh_now() - start).count());
        };
        tornado::PeriodicCallback every(
            [&] {
                at.push_back(seconds_since());
                if (at.size() == 2)
                    await(sleep_for(25s));
            },
            10s);
        every.start();
        EXPECT_TRUE(every.is_running());
        await(sleep_for(65s));
        every.stop();
        EXPECT_FALSE(every.is_running());
        await(sleep_for(60s));
        EXPECT_THAT(at, ElementsAre(10, 20, 50, 60));
    });
}

TEST(tornado, jitter_spreads_the_calls_within_its_bounds) {
    story([] {
        std::vector<duration> gaps;
        time_point last = hub().fresh_now();
        tornado::PeriodicCallback every(
            [&]() -> task<> {
                const time_point now = hub().fresh_now();
                gaps.push_back(now - last);
                last = now;
                co_return;
            },
            100s, 0.5);
        every.start();
        await(sleep_for(100 * 100s));
        every.stop();
        bool differ = false;
        for (const duration gap : gaps) {
            EXPECT_GE(gap, 74s);
            EXPECT_LE(gap, 126s);
            differ = differ || gap != gaps.front();
        }
        EXPECT_TRUE(differ);
    });
}

TEST(tornado, call_later_and_add_callback_from_a_thread) {
    story([] {
        std::string order;
        event done;
        auto loop = tornado::IOLoop::current();
        auto never_called = loop.call_later(1s, [&] { order += "never "; });
        loop.call_later(2s, [&](std::string what) { order += what; }, "two ");
        loop.call_at(loop.time() + 1s, [&] { order += "one "; });
        tornado::IOLoop::remove_timeout(never_called);
        await(sleep_for(3s));
        std::jthread other([&, loop] {
            loop.add_callback([&] {
                order += "thread";
                done.set();
            });
        });
        await(done.wait());
        EXPECT_EQ(order, "one two thread");
    });
}

}  // namespace core_compat_test

// Blocking calls on helper threads: results, errors, kills, pools and futures.

#include "support/allocations.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/futures.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/thread_pool.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <numeric>
#include <thread>

namespace core_offload_test {

using namespace ringlet;
using testing::ElementsAre;
using testing::HasSubstr;

class offloading : public testing::TestWithParam<const char*> {
protected:
    static std::unique_ptr<kernel> make() {
        return GetParam() == std::string_view("virtual") ? io::make_virtual_time() : make_kernel();
    }
};
INSTANTIATE_TEST_SUITE_P(on, offloading, testing::Values("uring", "virtual"),
                         [](const auto& kernel) { return std::string(kernel.param); });

/// What a helper thread does until the test lets it go on.
class gate {
public:
    void open() { latch_.count_down(); }
    void pass() { latch_.wait(); }

private:
    std::latch latch_{1};
};

TEST_P(offloading, gives_the_result_of_a_call_on_another_thread) {
    run(make(), []() -> task<> {
        const auto here = std::this_thread::get_id();
        const auto call = [] { return std::this_thread::get_id(); };
        EXPECT_NE(co_await offload(call), here);
        const auto owner = [] { return std::make_unique<int>(3); };
        EXPECT_EQ(*co_await offload(owner), 3);
        const auto nothing = [] {};
        co_await offload(nothing);
        static int variable = 0;
        const auto reference = []() -> int& { return variable; };
        EXPECT_EQ(&co_await offload(reference), &variable);
    });
}

TEST_P(offloading, throws_what_the_call_threw) {
    run(make(),
        [] { EXPECT_THROW(await(offload([]() -> int { throw std::out_of_range("no"); })), std::out_of_range); });
}

TEST_P(offloading, other_greenlets_run_meanwhile) {
    std::string order;
    run(make(), [&] {
        gate g;
        auto blocked = spawn([&]() -> task<> {
            const auto wait = [&] { g.pass(); };
            co_await offload(wait);
            order += "offloaded ";
        });
        await(yield());
        order += "meanwhile ";
        g.open();
        await(blocked.join());
    });
    EXPECT_EQ(order, "meanwhile offloaded ");
}

TEST_P(offloading, no_virtual_time_passes_during_a_call) {
    run(make(), [] {
        auto alarm = spawn([] { await(sleep_for(100h)); });
        const time_point before = loop::current().fresh_now();
        await(offload([] { std::this_thread::sleep_for(1ms); }));
        EXPECT_LT(loop::current().fresh_now() - before, 100h);
        alarm.kill();
    });
}

TEST_P(offloading, a_killed_waiter_stays_until_what_it_lent_is_given_back) {
    run(make(), [] {
        gate started, may_end;
        int written = 0, seen_by_waiter = 0;
        bool next_wait_failed = false;
        auto waiter = spawn([&] {
            int buffer = 0;  // lent to the helper
            await(offload([&] {
                started.open();
                may_end.pass();
                buffer = written = 7;
            }));
            seen_by_waiter = buffer;
            try {
                await(sleep_for(1s));
            } catch (const canceled&) {
                next_wait_failed = true;
                throw;
            }
        });
        await(yield());
        started.pass();
        waiter.kill();
        await(yield());
        EXPECT_FALSE(waiter.ready());
        may_end.open();
        await(waiter.join());
        EXPECT_EQ(seen_by_waiter, 7);
        EXPECT_TRUE(next_wait_failed);
    });
}

TEST_P(offloading, who_is_killed_before_its_turn_leaves_at_once_and_the_call_never_runs) {
    run(make(), [] {
        loop::current().service<workers>().resize(1);
        gate may_end;
        bool ran = false;
        auto first = spawn([&] { await(offload([&] { may_end.pass(); })); });
        auto second = spawn([&] { await(offload([&] { ran = true; })); });
        await(yield());
        second.kill();
        await(second.join());
        EXPECT_FALSE(first.ready());
        may_end.open();
        await(first.join());
        EXPECT_FALSE(ran);
        EXPECT_EQ(await(offload([] { return 1; })), 1) << "the worker is sane";
    });
}

TEST_P(offloading, a_call_that_owns_everything_is_left_behind_by_a_killed_waiter) {
    auto started = std::make_shared<gate>();
    auto g = std::make_shared<gate>();
    auto ended = std::make_shared<std::atomic<bool>>(false);
    run(make(), [&] {
        auto waiter = spawn([&]() -> task<> {
            const auto call = [started, g, ended] {
                started->open();
                g->pass();
                *ended = true;
            };
            co_await offload_owning(call);
        });
        await(yield());
        started->pass();
        waiter.kill();
        await(waiter.join());
        EXPECT_FALSE(*ended);
        g->open();
    });
    EXPECT_TRUE(*ended) << "the end of the loop waits for its helpers";
    run(make(), [] {
        EXPECT_EQ(await(offload_owning([] { return 5; })), 5);
        EXPECT_THROW(await(offload_owning([]() -> int { throw std::out_of_range("no"); })), std::out_of_range);
    });
}

TEST_P(offloading, who_is_interrupted_before_its_turn_takes_back_a_call_that_owns_everything) {
    run(make(), [] {
        loop::current().service<workers>().resize(1);
        gate may_end;
        bool ran = false;
        auto first = spawn([&] { await(offload([&] { may_end.pass(); })); });
        auto second = spawn([&] { await(offload_owning([&] { ran = true; })); });
        await(yield());
        second.state().interrupt(std::make_exception_ptr(std::out_of_range("too late")));
        EXPECT_THROW(await(second.get()), std::out_of_range);
        may_end.open();
        await(first.join());
        await(offload([] {}));  // by the only worker, after everything else
        EXPECT_FALSE(ran);
    });
}

TEST_P(offloading, a_thousand_calls_share_a_few_threads) {
    run(make(), [] {
        loop::current().service<workers>().resize(3);
        std::vector<task<int>> calls;
        for (int i = 0; i < 1000; ++i)
            calls.push_back([](int n) -> task<int> {
                const auto call = [n] { return n; };
                co_return co_await offload(call);
            }(i));
        const std::vector<int> results = await(all(std::move(calls)));
        EXPECT_EQ(std::accumulate(results.begin(), results.end(), 0), 999 * 1000 / 2);
        EXPECT_LE(loop::current().service<workers>().threads(), 3u);
    });
}

TEST_P(offloading, a_pool_grows_shrinks_and_lets_idle_threads_go) {
    run(make(), [] {
        thread_pool pool(2, 0ns);
        EXPECT_EQ(pool.size(), 2u);
        EXPECT_EQ(pool.threads().threads(), 0u);
        gate g;
        std::latch three_run(3);
        auto calls = std::vector<futures::future<void>>();
        for (int i = 0; i < 3; ++i)
            calls.push_back(pool.apply_async([&] {
                three_run.count_down();
                g.pass();
            }));
        EXPECT_EQ(pool.threads().threads(), 2u);
        pool.resize(3);
        three_run.wait();
        EXPECT_EQ(pool.threads().threads(), 3u);
        pool.resize(1);
        g.open();
        await(pool.join());
        while (pool.threads().threads() > 0)
            std::this_thread::yield();
        EXPECT_EQ(await(pool.apply([](int a, int b) { return a + b; }, 1, 2)), 3);
        EXPECT_THROW(pool.resize(0), std::invalid_argument);
    });
}

TEST_P(offloading, a_pool_maps_in_order_and_stops_at_the_first_error) {
    run(make(), []() -> task<> {
        thread_pool pool(2);
        const std::vector numbers{1, 2, 3, 4}, squares{1, 4, 9, 16};
        const auto square = [](int n) { return n * n; };
        EXPECT_EQ(co_await pool.map(square, numbers), squares);
        const auto fail = [](int n) { return n == 2 ? throw std::out_of_range("2") : n; };
        bool failed = false;
        try {
            co_await pool.map(fail, numbers);
        } catch (const std::out_of_range&) {
            failed = true;
        }
        EXPECT_TRUE(failed);
        co_await pool.join();
    });
}

TEST_P(offloading, a_future_tells_how_far_its_call_is) {
    run(make(), [] {
        futures::thread_pool_executor executor(1);
        gate started, may_end;
        auto first = executor.submit([&] {
            started.open();
            may_end.pass();
            return 1;
        });
        auto second = executor.submit([](int n) { return n; }, 2);
        auto third = executor.submit([] { return 3; });
        started.pass();
        EXPECT_TRUE(first.running());
        EXPECT_FALSE(second.running());
        EXPECT_FALSE(first.cancel()) << "it has begun";
        EXPECT_TRUE(second.cancel());
        EXPECT_TRUE(second.cancelled() && second.done());
        EXPECT_THROW(await(second.result()), futures::cancelled_error);
        may_end.open();
        EXPECT_EQ(await(first.result()), 1);
        EXPECT_EQ(await(first.result()), 1) << "a value can be asked for again";
        EXPECT_EQ(await(third.exception()), nullptr);
        EXPECT_TRUE(first.done() && !first.running() && !first.cancelled());
        auto failing = executor.submit([]() -> int { throw std::out_of_range("no"); });
        EXPECT_NE(await(failing.exception()), nullptr);
        EXPECT_THROW(await(failing.result()), std::out_of_range);
    });
}

TEST(offload_in_real_time, a_wait_for_a_future_times_out_and_the_call_goes_on) {
    run([] {
        futures::thread_pool_executor executor(1);
        gate may_end;
        auto f = executor.submit([&] {
            may_end.pass();
            return 1;
        });
        EXPECT_THROW(await(f.result(1ms)), timeout_error);
        const auto some = await(futures::wait(std::vector{f}, futures::ALL_COMPLETED, 1ms));
        EXPECT_EQ(some.not_done.size(), 1u);
        may_end.open();
        EXPECT_EQ(await(f.result(100s)), 1);
    });
}

TEST(offload_in_real_time, a_wait_for_a_future_that_is_too_long_to_be_counted_never_times_out) {
    run([] {
        futures::thread_pool_executor executor(1);
        gate may_end;
        auto f = executor.submit([&] { may_end.pass(); });
        const auto result = spawn([&] { await(f.result(std::chrono::hours::max())); });
        const auto error = spawn([&] { EXPECT_EQ(await(f.exception(std::chrono::hours::max())), nullptr); });
        await(yield());
        await(yield());
        may_end.open();
        const auto all = await(futures::wait(std::vector{f}, futures::ALL_COMPLETED, std::chrono::hours::max()));
        EXPECT_EQ(all.done.size(), 1u);
        await(result.get());
        await(error.get());
    });
}

TEST_P(offloading, done_callbacks_run_on_the_loop_that_added_them) {
    run(make(), [] {
        futures::thread_pool_executor executor;
        const auto here = std::this_thread::get_id();
        int called = 0;
        event both;
        const auto callback = [&](futures::future<int> f) {
            EXPECT_EQ(std::this_thread::get_id(), here);
            EXPECT_EQ(await(f.result()), 4);
            if (++called == 2)
                both.set();
        };
        auto f = executor.submit([] { return 4; });
        f.add_done_callback(callback);
        await(f.result());
        f.add_done_callback(callback);  // it is done
        await(both.wait());
    });
}

TEST_P(offloading, a_function_that_fails_at_the_end_of_a_future_is_reported) {
    std::vector<std::string> reports;
    const auto before = set_report_sink([&](std::string_view text) { reports.emplace_back(text); });
    run(make(), []() -> task<> {
        futures::thread_pool_executor executor(1);
        gate g;
        const auto f = executor.submit([&] { g.pass(); });
        shared_event told;
        f.on_end([] { throw std::out_of_range("oops"); });
        f.on_end([&] { told.set(); });
        g.open();
        co_await told.wait();
        co_await f.result();
        f.on_end([] { throw std::out_of_range("oops again"); });
        co_await executor.shutdown();
    });
    set_report_sink(before);
    EXPECT_THAT(reports, ElementsAre(HasSubstr("oops"), HasSubstr("oops again")));
}

TEST_P(offloading, as_completed_gives_futures_in_the_order_of_their_ends) {
    run(make(), []() -> task<> {
        futures::thread_pool_executor executor(2);
        gate g;
        auto slow = executor.submit([&] {
            g.pass();
            return 1;
        });
        auto fast = executor.submit([] { return 2; });
        const std::vector both{slow, fast};
        futures::as_completed<int> ended(both);
        auto first = co_await ended.next();
        EXPECT_EQ(*first, fast);
        g.open();
        auto second = co_await ended.next();
        EXPECT_EQ(*second, slow);
        EXPECT_FALSE(co_await ended.next());
    });
}

TEST_P(offloading, as_completed_loses_nothing_to_who_was_cut_short) {
    run(make(), []() -> task<> {
        futures::thread_pool_executor executor(1);
        gate g;
        const auto slow = executor.submit([&] {
            g.pass();
            return 1;
        });
        futures::as_completed<int> ended({slow});
        for (int i = 0; i < 2; ++i) {
            const auto reader = spawn([&]() -> task<> { (void)co_await ended.next(); });
            co_await yield();
            reader.kill();
            co_await reader.join();
        }
        g.open();
        const auto first = co_await ended.next();
        EXPECT_EQ(first, slow);
        EXPECT_FALSE(co_await ended.next());
        futures::as_completed<int> none({});
        EXPECT_FALSE(co_await none.next());
    });
}

TEST_P(offloading, as_completed_gives_also_what_ended_when_there_was_no_memory) {
    run(make(), []() -> task<> {
        futures::thread_pool_executor executor(1);
        gate g;
        const auto blocked = executor.submit([&] { g.pass(); });
        std::vector<futures::future<int>> all;
        for (int i = 0; i < 100; ++i)
            all.push_back(executor.submit([] { return 1; }));
        futures::as_completed<int> ended(all);
        {
            const story::memory_for nothing(0);
            for (const futures::future<int>& each : all)
                each.cancel();
        }
        std::vector<futures::future<int>> given;
        const auto reader = spawn([&]() -> task<> {
            while (const auto f = co_await ended.next())
                given.push_back(*f);
        });
        co_await yield();
        EXPECT_EQ(given, all);
        EXPECT_TRUE(reader.ready());
        reader.kill();
        g.open();
        co_await blocked.result();
    });
}

TEST_P(offloading, wait_returns_at_the_first_the_first_failure_or_all) {
    run(make(), []() -> task<> {
        futures::thread_pool_executor executor(3);
        gate g;
        const auto passes = [&] {
            g.pass();
            return 1;
        };
        auto held = executor.submit(passes);
        auto good = executor.submit([] { return 2; });
        auto bad = executor.submit([]() -> int { throw std::out_of_range("no"); });
        const std::vector two{held, good}, three{held, good, bad};
        auto one = co_await futures::wait(two, futures::FIRST_COMPLETED);
        EXPECT_EQ(one.done.at(0), good);
        EXPECT_EQ(one.not_done.at(0), held);
        auto failed = co_await futures::wait(three, futures::FIRST_EXCEPTION);
        EXPECT_EQ(failed.not_done.at(0), held);
        g.open();
        auto all = co_await futures::wait(three);
        EXPECT_EQ(all.done.size(), 3u);
        co_await executor.shutdown();
    });
}

TEST_P(offloading, shutdown_takes_no_more_and_waits_for_what_was_submitted) {
    run(make(), [] {
        futures::thread_pool_executor executor(1);
        std::atomic<int> ran = 0;
        for (int i = 0; i < 10; ++i)
            executor.submit([&] { ++ran; });
        await(executor.shutdown());
        EXPECT_EQ(ran, 10);
        EXPECT_THROW(executor.submit([] {}), std::runtime_error);
    });
}

TEST_P(offloading, shutdown_can_cancel_what_has_not_begun) {
    run(make(), [] {
        futures::thread_pool_executor executor(1);
        gate started, may_end;
        auto running = executor.submit([&] {
            started.open();
            may_end.pass();
        });
        auto queued = executor.submit([] {});
        started.pass();
        auto drained = executor.shutdown(true);
        EXPECT_TRUE(queued.cancelled());
        may_end.open();
        await(std::move(drained));
        EXPECT_TRUE(running.done() && !running.cancelled());
    });
}

TEST_P(offloading, an_executor_maps_in_order) {
    run(make(), [] {
        futures::thread_pool_executor executor(4);
        std::vector<int> numbers(200);
        std::iota(numbers.begin(), numbers.end(), 0);
        EXPECT_EQ(await(executor.map([](int n) { return n; }, numbers)), numbers);
    });
}

TEST_P(offloading, one_pool_serves_two_loops) {
    thread_pool pool(2);
    std::vector<std::jthread> loops;
    for (int i = 0; i < 2; ++i)
        loops.emplace_back([&, k = GetParam()] {
            run(k == std::string_view("virtual") ? io::make_virtual_time() : make_kernel(), [&] {
                int sum = 0;
                for (int n = 0; n < 100; ++n)
                    sum += await(pool.apply([](int m) { return m; }, n));
                EXPECT_EQ(sum, 4950);
            });
        });
}

}  // namespace core_offload_test

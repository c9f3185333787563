// Several loops: greenlets on other loops, their results, errors and kills, and what loops share.

#include "support/wears_out.hpp"

#include <ringlet/core/cores.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/shared.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <gmock/gmock.h>

#include <latch>
#include <set>
#include <thread>

namespace core_cores_test {

using namespace ringlet;

class loops : public testing::TestWithParam<const char*> {
protected:
    static std::unique_ptr<kernel> make() {
        return GetParam() == std::string_view("virtual") ? io::make_virtual_time() : make_kernel();
    }
    static cores_options two() {
        return cores_options().count(2).kernels([] { return make(); });
    }
};
INSTANTIATE_TEST_SUITE_P(on, loops, testing::Values("uring", "virtual"),
                         [](const auto& kernel) { return std::string(kernel.param); });

TEST_P(loops, each_core_runs_the_function_on_a_thread_and_a_loop_of_its_own) {
    std::mutex m;
    std::set<std::thread::id> threads;
    std::set<std::size_t> indexes;
    run_on_each_core(two(), [&](std::size_t index) -> task<> {
        co_await yield();
        const std::lock_guard lock(m);
        threads.insert(std::this_thread::get_id());
        indexes.insert(index);
    });
    EXPECT_EQ(threads.size(), 2u);
    EXPECT_EQ(indexes, (std::set<std::size_t>{0, 1}));
    std::atomic<int> ran = 0;
    run_on_each_core(two(), [&] { ++ran; });
    EXPECT_EQ(ran, 2);
}

TEST_P(loops, without_options_there_is_one_loop_for_each_core_the_process_may_use) {
    std::atomic<std::size_t> ran = 0, count = 0;
    run_on_each_core([&](const core& self) {
        ++ran;
        count = self.count();
    });
    EXPECT_EQ(ran, count);
    EXPECT_GE(ran, 1u);
}

TEST_P(loops, one_that_fails_stops_the_others_and_its_error_comes_out) {
    std::atomic<bool> unwound = false;
    try {
        run_on_each_core(two(), [&](const core& self) {
            if (self.index() == 0)
                throw std::out_of_range("core 0");
            struct at_end {
                std::atomic<bool>& flag;
                ~at_end() { flag = true; }
            } mark{unwound};
            shared_event never_set;
            await(never_set.wait());
        });
        ADD_FAILURE();
    } catch (const std::out_of_range& e) {
        EXPECT_STREQ(e.what(), "core 0");
    }
    // Core 1 may have been stopped before it began.
}

TEST_P(loops, all_errors_are_collected) {
    std::latch both(2);
    try {
        run_on_each_core(two(), [&] {
            both.arrive_and_wait();
            throw std::out_of_range("each");
        });
        ADD_FAILURE();
    } catch (const group_error& e) {
        EXPECT_EQ(e.errors().size(), 2u);
    }
}

TEST_P(loops, a_loop_that_cannot_be_made_fails_them_all) {
    std::atomic<int> made = 0;
    const auto options = cores_options().count(2).kernels([&]() -> std::unique_ptr<kernel> {
        if (made++ == 1)
            throw std::system_error(std::make_error_code(std::errc::too_many_files_open));
        return make();
    });
    EXPECT_THROW(run_on_each_core(options, [] { await(sleep_for(1s)); }), std::system_error);
}

TEST_P(loops, a_deadlock_on_one_core_is_reported_and_stops_the_others) {
    shared_event set_by_nobody;
    EXPECT_THROW(run_on_each_core(two(),
                                  [&](const core& self) {
                                      if (self.index() == 1)
                                          await(set_by_nobody.wait());
                                      event never_set;
                                      await(never_set.wait());
                                  }),
                 deadlock_error);
}

TEST_P(loops, a_result_an_error_and_a_kill_cross_between_loops) {
    shared_event done;
    run_on_each_core(two(), [&](const core& self) -> task<> {
        if (self.index() == 1) {
            co_await done.wait();
            co_return;
        }
        const loop_ref there = self.loop_of(1);
        const auto here = std::this_thread::get_id();

        // A coroutine and a fiber, both over there.
        auto a = spawn_on(
            there,
            [](int n) -> task<int> {
                co_await yield();
                co_return n + 1;
            },
            41);
        auto b = spawn_on(there, [] {
            await(yield());
            return std::make_unique<std::thread::id>(std::this_thread::get_id());
        });
        EXPECT_EQ(co_await a.get(), 42);
        EXPECT_EQ(co_await a.get(), 42);
        const auto where = co_await b.get();
        EXPECT_NE(*where, here);
        EXPECT_TRUE(a.ready() && a.successful());

        auto fails = spawn_on(there, [] { throw std::out_of_range("over there"); });
        bool failed = false;
        try {
            co_await fails.get();
        } catch (const std::out_of_range&) {
            failed = true;
        }
        EXPECT_TRUE(failed);
        EXPECT_FALSE(fails.successful());

        bool unwound = false;
        shared_event started;
        auto endless = spawn_on(there, [&] {
            struct at_end {
                bool& flag;
                ~at_end() { flag = true; }
            } mark{unwound};
            started.set();
            await(sleep_for(100h));
        });
        if (GetParam() == std::string_view("uring")) {
            co_await started.wait();
            EXPECT_FALSE(endless.ready());
        }
        endless.kill();
        endless.kill();
        co_await endless.join();
        done.set();
    });
}

TEST_P(loops, a_greenlet_killed_before_it_began_over_there_never_runs) {
    run(make(), [] {
        const loop_ref here = this_loop();
        bool ran = false;
        auto g = spawn_on(here, [&] { ran = true; });
        g.kill();
        await(g.join());
        EXPECT_FALSE(ran);
        EXPECT_THROW(await(g.get()), greenlet_killed);
    });
}

TEST_P(loops, what_cannot_be_moved_over_there_is_an_error_of_its_greenlet) {
    const auto told = [](const auto& fn) {
        std::size_t failed_here = 0, failed_there = 0;
        for (int lasts = 0;; ++lasts) {
            int left = lasts;
            remote<int> g;
            try {
                g = spawn_on(this_loop(), fn, story::wears_out(left));
            } catch (const std::out_of_range&) {
                ++failed_here;
                continue;
            }
            try {
                EXPECT_EQ(await(g.get()), 5);
                break;
            } catch (const std::out_of_range&) {
                ++failed_there;
                EXPECT_TRUE(g.ready() && !g.successful());
            }
        }
        EXPECT_GT(failed_here, 0u);
        EXPECT_GT(failed_there, 0u);
    };
    run(make(), [&] {
        told([](const story::wears_out&) { return 5; });
        told([](story::wears_out) -> task<int> { co_return 5; });
    });
}

TEST_P(loops, what_cannot_be_moved_over_there_is_reported_when_nobody_asks) {
    std::vector<std::string> reports;
    set_report_sink([&](std::string_view text) { reports.emplace_back(text); });
    run(make(), [&] {
        int left = 1000, never_ran = 0;
        for (int lasts = 0; reports.empty(); ++lasts) {
            left = lasts;
            try {
                spawn_on(this_loop(), [](const story::wears_out&) {}, story::wears_out(left));
            } catch (const std::out_of_range&) {}
            await(sleep_for(1ms));
        }
        EXPECT_THAT(reports, testing::ElementsAre(testing::HasSubstr("worn out")));
        reports.clear();
        for (int lasts = 0; reports.empty(); ++lasts) {
            left = lasts;
            const story::wears_out callback(left);
            try {
                add_callback(this_loop(), [callback] { (void)callback; });
                ++never_ran;
            } catch (const std::out_of_range&) {}
            await(sleep_for(1ms));
        }
        EXPECT_THAT(reports, testing::ElementsAre(testing::HasSubstr("worn out")));
        EXPECT_EQ(never_ran, 1);
        left = 1000;
        signal_callback on_signal([copies = story::wears_out(left)] { ADD_FAILURE(); });
        left = 0;
        reports.clear();
        on_signal();
        await(sleep_for(1ms));
        EXPECT_THAT(reports, testing::ElementsAre(testing::HasSubstr("worn out")));
    });
    set_report_sink(nullptr);
}

TEST_P(loops, an_item_of_a_shared_queue_that_cannot_be_moved_is_an_error_where_it_is_moved) {
    run(make(), [] {
        int left = 1000;
        shared_queue<story::wears_out> meeting(0);
        const auto putter = spawn([&] { await(meeting.put(story::wears_out(left))); });
        await(yield());
        left = 0;
        EXPECT_THROW(meeting.try_get(), std::out_of_range);
        meeting.close();
        left = 1000;
        EXPECT_THROW(await(putter.get()), queue_closed) << "nobody got it";

        int lasts = 1000;
        shared_queue<story::wears_out> one(1);
        await(one.put(story::wears_out(left)));
        const auto unlucky = spawn([&] { await(one.put(story::wears_out(lasts))); });
        const auto next = spawn([&] { await(one.put(story::wears_out(left))); });
        await(yield());
        lasts = 0;
        EXPECT_TRUE(one.try_get());
        EXPECT_THROW(await(unlucky.get()), std::out_of_range);
        await(next.get());
        EXPECT_TRUE(one.try_get());
        EXPECT_FALSE(one.try_get());
    });
}

TEST_P(loops, spawning_on_a_loop_that_has_ended_is_an_error) {
    loop_ref gone;
    run(make(), [&] { gone = this_loop(); });
    EXPECT_THROW(spawn_on(gone, [] {}), loop_ended);
}

TEST_P(loops, what_a_loop_that_ends_still_had_to_run_ends_as_killed) {
    for (int i = 0; i < 20; ++i) {
        std::vector<remote<>> all;
        std::latch ref_taken(1);
        loop_ref there;
        std::jthread other([&, make = &loops::make] {
            run(make(), [&] {
                there = this_loop();
                ref_taken.count_down();
            });
        });
        ref_taken.wait();
        try {
            for (int n = 0; n < 100; ++n)
                all.push_back(spawn_on(there, [] { await(sleep_for(1h)); }));
        } catch (const loop_ended&) {}
        run(make(), [&] {
            for (const remote<>& g : all)
                await(g.join());
        });
    }
}

TEST_P(loops, who_waits_for_a_remote_greenlet_can_be_killed_and_leaves_it_alone) {
    shared_event done;
    run_on_each_core(two(), [&](const core& self) {
        if (self.index() == 1) {
            await(done.wait());
            return;
        }
        shared_event go_on;
        auto over_there = spawn_on(self.loop_of(1), [&] {
            await(go_on.wait());
            return 5;
        });
        auto waiter = spawn([&] { return await(over_there.get()); });
        await(yield());
        waiter.kill();
        await(waiter.join());
        EXPECT_FALSE(waiter.successful());
        go_on.set();
        EXPECT_EQ(await(over_there.get()), 5);
        done.set();
    });
}

TEST_P(loops, a_queue_between_loops_keeps_its_order_and_its_bound) {
    shared_queue<int> q(3);
    std::vector<int> got;
    run_on_each_core(two(), [&](const core& self) -> task<> {
        if (self.index() == 0) {
            for (int i = 0; i < 500; ++i)
                co_await q.put(i);
            q.close();
        } else {
            while (auto item = co_await q.next())
                got.push_back(*item);
        }
    });
    ASSERT_EQ(got.size(), 500u);
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
}

TEST_P(loops, two_loops_play_ping_pong_over_two_channels) {
    shared_queue<int> there(0), back(0);
    run_on_each_core(two(), [&](const core& self) {
        for (int i = 0; i < 300; ++i)
            if (self.index() == 0) {
                await(there.put(i));
                EXPECT_EQ(await(back.get()), i + 1);
            } else {
                await(back.put(await(there.get()) + 1));
            }
    });
}

TEST_P(loops, many_greenlets_of_both_loops_share_one_event) {
    shared_event all_are_here, go;
    std::atomic<int> waiting = 0, woken = 0;
    run_on_each_core(two(), [&](const core& self) {
        std::vector<greenlet<>> mine;
        for (int i = 0; i < 50; ++i)
            mine.push_back(spawn([&]() -> task<> {
                if (++waiting == 100)
                    all_are_here.set();
                co_await go.wait();
                ++woken;
            }));
        if (self.index() == 0) {
            await(all_are_here.wait());
            go.set();
        }
        for (auto& g : mine)
            await(g.join());
    });
    EXPECT_EQ(woken, 100);
}

TEST_P(loops, messages_cross_both_ways_while_both_are_busy) {
    std::atomic<int> arrived = 0;
    shared_event done;
    run_on_each_core(two(), [&](const core& self) {
        std::vector<remote<int>> sent;
        const loop_ref peer = self.loop_of(1 - self.index());
        for (int i = 0; i < 500; ++i) {
            sent.push_back(spawn_on(peer, [&, i]() -> task<int> {
                ++arrived;
                co_return i;
            }));
            if (i % 10 == 0)
                await(yield());
        }
        for (int i = 0; i < 500; ++i)
            EXPECT_EQ(await(sent[static_cast<std::size_t>(i)].get()), i);
        if (arrived == 1000)
            done.set();
        await(done.wait());
    });
    EXPECT_EQ(arrived, 1000);
}

}  // namespace core_cores_test

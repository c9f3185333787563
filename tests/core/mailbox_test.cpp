// How other threads and signal handlers reach a loop, on the machine's kernel and in virtual time.

#include <ringlet/core/add_callback.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/shared.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

namespace core_mailbox_test {

using namespace ringlet;

class mailbox : public testing::TestWithParam<const char*> {
protected:
    static std::unique_ptr<kernel> make() {
        return GetParam() == std::string_view("virtual") ? io::make_virtual_time() : make_kernel();
    }
};
INSTANTIATE_TEST_SUITE_P(on, mailbox, testing::Values("uring", "virtual"),
                         [](const auto& kernel) { return std::string(kernel.param); });

TEST_P(mailbox, callbacks_of_one_thread_start_in_the_order_in_which_it_added_them) {
    std::string order;
    run(make(), [&] {
        event last;
        std::jthread other([&, here = this_loop()] {
            for (char c = 'a'; c < 'e'; ++c)
                add_callback(here, [&order, c] { order += c; });
            add_callback(here, [&] { last.set(); });
        });
        await(last.wait());
    });
    EXPECT_EQ(order, "abcd");
}

TEST_P(mailbox, a_callback_is_a_greenlet_and_may_wait) {
    run(make(), [] {
        event done;
        std::jthread other([&, here = this_loop()] {
            add_callback(here, [&]() -> task<> {
                co_await sleep_for(1ms);
                done.set();
            });
        });
        await(done.wait());
    });
}

TEST_P(mailbox, many_threads_post_at_the_same_time_and_nothing_is_lost) {
    constexpr int threads = 4, each = 2000;
    int arrived = 0;
    run(make(), [&] {
        event all;
        std::vector<std::jthread> others;
        for (int i = 0; i < threads; ++i)
            others.emplace_back([&, here = this_loop()] {
                for (int n = 0; n < each; ++n)
                    add_callback(here, [&]() -> task<> {
                        if (++arrived == threads * each)
                            all.set();
                        co_return;
                    });
            });
        await(all.wait());
    });
    EXPECT_EQ(arrived, threads * each);
}

TEST_P(mailbox, a_loop_that_ended_says_so_and_drops_the_callback) {
    loop_ref gone;
    run(make(), [&] { gone = this_loop(); });
    auto held = std::make_shared<int>(1);
    EXPECT_FALSE(add_callback(gone, [held] {}));
    EXPECT_EQ(held.use_count(), 1);
}

TEST_P(mailbox, a_wait_is_no_deadlock_while_another_thread_may_post) {
    run(make(), [] {
        event set_elsewhere;
        std::jthread other([&, here = this_loop()] {
            std::this_thread::yield();
            add_callback(here, [&] { set_elsewhere.set(); });
        });
        await(set_elsewhere.wait());
    });
}

TEST_P(mailbox, it_is_a_deadlock_once_the_last_reference_is_gone) {
    EXPECT_THROW(run(make(),
                     [] {
                         std::jthread other([here = this_loop()] { std::this_thread::yield(); });
                         event never_set;
                         await(never_set.wait());
                     }),
                 deadlock_error);
}

TEST_P(mailbox, a_signal_handler_asks_for_a_callback) {
    static std::atomic<signal_callback*> on_usr2;
    int ran = 0;
    run(make(), [&] {
        event done;
        signal_callback callback([&] {
            ++ran;
            done.set();
        });
        on_usr2 = &callback;
        const auto previous = std::signal(SIGUSR2, [](int) { (*on_usr2)(); });
        std::raise(SIGUSR2);
        std::raise(SIGUSR2);
        await(done.wait());
        EXPECT_EQ(ran, 1) << "asked for twice before it could run";
        done.clear();
        // From a thread that is not the loop's, while the loop sleeps.
        std::jthread other([] { std::raise(SIGUSR2); });
        await(done.wait());
        std::signal(SIGUSR2, previous);
    });
    EXPECT_EQ(ran, 2);
}

TEST_P(mailbox, a_signal_callback_that_was_asked_for_may_go_before_it_ran) {
    run(make(), [] {
        auto callback = std::make_unique<signal_callback>([] {});
        (*callback)();
        callback.reset();
        await(yield());
    });
}

TEST_P(mailbox, a_callback_that_arrives_at_a_loop_that_ends_is_dropped) {
    for (int i = 0; i < 50; ++i) {
        auto held = std::make_shared<int>(1);
        std::jthread other;
        run(make(), [&] {
            other = std::jthread([held, here = this_loop()] {
                for (int n = 0; n < 20; ++n)
                    add_callback(here, [held] { await(sleep_for(1s)); });
            });
        });
        other.join();
        EXPECT_EQ(held.use_count(), 1);
    }
}

TEST_P(mailbox, a_shared_event_wakes_greenlets_of_this_loop_from_any_thread) {
    run(make(), [] {
        shared_event e;
        auto fiber = spawn([&] { await(e.wait()); });
        auto coroutine = spawn([&]() -> task<> { co_await e.wait(); });
        await(yield());
        std::jthread other([&] { e.set(); });
        await(fiber.join());
        await(coroutine.join());
        await(e.wait());
        e.clear();
        EXPECT_FALSE(e.is_set());
    });
}

TEST_P(mailbox, a_wait_for_a_shared_event_can_be_killed_and_times_out) {
    run(make(), [] {
        shared_event never_set;
        auto g = spawn([&] { await(never_set.wait()); });
        await(yield());
        g.kill();
        await(g.join());
        EXPECT_FALSE(g.successful());
        EXPECT_THROW(await(with_timeout(1ms, never_set.wait())), timeout_error);
    });
}

TEST_P(mailbox, a_kill_that_races_with_a_set_ends_the_wait_once) {
    for (int i = 0; i < 200; ++i)
        run(make(), [] {
            shared_event e;
            auto g = spawn([&]() -> task<> { co_await e.wait(); });
            await(yield());
            std::jthread other([&] { e.set(); });
            g.kill();
            await(g.join());
        });
}

TEST_P(mailbox, a_plain_thread_feeds_a_shared_queue_and_closes_it) {
    int sum = 0;
    run(make(), [&]() -> task<> {
        shared_queue<int> q(2);
        std::jthread other([&] {
            for (int i = 1; i <= 100;)
                if (q.try_put(int(i)))
                    ++i;
                else
                    std::this_thread::yield();
            q.close();
        });
        while (auto item = co_await q.next())
            sum += *item;
    });
    EXPECT_EQ(sum, 5050);
}

TEST_P(mailbox, a_shared_queue_of_capacity_zero_hands_over_directly) {
    std::string order;
    run(make(), [&] {
        shared_queue<std::unique_ptr<int>> channel(0);
        auto producer = spawn([&]() -> task<> {
            auto item = std::make_unique<int>(7);
            co_await channel.put(std::move(item));
            order += "handed over;";
        });
        await(yield());
        EXPECT_EQ(channel.size(), 0u);
        order += "asking;";
        EXPECT_EQ(*await(channel.get()), 7);
        await(producer.join());
        channel.close();
        EXPECT_THROW(await(channel.get()), queue_closed);
        EXPECT_THROW(await(channel.put(nullptr)), queue_closed);
    });
    EXPECT_EQ(order, "asking;handed over;");
}

TEST_P(mailbox, no_item_is_lost_to_a_consumer_that_was_killed) {
    run(make(), [] {
        shared_queue<int> q;
        for (int i = 0; i < 100; ++i) {
            int got = 0;
            auto consumer = spawn([&]() -> task<> { got = co_await q.get(); });
            await(yield());
            std::jthread other([&] { q.try_put(1); });
            consumer.kill();
            await(consumer.join());
            other.join();
            got += q.try_get().value_or(0);
            EXPECT_EQ(got, 1);
        }
    });
}

}  // namespace core_mailbox_test

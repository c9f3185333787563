#include <ringlet/core/all.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>

#include <gtest/gtest.h>
#include <iostream>
using namespace ringlet;

task<int> answer() { co_return 42; }
task<int> deep(int n) { if (n == 0) { co_await yield(); co_return 0; } co_return 1 + co_await deep(n - 1); }

TEST(smoke, runs) {
    EXPECT_EQ(run([]() -> task<int> {
        int sum = 0;
        for (int i = 0; i < 1000000; ++i) sum += co_await answer() == 42;
        co_return sum;
    }), 1000000);
    EXPECT_EQ(run([]() -> task<int> { co_return co_await deep(10000); }), 10000);
    EXPECT_EQ(run([] { await(sleep_for(1ms)); return await(answer()); }), 42);
    std::string order;
    run([&] {
        auto a = spawn([&] { for (int i = 0; i < 3; ++i) { order += 'a'; await(yield()); } });
        auto b = spawn([&]() -> task<> { for (int i = 0; i < 3; ++i) { order += 'b'; co_await yield(); } });
        await(a.join()); await(b.join());
    });
    EXPECT_EQ(order, "ababab");
    EXPECT_THROW(run([]() -> task<> { co_await with_timeout(1ms, sleep_for(1s)); }), timeout_error);
    run([]() -> task<> {
        auto r = co_await as_result(with_timeout(1ms, sleep_for(1s)));
        EXPECT_FALSE(r);
        queue<int> q(1);
        auto p = spawn([&]() -> task<> { for (int i = 0; i < 5; ++i) co_await q.put(i); q.close(); });
        int sum = 0;
        while (auto x = co_await q.next()) sum += *x;
        EXPECT_EQ(sum, 10);
        auto [x, y] = co_await all(answer(), sleep_for(1ms));
        EXPECT_EQ(x, 42);
        auto w = co_await race(sleep_for(10s), answer());
        EXPECT_EQ(w.index(), 1u);
        mutex m; auto held = co_await m.lock();
    });
    try { run([]() -> task<> { event e; auto g = spawn([&]() -> task<> { co_await e.wait(); }); co_await g.join(); }); ADD_FAILURE(); }
    catch (const deadlock_error& e) { std::cout << e.what() << "\n"; }
    run([] { spawn([] { throw std::runtime_error("lost"); }); await(yield()); await(yield()); });
}

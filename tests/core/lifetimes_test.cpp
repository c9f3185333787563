// Every argument, result and capture that goes through core is constructed and destroyed equally often,
// whatever the compiler does with temporaries in a co_await operand.

#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/story.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/pool.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/timeout.hpp>

#include <gtest/gtest.h>

namespace core_lifetimes_test {

using namespace ringlet;
using story::counted;
using story::in_virtual_time;

class lifetimes : public story::counting {};

task<counted> pass(counted c) {
    co_await yield();
    co_return std::move(c);
}
task<counted> pass_at_once(counted c) { co_return c; }
task<> take(counted c) {
    co_await yield();
    EXPECT_GE(c.value, 0);
}
task<counted> fail(counted c) {
    co_await yield();
    throw std::runtime_error(std::to_string(c.value));
}

TEST_F(lifetimes, through_a_task) {
    in_virtual_time([]() -> task<> {
        EXPECT_EQ((co_await pass(counted(1))).value, 1);
        EXPECT_EQ((co_await pass_at_once(counted(2))).value, 2);
        counted named(3);
        EXPECT_EQ((co_await pass(named)).value, 3);
        co_await take(std::move(named));
        counted result = co_await pass(co_await pass(counted(4)));
        EXPECT_EQ(result.value, 4);
        bool failed = false;
        try {
            (void)co_await fail(counted(5));
        } catch (const std::runtime_error&) {
            failed = true;
        }
        EXPECT_TRUE(failed);
        (void)co_await pass(counted(6));
        const auto unused = pass(counted(7));
    });
}

TEST_F(lifetimes, through_a_task_awaited_on_a_fiber) {
    in_virtual_time([] {
        EXPECT_EQ(await(pass(counted(1))).value, 1);
        EXPECT_EQ(await(pass_at_once(counted(2))).value, 2);
        EXPECT_THROW((void)await(fail(counted(3))), std::runtime_error);
        auto kept = pass(counted(4));
        EXPECT_EQ(await(std::move(kept)).value, 4);
    });
}

// invariant 10
TEST_F(lifetimes, spawn_owns_the_callable_and_its_arguments_for_the_greenlets_life) {
    in_virtual_time([]() -> task<> {
        greenlet<int> coroutine, fiber;
        {
            const counted captured(10), argument(1);
            // Both lambdas are gone before the greenlets first run.
            coroutine = spawn(
                [captured](counted a) -> task<int> {
                    co_await sleep_for(1s);
                    co_return captured.value + a.value;
                },
                argument);
            fiber = spawn(
                [captured](const counted& a) {
                    await(sleep_for(1s));
                    return captured.value + a.value;
                },
                argument);
        }
        co_await sleep_for(500ms);
        EXPECT_GE(counted::alive(), 4u);
        EXPECT_EQ(co_await coroutine.get(), 11);
        EXPECT_EQ(co_await fiber.get(), 11);
    });
}

TEST_F(lifetimes, through_spawn_get_and_link) {
    in_virtual_time([]() -> task<> {
        const counted captured(1);
        auto g = spawn([captured](counted c) -> task<counted> { co_return co_await pass(std::move(c)); }, counted(2));
        EXPECT_EQ((co_await g.get()).value, 2);
        EXPECT_EQ((co_await g.get()).value, 2) << "a result that can be copied can be asked for again";
        bool linked = false;
        g.link([captured, &linked](const greenlet<counted>& over) { linked = over.ready(); });
        co_await story::settle();
        EXPECT_TRUE(linked);
        const auto f = spawn([captured] { return counted(3); });
        EXPECT_EQ((co_await f.get()).value, 3);
    });
}

TEST_F(lifetimes, through_a_greenlet_that_is_killed_before_it_runs) {
    in_virtual_time([]() -> task<> {
        const counted captured(1);
        const auto a = spawn([captured](counted) -> task<> { co_return; }, counted(2));
        const auto b = spawn([captured](counted) {}, counted(2));
        a.kill();
        b.kill();
        co_await a.join();
        co_await b.join();
        EXPECT_EQ(counted::alive(), 1u);
    });
}

TEST_F(lifetimes, through_a_spawn_whose_argument_cannot_be_copied) {
    struct bad_copy {
        bad_copy() = default;
        bad_copy(const bad_copy&) { throw std::runtime_error("copy"); }
    };
    in_virtual_time([]() -> task<> {
        const bad_copy source;
        const counted held(1);
        EXPECT_THROW(spawn([](counted, const bad_copy&) -> task<> { co_return; }, held, source), std::runtime_error);
        EXPECT_THROW(spawn([](counted, const bad_copy&) {}, held, source), std::runtime_error);
        EXPECT_EQ(counted::alive(), 1u);
        co_await yield();
    });
}

TEST_F(lifetimes, through_all_and_race) {
    in_virtual_time([]() -> task<> {
        {
            auto [a, b] = co_await all(pass(counted(1)), pass_at_once(counted(2)));
            EXPECT_EQ(a.value + b.value, 3);
        }
        {
            std::vector<task<counted>> parts;
            for (int i = 0; i < 5; ++i)
                parts.push_back(pass(counted(i)));
            const auto results = co_await all(std::move(parts));
            EXPECT_EQ(results.size(), 5u);
        }
        {
            const auto slow = [](counted c) -> task<counted> {
                co_await sleep_for(1h);
                co_return c;
            };
            const auto first = co_await race(slow(counted(1)), pass(counted(2)));
            EXPECT_EQ(std::get<1>(first).value, 2);
        }
        bool failed = false;
        try {
            (void)co_await all(pass(counted(1)), fail(counted(2)));
        } catch (const std::runtime_error&) {
            failed = true;
        }
        EXPECT_TRUE(failed);
    });
}

TEST_F(lifetimes, through_with_timeout) {
    in_virtual_time([]() -> task<> {
        EXPECT_EQ((co_await with_timeout(1s, pass(counted(1)))).value, 1);
        const counted captured(2);
        const auto body = [captured]() -> task<counted> { co_return co_await pass(captured); };
        EXPECT_EQ((co_await with_timeout(1s, body)).value, 2);
        const auto slow = [](counted c) -> task<counted> {
            co_await sleep_for(1h);
            co_return c;
        };
        bool failed = false;
        try {
            (void)co_await with_timeout(1s, slow(counted(3)));
        } catch (const timeout_error&) {
            failed = true;
        }
        EXPECT_TRUE(failed);
    });
    in_virtual_time([] {
        const counted captured(2);
        EXPECT_EQ(with_timeout(1s, [captured] { return await(pass(captured)); }).value, 2);
    });
}

TEST_F(lifetimes, through_with_group) {
    in_virtual_time([]() -> task<> {
        const counted captured(1);
        const auto body = [captured](group& g) -> task<counted> {
            g.spawn([captured](counted c) -> task<> { co_await take(std::move(c)); }, counted(2));
            g.spawn([captured](const counted&) { await(yield()); }, counted(3));
            co_return captured;
        };
        EXPECT_EQ((co_await with_group(body)).value, 1);
    });
    in_virtual_time([] {
        const auto result = with_group([c = counted(1)](group& g) {
            g.spawn([](counted) { await(yield()); }, counted(2));
            return c;
        });
        EXPECT_EQ(result.value, 1);
    });
}

TEST_F(lifetimes, through_a_queue) {
    in_virtual_time([]() -> task<> {
        queue<counted> q(1);
        const auto producer = spawn([&]() -> task<> {
            for (int i = 0; i < 4; ++i)
                co_await q.put(counted(i));
            co_await with_timeout(1h, q.put(counted(4)));
        });
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ((co_await q.get()).value, i);
        EXPECT_EQ((co_await q.next())->value, 3);
        EXPECT_EQ((co_await with_timeout(1s, q.get())).value, 4);
        // A putter that gives up takes its item along; what is left dies with the queue.
        q.try_put(counted(6));
        bool gave_up = false;
        try {
            co_await with_timeout(1s, q.put(counted(7)));
        } catch (const timeout_error&) {
            gave_up = true;
        }
        EXPECT_TRUE(gave_up);
        EXPECT_EQ(counted::alive(), 1u);
    });
}

TEST_F(lifetimes, through_as_result_and_run) {
    const counted out = in_virtual_time([]() -> task<counted> {
        auto r = co_await as_result(pass(counted(1)));
        EXPECT_EQ(r.value().value, 1);
        co_return std::move(r).value();
    });
    EXPECT_EQ(out.value, 1);
    EXPECT_EQ(in_virtual_time([] { return counted(2); }).value, 2);
}

TEST_F(lifetimes, of_exceptions_thrown_by_greenlets) {
    in_virtual_time([]() -> task<> {
        const auto g = spawn([]() -> task<> {
            throw counted(1);
            co_return;
        });
        co_await g.join();
        EXPECT_TRUE(g.exception());
        const auto f = spawn([] { throw counted(2); });
        bool caught = false;
        try {
            co_await f.get();
        } catch (const counted& c) {
            caught = c.value == 2;
        }
        EXPECT_TRUE(caught);
    });
}

TEST_F(lifetimes, of_an_error_that_a_greenlet_dies_of_when_there_is_no_memory) {
    in_virtual_time([] {
        event go;
        const auto dies = [&go]() -> task<> {
            co_await go.wait();
            throw 7;
        };
        const auto g = spawn(dies);
        await(yield());
        go.set();
        {
            const story::memory_for none(0);
            await(yield());
        }
        ASSERT_TRUE(g.ready());
        int died_of = 0;
        try {
            await(g.get());
        } catch (const int error) {
            died_of = error;
        }
        EXPECT_EQ(died_of, 7);
    });
}

/// Calls start() with ever more memory until there is enough. Before, nothing of it may be left.
template <class Start>
void with_ever_more_memory(const std::shared_ptr<int>& owned, Start start) {
    const long before = owned.use_count();
    for (std::size_t enough = 0; owned.use_count() == before; ++enough) {
        try {
            const story::memory_for little(enough);
            start();
            return;
        } catch (const std::bad_alloc&) {}
        for (int laps = 0; laps < 3; ++laps)
            await(yield());
        ASSERT_EQ(owned.use_count(), before) << "with " << enough << " allocations";
    }
}

TEST_F(lifetimes, of_what_there_is_no_memory_to_start) {
    in_virtual_time([] {
        const auto owned = std::make_shared<int>();
        const auto sleeps = [owned] { await(sleep_for(1h)); };
        const pool p(100);
        with_group([&](group& g) {
            for (int grown = 0; grown < 20; ++grown) {  // as lists and heaps do
                with_ever_more_memory(owned, [&] { spawn_after(1h, sleeps); });
                with_ever_more_memory(owned, [&] { g.spawn(sleeps); });
                with_ever_more_memory(owned, [&] { await(p.spawn(sleeps)); });
            }
        });
    });
}

}  // namespace core_lifetimes_test

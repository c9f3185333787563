// task<T>: values in and out, exceptions, who owns what, and stacks that do not grow.

#include "support/counted.hpp"
#include "support/story.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/group.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/sanitizer.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_task_test {

using namespace ringlet;
using story::counted;
using story::in_virtual_time;

task<int> ready_answer() { co_return 42; }

task<int> late_answer() {
    co_await sleep_for(1ms);
    co_return 42;
}

/// Parks at each level before it goes deeper, so that the way down needs no stack and the way up is
/// `levels` returns in a row.
task<int> deep(int levels) {
    co_await yield();
    if (levels == 0)
        co_return 0;
    co_return 1 + co_await deep(levels - 1);
}

task<int> deep_without_waiting(int levels) {
    if (levels == 0) {
        co_await yield();
        co_return 0;
    }
    co_return 1 + co_await deep_without_waiting(levels - 1);
}

task<> deep_failure(int levels) {
    co_await yield();
    if (levels == 0)
        throw std::runtime_error("from the depth");
    co_await deep_failure(levels - 1);
}

TEST(task, gives_values_of_every_kind) {
    in_virtual_time([]() -> task<> {
        EXPECT_EQ(co_await ready_answer(), 42);
        EXPECT_EQ(co_await late_answer(), 42);

        const auto move_only = []() -> task<std::unique_ptr<int>> {
            co_await yield();
            co_return std::make_unique<int>(7);
        };
        EXPECT_EQ(*co_await move_only(), 7);

        int place = 1;
        const auto reference = [&]() -> task<int&> {
            co_await yield();
            co_return place;
        };
        EXPECT_EQ(&co_await reference(), &place);
        const auto const_reference = [&]() -> task<const int&> { co_return place; };
        EXPECT_EQ(&co_await const_reference(), &place);

        const auto converted = []() -> task<std::string> { co_return "text"; };
        EXPECT_EQ(co_await converted(), "text");
        const auto empty = []() -> task<std::optional<int>> { co_return std::nullopt; };
        EXPECT_EQ(co_await empty(), std::nullopt);
        const auto braces = []() -> task<std::vector<int>> { co_return {1, 2, 3}; };
        EXPECT_EQ((co_await braces()).size(), 3u);
    });
}

TEST(task, is_lazy) {
    in_virtual_time([]() -> task<> {
        bool started = false;
        const auto work = [&]() -> task<> {
            started = true;
            co_return;
        };
        auto t = work();
        co_await yield();
        EXPECT_FALSE(started);
        co_await std::move(t);
        EXPECT_TRUE(started);
    });
}

TEST(task, exceptions_pass_from_task_to_task) {
    in_virtual_time([]() -> task<> {
        for (const bool waits : {false, true}) {
            const auto fail = [waits]() -> task<int> {
                if (waits)
                    co_await yield();
                throw std::runtime_error("broken");
            };
            const auto between = [&]() -> task<int> { co_return 1 + co_await fail(); };
            std::string seen;
            try {
                (void)co_await between();
            } catch (const std::runtime_error& e) {
                seen = e.what();
            }
            EXPECT_EQ(seen, "broken");
        }
    });
}

TEST(task, a_million_awaits_of_ready_tasks_do_not_grow_the_stack) {
    const int sum = in_virtual_time([]() -> task<int> {
        int count = 0;
        for (int i = 0; i < 1'000'000; ++i)
            count += co_await ready_answer() == 42;
        co_return count;
    });
    EXPECT_EQ(sum, 1'000'000);
}

TEST(task, a_million_awaits_of_ready_tasks_on_a_fiber_do_not_grow_the_stack) {
    const int sum = in_virtual_time([] {
        int count = 0;
        for (int i = 0; i < 1'000'000; ++i)
            count += await(ready_answer()) == 42;
        return count;
    });
    EXPECT_EQ(sum, 1'000'000);
}

TEST(task, a_hundred_thousand_levels_that_waited_return_without_growing_the_stack) {
    EXPECT_EQ(in_virtual_time([]() -> task<int> { co_return co_await deep(100'000); }), 100'000);
}

TEST(task, an_exception_passes_through_a_hundred_thousand_levels_without_growing_the_stack) {
    EXPECT_THROW(in_virtual_time([]() -> task<> { co_await deep_failure(100'000); }), std::runtime_error);
}

TEST(task, a_kill_unwinds_a_hundred_thousand_levels) {
    in_virtual_time([]() -> task<> {
        const auto sleeper = [](auto& self, int levels) -> task<> {
            co_await yield();
            if (levels == 0)
                co_await sleep_for(1h);
            else
                co_await self(self, levels - 1);
        };
        const auto victim = spawn([&]() -> task<> { co_await sleeper(sleeper, 100'000); });
        co_await sleep_for(1s);
        victim.kill();
        co_await victim.join();
        EXPECT_FALSE(victim.successful());
    });
}

TEST(task, ten_thousand_calls_deep_fit_on_the_threads_stack) {
    const int levels = built_with_sanitizer ? 2'000 : 10'000;  // whose frames are several times as large
    EXPECT_EQ(in_virtual_time([=]() -> task<int> { co_return co_await deep_without_waiting(levels); }), levels);
}

TEST(task, one_that_is_never_awaited_never_runs_and_gives_back_what_it_owns) {
    counted argument(5);
    bool ran = false;
    {
        const auto work = [&](counted) -> task<> {
            ran = true;
            co_return;
        };
        const auto t = work(argument);
        EXPECT_EQ(counted::alive(), 2u);
    }
    EXPECT_FALSE(ran);
    EXPECT_EQ(counted::alive(), 1u);
}

TEST(task, may_be_kept_and_awaited_later_and_handed_on) {
    in_virtual_time([]() -> task<> {
        std::vector<task<int>> kept;
        kept.push_back(late_answer());
        kept.push_back(ready_answer());
        kept.front() = late_answer();
        int sum = 0;
        for (auto& t : kept)
            sum += co_await std::move(t);
        EXPECT_EQ(sum, 84);
        task<int> t = late_answer();
        const auto other =
            spawn([](task<int> theirs) -> task<int> { co_return co_await std::move(theirs); }, std::move(t));
        EXPECT_FALSE(t);
        EXPECT_EQ(co_await other.get(), 42);
    });
}

TEST(task, stands_where_a_function_that_gives_one_may_stand) {
    EXPECT_EQ(in_virtual_time(late_answer()), 42);
    in_virtual_time([]() -> task<> {
        greenlet<int> alone = spawn(late_answer());
        EXPECT_EQ(co_await alone.get(), 42);
        greenlet<int> named = spawn(spawn_options().name("thinker"), late_answer());
        EXPECT_EQ(named.name(), "thinker");
        EXPECT_EQ(co_await named.get(), 42);
        const auto in_a_group = [](group& g) -> task<int> {
            const greenlet<int> child = g.spawn(late_answer());
            co_return co_await child.get();
        };
        EXPECT_EQ(co_await with_group(in_a_group), 42);
    });
}

TEST(task, that_was_spawned_and_never_begins_gives_back_what_it_owns) {
    in_virtual_time([]() -> task<> {
        const auto holds = [](counted) -> task<> { co_return; };
        const greenlet<> late = spawn_after(1s, holds(counted()));
        EXPECT_GT(counted::alive(), 0u);
        late.kill();
        co_await late.join();
        EXPECT_EQ(counted::alive(), 0u);
    });
}

TEST(task, awaiting_one_twice_ends_the_process) {
    EXPECT_DEATH(in_virtual_time([]() -> task<> {
                     auto t = ready_answer();
                     (void)co_await t;
                     (void)co_await t;
                 }),
                 "a task is awaited once");
}

TEST(task, spawning_one_that_was_awaited_ends_the_process) {
    EXPECT_DEATH(in_virtual_time([]() -> task<> {
                     auto t = late_answer();
                     (void)co_await std::move(t);
                     const auto again = spawn(std::move(t));
                     (void)co_await again.get();
                 }),
                 "a task is awaited once");
}

TEST(task, copying_a_result_that_throws_is_the_awaiters_exception) {
    struct bad_copy {
        bad_copy() = default;
        bad_copy(const bad_copy&) { throw std::runtime_error("copy"); }
    };
    in_virtual_time([]() -> task<> {
        const bad_copy source;
        const auto give = [&]() -> task<bad_copy> { co_return source; };
        std::string seen;
        try {
            (void)co_await give();
        } catch (const std::runtime_error& e) {
            seen = e.what();
        }
        EXPECT_EQ(seen, "copy");
    });
}

TEST(task, an_argument_whose_copy_throws_is_the_callers_exception) {
    struct bad_copy {
        bad_copy() = default;
        bad_copy(const bad_copy&) { throw std::runtime_error("copy"); }
    };
    in_virtual_time([]() -> task<> {
        const bad_copy source;
        const counted held(1);
        const auto take = [](counted, bad_copy) -> task<> { co_return; };
        std::string seen;
        try {
            co_await take(held, source);
        } catch (const std::runtime_error& e) {
            seen = e.what();
        }
        EXPECT_EQ(seen, "copy");
    });
    EXPECT_EQ(counted::alive(), 0u);
}

TEST(task, awaiting_in_a_destructor_during_unwinding_works_on_a_fiber) {
    in_virtual_time([] {
        struct flushes {
            explicit flushes(bool& f) : flushed(f) {}
            ~flushes() {
                await(sleep_for(1ms));
                flushed = true;
            }
            bool& flushed;
        };
        bool flushed = false;
        try {
            flushes f(flushed);
            throw std::runtime_error("unwind");
        } catch (const std::runtime_error&) {}
        EXPECT_TRUE(flushed);
    });
}

TEST(as_result, gives_a_value_or_the_code_and_the_whole_error) {
    in_virtual_time([]() -> task<> {
        const auto good = co_await as_result(late_answer());
        EXPECT_TRUE(good);
        auto bad = co_await as_result(with_timeout(1s, sleep_for(1h)));
        EXPECT_FALSE(bad);
        EXPECT_EQ(bad.error(), std::errc::timed_out);
        EXPECT_THROW(bad.value(), timeout_error);
        auto kept = late_answer();
        auto from_lvalue = co_await as_result(kept);
        EXPECT_EQ(from_lvalue.value(), 42);
    });
}

TEST(as_result, lets_bugs_and_cancellation_pass) {
    in_virtual_time([]() -> task<> {
        const auto bug = []() -> task<> {
            throw std::logic_error("bug");
            co_return;
        };
        bool passed = false;
        try {
            (void)co_await as_result(bug());
        } catch (const std::logic_error&) {
            passed = true;
        }
        EXPECT_TRUE(passed);
        scope s;
        s.cancel();
        passed = false;
        try {
            (void)co_await as_result(sleep_for(1s));
        } catch (const canceled&) {
            passed = true;
        }
        EXPECT_TRUE(passed);
    });
}

}  // namespace core_task_test

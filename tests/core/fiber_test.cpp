// Fibers of greenlets: code in the blocking style waits for anything, and keeps to itself what the
// thread keeps only once: exceptions under way, errno.

#include "support/counted.hpp"
#include "support/story.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

#include <cerrno>
#include <cstring>
#include <exception>

namespace core_fiber_test {

using namespace ringlet;
using story::in_virtual_time;
using testing::HasSubstr;

task<int> answer(int value) {
    co_await yield();
    co_return value;
}

/// What a foreign library may bring: hands over to another coroutine, or back at once.
struct symmetric {
    explicit symmetric(std::coroutine_handle<> h) : other(h) {}
    std::coroutine_handle<> other;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> host) const noexcept {
        return other ? other : host;
    }
    int await_resume() const noexcept { return 5; }
};

TEST(fiber, awaits_everything_that_a_coroutine_can) {
    in_virtual_time([] {
        EXPECT_EQ(await(answer(3)), 3);
        await(sleep_for(1s));
        await(sleep_until(loop::current().now() + 1s));
        await(yield());
        event e;
        const auto setter = spawn([&] { e.set(); });
        await(e.wait());
        mutex m;
        {
            const auto held = await(m.lock());
            EXPECT_TRUE(m.locked());
        }
        semaphore s(1);
        await(s.acquire());
        queue<int> q;
        await(q.put(4));
        EXPECT_EQ(await(q.get()), 4);
        q.close();
        EXPECT_EQ(await(q.next()), std::nullopt);
        EXPECT_THROW(await(q.get()), queue_closed);
        EXPECT_EQ(await(spawn([] { return 8; }).get()), 8);
        await(setter.join());
        const auto [a, b] = await(all(answer(1), answer(2)));
        EXPECT_EQ(a + b, 3);
        EXPECT_EQ(await(race(sleep_for(1h), answer(2))).index(), 1u);
        EXPECT_EQ(await(with_timeout(1s, answer(6))), 6);
        EXPECT_EQ(await(as_result(answer(7))).value(), 7);
        EXPECT_EQ(await(symmetric(nullptr)), 5);
        auto lvalue = sleep_for(1ms);
        await(lvalue);
    });
}

// invariant 2
TEST(fiber, a_task_awaited_from_a_fiber_runs_as_a_coroutine_also_its_first_half) {
    in_virtual_time([] {
        const auto tries_to_block = []() -> task<std::string> {
            std::string refusals;
            for (int half = 0; half < 2; ++half) {
                try {
                    await(sleep_for(1ms));
                } catch (const std::logic_error& e) {
                    refusals += e.what();
                    refusals += '\n';
                }
                co_await yield();
            }
            co_return refusals;
        };
        const std::string refusals = await(tries_to_block());
        EXPECT_EQ(std::count(refusals.begin(), refusals.end(), '\n'), 2) << refusals;
        EXPECT_THAT(refusals, HasSubstr("must co_await"));
    });
}

TEST(fiber, await_in_a_coroutine_is_refused) {
    in_virtual_time([]() -> task<> {
        EXPECT_THROW(await(sleep_for(1ms)), std::logic_error);
        EXPECT_THROW(await(answer(1)), std::logic_error);
        co_await sleep_for(1ms);
        EXPECT_THROW(await(sleep_for(1ms)), std::logic_error);
    });
}

TEST(fiber, await_in_a_coroutine_that_the_main_program_waits_for_is_refused) {
    loop l(io::make_virtual_time());
    const auto blocks = []() -> task<> {
        EXPECT_THROW(await(sleep_for(1ms)), std::logic_error);
        co_await yield();
        EXPECT_THROW(await(sleep_for(1ms)), std::logic_error);
    };
    await(blocks());
    await(sleep_for(1ms));
}

TEST(fiber, what_a_task_throws_comes_out_of_await_before_and_after_it_waited) {
    in_virtual_time([] {
        for (const bool waits : {false, true}) {
            const auto fail = [waits]() -> task<int> {
                if (waits)
                    co_await yield();
                throw std::runtime_error("broken");
            };
            EXPECT_THROW(await(fail()), std::runtime_error);
            const auto nested = [&]() -> task<int> { co_return co_await fail() + 1; };
            EXPECT_THROW(await(nested()), std::runtime_error);
        }
    });
}

TEST(fiber, an_await_suspend_that_throws_is_an_exception_out_of_await) {
    struct throwing {
        throwing() = default;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const { throw std::runtime_error("refused"); }
        void await_resume() const noexcept {}
    };
    in_virtual_time([] {
        EXPECT_THROW(await(throwing()), std::runtime_error);
        await(sleep_for(1ms));
    });
    loop l(io::make_virtual_time());
    EXPECT_THROW(await(throwing()), std::runtime_error);
    await(sleep_for(1ms));
}

TEST(fiber, an_await_suspend_may_hand_over_to_another_coroutine) {
    in_virtual_time([] {
        // What it hands over to is a task of its own, which brings the answer later.
        std::string order;
        event answered;
        const auto other = [&]() -> task<> {
            order += 'o';
            answered.set();
            co_return;
        };
        const task<> elsewhere = other();
        class hand_over : public waiter {
        public:
            hand_over(std::coroutine_handle<> to, std::string& log) : to_(to), log_(log) {}
            const char* what() const noexcept override { return "a hand-over"; }
            bool await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<> me) noexcept {
                park_ready(me);
                log_ += 's';
                return to_;
            }
            void await_resume() const noexcept { log_ += 'r'; }

        private:
            std::coroutine_handle<> to_;
            std::string& log_;
        };
        await(hand_over(elsewhere.handle(), order));
        EXPECT_EQ(order, "sor");
        await(answered.wait());
    });
}

TEST(fiber, exceptions_under_way_belong_to_the_fiber) {
    in_virtual_time([] {
        // Each waits inside its own handler while the others throw, catch and end.
        const auto juggle = [](int id, duration nap) {
            return spawn([id, nap] {
                for (int round = 0; round < 3; ++round) {
                    try {
                        throw std::runtime_error(std::to_string(id));
                    } catch (const std::runtime_error& mine) {
                        await(sleep_for(nap));
                        EXPECT_EQ(mine.what(), std::to_string(id));
                        try {
                            throw std::logic_error("inner " + std::to_string(id));
                        } catch (const std::logic_error& inner) {
                            await(sleep_for(nap));
                            EXPECT_EQ(inner.what(), "inner " + std::to_string(id));
                        }
                        try {
                            throw;
                        } catch (const std::runtime_error& again) {
                            EXPECT_EQ(again.what(), std::to_string(id));
                        }
                        EXPECT_EQ(std::uncaught_exceptions(), 0);
                    }
                    EXPECT_EQ(std::current_exception(), nullptr);
                }
            });
        };
        const auto a = juggle(1, 3ms);
        const auto b = juggle(2, 5ms);
        const auto c = juggle(3, 1ms);
        for (const auto& g : {a, b, c})
            await(g.get());
    });
}

TEST(fiber, an_exception_that_unwinds_while_others_run_is_counted_on_its_fiber_only) {
    struct waits_in_its_destructor {
        ~waits_in_its_destructor() {
            EXPECT_EQ(std::uncaught_exceptions(), 1);
            await(sleep_for(2ms));
            EXPECT_EQ(std::uncaught_exceptions(), 1);
        }
    };
    in_virtual_time([] {
        const auto unwinding = spawn([] {
            waits_in_its_destructor slow;
            throw std::runtime_error("slow to unwind");
        });
        const auto innocent = spawn([] {
            EXPECT_EQ(std::uncaught_exceptions(), 0);
            await(sleep_for(1ms));
            EXPECT_EQ(std::uncaught_exceptions(), 0);
            try {
                throw 1;
            } catch (int) {}
        });
        await(innocent.get());
        EXPECT_THROW(await(unwinding.get()), std::runtime_error);
    });
}

TEST(fiber, a_new_fiber_starts_without_the_exceptions_of_the_one_who_spawned_it) {
    in_virtual_time([] {
        try {
            throw std::runtime_error("mine");
        } catch (...) {
            const auto child = spawn([] { EXPECT_EQ(std::current_exception(), nullptr); });
            await(child.get());
            EXPECT_NE(std::current_exception(), nullptr);
        }
    });
}

TEST(fiber, errno_is_preserved_across_a_wait) {
    in_virtual_time([] {
        const auto one = spawn([] {
            errno = ENOENT;
            await(sleep_for(2ms));
            EXPECT_EQ(errno, ENOENT) << std::strerror(errno);
        });
        const auto two = spawn([] {
            errno = EPIPE;
            await(sleep_for(1ms));
            EXPECT_EQ(errno, EPIPE) << std::strerror(errno);
        });
        await(one.get());
        await(two.get());
    });
}

TEST(fiber, a_catch_all_that_rethrows_lets_a_kill_pass_and_clean_up_runs) {
    in_virtual_time([] {
        bool destroyed = false;
        struct sets {
            explicit sets(bool& f) : flag(f) {}
            ~sets() { flag = true; }
            bool& flag;
        };
        const auto victim = spawn([&] {
            const sets on_exit(destroyed);
            try {
                await(sleep_for(1h));
            } catch (...) {
                throw;
            }
        });
        await(yield());
        victim.kill();
        await(victim.join());
        EXPECT_TRUE(destroyed);
        EXPECT_FALSE(victim.successful());
    });
}

TEST(fiber, thousands_of_them_live_at_the_same_time) {
    const int fibers = built_with_sanitizer ? 200 : 10'000;  // shadow memory makes them expensive
    in_virtual_time([fibers] {
        event go;
        int over = 0;
        for (int i = 0; i < fibers; ++i)
            spawn([&] {
                await(go.wait());
                ++over;
            });
        await(sleep_for(1ms));
        go.set();
        await(sleep_for(1ms));
        EXPECT_EQ(over, fibers);
    });
}

// --- in the middle of a coroutine ------------------------------------------------------------------------

TEST(on_fiber, gives_what_the_function_returns_or_throws) {
    in_virtual_time([]() -> task<> {
        int kept = 0;
        co_await on_fiber([&] { kept = await(answer(3)); });
        EXPECT_EQ(kept, 3);
        EXPECT_EQ(co_await on_fiber([] { return await(answer(4)); }), 4);
        EXPECT_EQ(*co_await on_fiber([] { return std::make_unique<int>(await(answer(5))); }), 5);
        int& same = co_await on_fiber([&]() -> int& { return kept; });
        EXPECT_EQ(&same, &kept);
        std::string said;
        try {
            co_await on_fiber([] {
                await(sleep_for(1s));
                throw std::runtime_error("boom");
            });
        } catch (const std::runtime_error& e) {
            said = e.what();
        }
        EXPECT_EQ(said, "boom");
    });
}

TEST(on_fiber, is_the_same_greenlet_and_what_it_awaits_are_coroutines_that_may_do_it_again) {
    in_virtual_time([]() -> task<> {
        const auto me = loop::current().running().id();
        const auto deeper = [me](int levels, auto& self) -> task<int> {
            EXPECT_EQ(loop::current().running().id(), me);
            EXPECT_THROW(await(yield()), std::logic_error) << "a coroutine does not block";
            if (levels == 0)
                co_return co_await answer(0);
            co_return 1 + co_await on_fiber([&] { return await(self(levels - 1, self)); });
        };
        EXPECT_EQ(co_await deeper(20, deeper), 20);
    });
}

TEST(on_fiber, goes_on_beside_others) {
    in_virtual_time([]() -> task<> {
        std::string order;
        const auto say = [&order](char name, duration pause) {
            for (int i = 0; i < 3; ++i) {
                order += name;
                await(sleep_for(pause));
            }
            return name;
        };
        auto one = on_fiber([&] { return say('a', 2s); });
        auto other = on_fiber([&] { return say('b', 3s); });
        const auto [a, b] = co_await all(std::move(one), std::move(other));
        EXPECT_EQ(order, "ababab");
        EXPECT_EQ(a, 'a');
        EXPECT_EQ(b, 'b');
    });
}

TEST(on_fiber, is_stopped_by_a_kill_and_by_a_deadline_like_its_coroutine) {
    in_virtual_time([]() -> task<> {
        EXPECT_THROW(co_await with_timeout(1s, on_fiber([] { await(sleep_for(1h)); })), timeout_error);
        bool unwound = false;
        const auto victim = spawn([&]() -> task<> {
            co_await on_fiber([&] {
                try {
                    await(sleep_for(1h));
                } catch (const canceled&) {
                    unwound = true;
                    throw;
                }
            });
        });
        co_await yield();
        victim.kill();
        co_await victim.join();
        EXPECT_TRUE(unwound);
    });
    EXPECT_GT(story::sweep([]() -> task<> {
                  const story::counted here;
                  const auto made = co_await on_fiber([] {
                      const story::counted there;
                      await(sleep_for(1s));
                      return story::counted(await(answer(4)));
                  });
                  EXPECT_EQ(made.value, 4);
                  co_await sleep_for(1s);
              }),
              3u);
}

TEST(on_fiber, that_is_not_awaited_never_begins) {
    in_virtual_time([]() -> task<> {
        bool begun = false;
        {
            const auto unawaited = on_fiber([&] { begun = true; });
        }
        co_await yield();
        EXPECT_FALSE(begun);
    });
}

}  // namespace core_fiber_test

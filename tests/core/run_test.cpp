// Ways into the event loop: run(fn), and a plain main that just waits.

#include "support/story.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace core_run_test {

using namespace ringlet;
using story::in_virtual_time;
using testing::HasSubstr;

/// Runs fn on a fresh thread that has no loop yet and whose kernel is virtual time: as in a program
/// whose main has no ceremony, and with the end of that thread.
template <class Fn>
void as_a_plain_main(Fn fn) {
    setenv("RINGLET_KERNEL", "virtual", 1);
    std::thread plain(fn);
    plain.join();
    unsetenv("RINGLET_KERNEL");
}

TEST(run, gives_the_result_of_a_coroutine_or_of_a_function) {
    EXPECT_EQ(in_virtual_time([]() -> task<int> { co_return 4; }), 4);
    EXPECT_EQ(in_virtual_time([] { return 5; }), 5);
    EXPECT_EQ(*in_virtual_time([] { return std::make_unique<int>(6); }), 6);
    int place = 0;
    EXPECT_EQ(&in_virtual_time([&]() -> int& { return place; }), &place);
    in_virtual_time([] {});
}

TEST(run, exceptions_come_out) {
    EXPECT_THROW(in_virtual_time([]() -> task<> {
                     co_await yield();
                     throw std::runtime_error("out");
                 }),
                 std::runtime_error);
    EXPECT_THROW(in_virtual_time([] { throw 5; }), int);
    EXPECT_EQ(loop::current_or_null(), nullptr);
}

TEST(run, leaves_the_thread_without_a_loop_so_that_it_can_run_again) {
    for (int i = 0; i < 3; ++i) {
        in_virtual_time([] { EXPECT_NE(loop::current_or_null(), nullptr); });
        EXPECT_EQ(loop::current_or_null(), nullptr);
    }
}

TEST(run, inside_of_run_is_refused) {
    in_virtual_time([] { EXPECT_THROW(run([] {}), std::logic_error); });
    in_virtual_time([]() -> task<> {
        EXPECT_THROW(run([] {}), std::logic_error);
        co_return;
    });
}

TEST(run, says_so_when_the_kernel_is_refused) {
    setenv("RINGLET_KERNEL", "floppy", 1);
    try {
        run([] {});
        ADD_FAILURE();
    } catch (const std::exception& e) {
        EXPECT_THAT(e.what(), HasSubstr("RINGLET_KERNEL=floppy"));
    }
    EXPECT_THROW(await(sleep_for(1ms)), std::invalid_argument);
    EXPECT_THROW(spawn([] {}), std::invalid_argument);
    unsetenv("RINGLET_KERNEL");
    EXPECT_EQ(loop::current_or_null(), nullptr);
}

TEST(plain_main, can_spawn_and_wait_without_ceremony) {
    as_a_plain_main([] {
        std::string order;
        const auto g = spawn([&] {
            await(sleep_for(1s));
            order += 'g';
            return 4;
        });
        order += 'm';
        EXPECT_EQ(await(g.get()), 4);
        await(sleep_for(1h));
        await(yield());
        const auto t = []() -> task<int> {
            co_await sleep_for(1s);
            co_return 9;
        };
        EXPECT_EQ(await(t()), 9);
        const auto [a, b] = await(all(t(), t()));
        EXPECT_EQ(a + b, 18);
        EXPECT_EQ(order, "mg");
    });
}

TEST(plain_main, the_first_call_may_be_any_wait) {
    as_a_plain_main([] { await(sleep_for(1s)); });
    as_a_plain_main([] { EXPECT_THROW(await(with_timeout(1s, sleep_for(1h))), timeout_error); });
    as_a_plain_main([] { with_group([](group& g) { g.spawn([] { await(sleep_for(1s)); }); }); });
    as_a_plain_main([] {
        event set(true);
        await(set.wait());
    });
}

TEST(plain_main, can_be_in_scopes_and_groups_itself) {
    as_a_plain_main([] {
        int over = 0;
        with_group([&](group& g) {
            for (int i = 0; i < 3; ++i)
                g.spawn([&] {
                    await(sleep_for(1s));
                    ++over;
                });
        });
        EXPECT_EQ(over, 3);
        EXPECT_THROW(with_group([&](group& g) {
                         g.spawn([] { throw std::runtime_error("child"); });
                         await(sleep_for(1h));
                     }),
                     std::runtime_error);
    });
}

TEST(plain_main, a_deadlock_is_an_exception_and_main_goes_on) {
    as_a_plain_main([] {
        event never_set;
        try {
            await(never_set.wait());
            ADD_FAILURE();
        } catch (const deadlock_error& e) {
            EXPECT_THAT(e.what(), HasSubstr("main waits for an event"));
        }
        await(sleep_for(1s));
    });
}

// invariant 12
TEST(plain_main, waiting_for_something_foreign_that_never_comes_does_not_hang) {
    as_a_plain_main([] { EXPECT_THROW(await(std::suspend_always()), deadlock_error); });

    // In a greenlet it cannot even be aborted: it is left behind, with a report.
    static std::coroutine_handle<> left_behind;
    struct foreign {
        foreign() = default;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> h) const noexcept { left_behind = h; }
        void await_resume() const noexcept {}
    };
    static greenlet<> lost;  // for leak checkers
    std::string said;
    set_report_sink([&](std::string_view text) { said += text; });
    const auto wait_for_it = []() -> task<> {
        lost = spawn([]() -> task<> { co_await foreign(); });
        co_await lost.join();
    };
    EXPECT_THROW(in_virtual_time(wait_for_it), deadlock_error);
    set_report_sink(nullptr);
    EXPECT_THAT(said, HasSubstr("can never finish"));
}

TEST(plain_main, run_is_refused_once_the_thread_has_its_loop) {
    as_a_plain_main([] {
        await(yield());
        EXPECT_THROW(in_virtual_time([] {}), std::logic_error);
    });
}

TEST(plain_main, greenlets_that_are_left_are_unwound_at_the_end_of_the_thread) {
    static int unwound = 0;
    struct counts {
        ~counts() {
            const shield s;
            await(sleep_for(1s));
            ++unwound;
        }
    };
    as_a_plain_main([] {
        spawn([] {
            const counts on_exit;
            await(sleep_for(1h));
        });
        spawn([]() -> task<> {
            // Its clean-up needs a new fiber, and so a new stack, while the thread ends.
            try {
                co_await sleep_for(1h);
            } catch (const canceled&) {}
            const shield s;
            co_await spawn([] { ++unwound; }).join();
        });
        spawn([] { await(sleep_for(1h)); });
        await(yield());
    });
    EXPECT_EQ(unwound, 2);
}

TEST(plain_main, greenlets_that_were_never_run_are_dropped_at_the_end_of_the_thread) {
    static bool ran = false;
    as_a_plain_main([] {
        spawn([] { ran = true; });
        spawn([]() -> task<> {
            ran = true;
            co_return;
        });
    });
    EXPECT_FALSE(ran);
}

TEST(plain_main, handles_of_static_life_may_outlive_it) {
    as_a_plain_main([] {
        static thread_local greenlet<int> goes_after_the_loop;
        goes_after_the_loop = spawn([] { return 1; });
        static thread_local greenlet<int> goes_before_the_loop;
        goes_before_the_loop = spawn([] {
            await(sleep_for(1h));
            return 1;
        });
        EXPECT_EQ(await(goes_after_the_loop.get()), 1);
    });
}

TEST(plain_main, may_exit_from_within_a_fiber) {
    EXPECT_EXIT(
        {
            // Comes after the end of the loop, and before a leak checker takes offence at what the
            // fiber that was left in the middle still owned.
            std::atexit([] { _exit(4); });
            setenv("RINGLET_KERNEL", "virtual", 1);
            const auto g = spawn([] {
                await(sleep_for(1s));
                std::exit(3);
            });
            spawn([] {
                try {
                    await(sleep_for(1h));
                } catch (const canceled&) {
                    std::fputs("the other was unwound", stderr);
                    throw;
                }
            });
            await(g.join());
        },
        testing::ExitedWithCode(4), "^the other was unwound$");
}

}  // namespace core_run_test

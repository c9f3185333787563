// A greenlet that holds its loop is reported, by name and place; one that waits is not.

#include <ringlet/core/assert_yields.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/watchdog.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <thread>

namespace core_watchdog_test {

using namespace ringlet;
using testing::ContainsRegex;
using testing::HasSubstr;

class watchdog : public testing::Test {
protected:
    watchdog() : before_(watchdog_limit()) {
        set_watchdog(10ms);
        set_report_sink([this](std::string_view text) {
            const std::lock_guard lock(mutex_);
            said_ += text;
        });
    }
    ~watchdog() override {
        set_watchdog(before_);
        set_report_sink({});
    }

    std::string said() {
        const std::lock_guard lock(mutex_);
        return said_;
    }

    /// Neither yields nor sleeps until something was reported.
    void hold_until_told() {
        while (said().empty()) {}
    }

private:
    duration before_;
    std::mutex mutex_;
    std::string said_;
};

TEST_F(watchdog, names_the_fiber_that_holds_its_loop_and_where) {
    run([&] { await(spawn(spawn_options().name("the busy one"), [&] { hold_until_told(); }).join()); });
    EXPECT_THAT(said(), ContainsRegex("^the busy one has held its loop for .*:\n    in "));
}

TEST_F(watchdog, names_a_coroutine_too_and_in_virtual_time) {
    run(io::make_virtual_time(), [&]() -> task<> {
        hold_until_told();
        co_return;
    });
    EXPECT_THAT(said(), HasSubstr("greenlet 1 has held its loop for "));
}

TEST_F(watchdog, tells_it_once_for_each_time_that_a_loop_is_held) {
    run([&] {
        hold_until_told();
        const std::string first = said();
        const auto until = std::chrono::steady_clock::now() + 50ms;
        while (std::chrono::steady_clock::now() < until) {}
        EXPECT_EQ(said(), first);
    });
}

TEST_F(watchdog, watches_every_loop) {
    std::jthread other([&] { run([&] { hold_until_told(); }); });
    run([&] {
        while (said().empty())
            await(sleep_for(1ms));
    });
}

TEST_F(watchdog, does_not_follow_into_a_forked_process_which_gets_its_own) {
    run([&] { await(sleep_for(1ms)); });  // now its thread waits
    const pid_t child = fork();
    if (child == 0) {
        run([&] { hold_until_told(); });
        std::exit(0);
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(watchdog, does_nothing_when_it_is_off) {
    set_watchdog(0ms);
    run([] {
        const auto until = std::chrono::steady_clock::now() + 60ms;
        while (std::chrono::steady_clock::now() < until) {}
    });
    EXPECT_EQ(said(), "");
}

TEST(assert_yields, passes_what_waits_and_gives_its_value) {
    run([] {
        EXPECT_EQ(assert_yields([] {
                      await(yield());
                      return 4;
                  }),
                  4);
        await(assert_yields(yield()));
    });
    run([]() -> task<> {
        const auto five = []() -> task<int> {
            co_await sleep_for(1us);
            co_return 5;
        };
        EXPECT_EQ(co_await assert_yields(five()), 5);
    });
}

TEST(assert_yields, refuses_what_lets_nobody_run) {
    run([] {
        EXPECT_THROW(assert_yields([] { return 1; }), did_not_yield);
        const auto at_once = []() -> task<> { co_return; };
        EXPECT_THROW(await(assert_yields(at_once())), did_not_yield);
    });
}

}  // namespace core_watchdog_test

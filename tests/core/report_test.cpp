// What the runtime says unasked: deadlocks, errors that nobody asked for, and where that goes.

#include "support/story.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/select.hpp>

#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>

namespace core_report_test {

using namespace ringlet;
using story::in_virtual_time;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

template <class Fn>
std::string deadlock_of(Fn fn) {
    try {
        in_virtual_time(fn);
    } catch (const deadlock_error& e) {
        return e.what();
    }
    return "no deadlock";
}

// invariant 12
TEST(deadlock, names_each_greenlet_with_what_it_waits_for_and_where_it_was_spawned) {
    const std::string said = deadlock_of([]() -> task<> {
        event e;
        mutex m;
        queue<int> q;
        const auto held = co_await m.lock();
        const auto writer = spawn(spawn_options().name("writer"), [&] { await(m.lock()); });
        const auto reader = spawn([&]() -> task<> { (void)co_await q.get(); });
        reader.set_name("reader");
        const auto sleeper = spawn([]() -> task<> { co_await sleep_until(never); });
        const auto chooser = spawn([]() -> task<> {
            expiry not_soon(duration::max());
            (void)co_await select(not_soon);
        });
        co_await e.wait();
    });
    EXPECT_THAT(said, HasSubstr("deadlock: nothing can ever wake the greenlets that are left:"));
    EXPECT_THAT(said, HasSubstr("\n    main waits for "));
    EXPECT_THAT(said, HasSubstr("\n    greenlet 1 (a coroutine) waits for an event, spawned at "));
    EXPECT_THAT(said, HasSubstr("writer (greenlet 2, a fiber) waits for a mutex held by greenlet 1"));
    EXPECT_THAT(said, HasSubstr("reader (greenlet 3, a coroutine) waits for an item from a queue, spawned at "));
    EXPECT_THAT(said, HasSubstr("report_test.cpp:"));
    EXPECT_THAT(said, HasSubstr("greenlet 4 (a coroutine) waits for a sleep"));
    EXPECT_THAT(said, HasSubstr("greenlet 5 (a coroutine) waits for one of several channels"));
}

// invariant 12
TEST(deadlock, of_two_who_wait_for_each_other_is_found_and_both_are_unwound) {
    std::string order;
    const std::string said = deadlock_of([&] {
        greenlet<> a, b;
        a = spawn([&] {
            try {
                await(b.join());
            } catch (const canceled&) {
                order += 'a';
                throw;
            }
        });
        b = spawn([&]() -> task<> { co_await a.join(); });
        await(a.join());
    });
    EXPECT_THAT(said, HasSubstr("waits for join"));
    EXPECT_EQ(order, "a");
}

// invariant 12
TEST(deadlock, one_that_joins_itself_is_found) {
    const std::string said = deadlock_of([] {
        greenlet<> self;
        self = spawn([&] { await(self.join()); });
        await(self.join());
    });
    EXPECT_THAT(said, HasSubstr("waits for join"));
}

// invariant 12
TEST(deadlock, is_none_while_a_timer_or_a_request_can_still_wake_somebody) {
    const std::string said = deadlock_of([]() -> task<> {
        event e;
        const auto setter = spawn([&]() -> task<> {
            co_await sleep_for(24h);
            e.set();
        });
        co_await e.wait();
    });
    EXPECT_EQ(said, "no deadlock");
}

TEST(unhandled, errors_tell_name_type_text_and_place) {
    std::vector<std::string> said;
    set_report_sink([&](std::string_view text) { said.emplace_back(text); });
    in_virtual_time([]() -> task<> {
        spawn([]() -> task<> {
            co_await yield();
            throw std::system_error(std::make_error_code(std::errc::connection_reset), "recv");
        });
        co_await sleep_for(1s);
    });
    set_report_sink(nullptr);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_THAT(said[0], HasSubstr("greenlet 2 died of an error that nobody asked for: "));
    EXPECT_THAT(said[0], HasSubstr("std::system_error: recv: Connection reset by peer"));
    EXPECT_THAT(said[0], HasSubstr("spawned at "));
    EXPECT_THAT(said[0], HasSubstr("report_test.cpp:"));
}

TEST(report, goes_to_stderr_unless_a_sink_was_chosen) {
    testing::internal::CaptureStderr();
    report("to stderr");
    set_report_sink([](std::string_view) {});
    report("to nowhere");
    set_report_sink(nullptr);
    report("to stderr again");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "ringlet: to stderr\nringlet: to stderr again\n");
}

TEST(report, describes_what_is_no_std_exception_by_its_type) {
    EXPECT_EQ(describe(std::make_exception_ptr(std::out_of_range("7"))), "std::out_of_range: 7");
    EXPECT_EQ(describe(std::make_exception_ptr(3)), "int");
    EXPECT_EQ(describe(std::make_exception_ptr(canceled())), "ringlet::canceled");
    EXPECT_EQ(describe(std::source_location()), "");
}

TEST(report, an_error_of_static_life_that_nobody_asked_for_can_still_be_said_at_exit) {
    EXPECT_EXIT(
        {
            static greenlet<> kept;
            set_report_sink([prefix = std::string(100, '>')](std::string_view text) {
                std::fprintf(stderr, "%s %.*s", prefix.c_str(), static_cast<int>(text.size()), text.data());
            });
            in_virtual_time([]() -> task<> {
                kept = spawn([]() -> task<> {
                    throw std::runtime_error("too late");
                    co_return;
                });
                co_await kept.join();
            });
            std::exit(0);
        },
        testing::ExitedWithCode(0), ">>> greenlet 2 .*too late");
}

}  // namespace core_report_test

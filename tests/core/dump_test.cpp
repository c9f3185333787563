// What a dump says: who, since when, by whom, waiting for what, and where.

#include <ringlet/core/dump.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/recursive_mutex.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/shared.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/ops.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>
#include <csignal>
#include <mutex>
#include <sstream>
#include <thread>

namespace core_dump_test {

using namespace ringlet;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string dumped(const dump_options& options = dump_options()) {
    std::ostringstream out;
    dump(out, options);
    return out.str();
}

/// Runs `fn` in virtual time.
template <class Fn>
void story(Fn fn) {
    run(io::make_virtual_time(), fn);
}

task<> waits_for(event& e) { co_await e.wait(); }  // line 46
task<> waits_deeper(event& e) { co_await waits_for(e); }  // line 47

TEST(dump, names_every_greenlet_its_kind_its_age_and_what_it_waits_for) {
    story([] {
        event e;
        auto named = spawn(spawn_options().name("reader"), [&] { await(e.wait()); });
        auto plain = spawn([&]() -> task<> { co_await e.wait(); });
        await(sleep_for(2s));
        const std::string text = dumped();
        EXPECT_THAT(text, HasSubstr("3 greenlets, 0 timers, 0 requests in flight:\n"));
        EXPECT_THAT(text, HasSubstr("reader (greenlet 2, a fiber, 2 s old) waits for an event"));
        EXPECT_THAT(text, HasSubstr("greenlet 3 (a coroutine, 2 s old) waits for an event"));
        EXPECT_THAT(text, HasSubstr("greenlet 1 (a fiber, 2 s old) runs now"));
        EXPECT_THAT(text, HasSubstr("main waits for join of greenlet 1"));
        e.set();
    });
}

TEST(dump, tells_where_a_coroutine_stands_await_by_await) {
    story([] {
        event e;
        auto g = spawn([&]() -> task<> { co_await waits_deeper(e); });  // line 68
        await(yield());
        EXPECT_THAT(dumped(), ContainsRegex("waits for an event, spawned at [^\n]*dump_test.cpp:68[^\n]*\n"
                                            " *at [^\n]*dump_test.cpp:46 in [^\n]*waits_for[^\n]*\n"
                                            " *at [^\n]*dump_test.cpp:47 in [^\n]*waits_deeper[^\n]*\n"
                                            " *at [^\n]*dump_test.cpp:68 in "));
        e.set();
        await(g.join());
    });
}

TEST(dump, tells_the_place_of_one_that_was_woken_and_has_not_run) {
    story([] {
        event e;
        auto g = spawn([&]() -> task<> { co_await waits_for(e); });
        await(yield());
        e.set();
        EXPECT_THAT(dumped(), ContainsRegex("is ready to run[^\n]*\n *at [^\n]*dump_test.cpp:46 in "));
        await(g.join());
    });
}

TEST(dump, follows_awaits_through_timeouts_and_results) {
    story([] {
        event e;
        auto g = spawn([&]() -> task<> {
            (void)co_await as_result(with_timeout(1h, waits_for(e)));  // line 94
        });
        await(yield());
        EXPECT_THAT(dumped(), ContainsRegex("dump_test.cpp:46 in (.|\n)*timeout.hpp:(.|\n)*dump_test.cpp:94 in "));
        g.kill();
        await(g.join());
    });
}

TEST(dump, tells_where_a_fiber_called_await_and_where_its_stack_stands) {
    story([] {
        event e;
        auto g = spawn([&] {
            await(e.wait());  // line 107
        });
        auto mixed = spawn([&] {
            await(waits_for(e));  // line 110
        });
        await(yield());
        const std::string text = dumped();
        EXPECT_THAT(text, ContainsRegex("at [^\n]*dump_test.cpp:107 in [^\n]*\n( *in [^\n]*\n)+"));
        EXPECT_THAT(text, ContainsRegex("at [^\n]*dump_test.cpp:46 in [^\n]*\n *at [^\n]*dump_test.cpp:110 in "));
        EXPECT_THAT(dumped(dump_options().addresses(0)), Not(ContainsRegex("\n *in ")));
        // Having been asked, they go on as if nothing had happened.
        e.set();
        await(g.get());
        await(mixed.get());
    });
}

TEST(dump, tells_where_a_fiber_stands_that_a_coroutine_hosts) {
    story([] {
        event e;
        auto g = spawn([&]() -> task<> {
            co_await on_fiber([&] { await(waits_for(e)); });  // line 128
        });
        await(yield());
        EXPECT_THAT(dumped(), ContainsRegex("a coroutine(.|\n)* at [^\n]*dump_test.cpp:46 in [^\n]*\n"
                                            " *at [^\n]*dump_test.cpp:128 in [^\n]*\n( *in [^\n]*\n)+"
                                            " *at [^\n]*dump_test.cpp:128 in "));
        e.set();
        await(g.get());
    });
}

TEST(dump, stands_greenlets_under_those_who_spawned_them) {
    story([] {
        event e;
        greenlet<> child, grandchild;
        auto parent = spawn(spawn_options().name("parent"), [&] {
            child = spawn(spawn_options().name("child"), [&] {
                grandchild = spawn(spawn_options().name("grandchild"), [&] { await(e.wait()); });
                await(e.wait());
            });
            await(e.wait());
        });
        for (int i = 0; i < 3; ++i)
            await(yield());
        const auto plain = dump_options().addresses(0).ages(false);
        EXPECT_THAT(dumped(plain), ContainsRegex("\n      parent [^\n]*\n[^\n]*\n        child [^\n]*\n[^\n]*\n"
                                                 "          grandchild "));
        child.kill();
        await(child.join());
        EXPECT_THAT(dumped(plain), ContainsRegex("\n    grandchild [^\n]*, spawned by greenlet 3, which is over"));
        e.set();
    });
}

TEST(dump, tells_how_long_a_sleep_lasts_and_whom_a_join_is_for) {
    story([] {
        auto sleeper = spawn(spawn_options().name("sleeper"), [] { await(sleep_for(10s)); });
        auto joiner = spawn([&]() -> task<> { co_await sleeper.join(); });
        await(sleep_for(4s));
        const std::string text = dumped();
        EXPECT_THAT(text, HasSubstr("waits for a sleep, 6 s left"));
        EXPECT_THAT(text, HasSubstr("waits for join of sleeper"));
    });
}

TEST(dump, tells_who_holds_a_lock) {
    story([] {
        mutex m;
        recursive_mutex r;
        auto holder = spawn(spawn_options().name("holder"), [&] {
            auto first = await(m.lock());
            auto second = await(r.lock());
            await(sleep_for(1h));
        });
        auto one = spawn([&]() -> task<> { co_await m.lock(); });
        auto two = spawn([&]() -> task<> { co_await r.lock(); });
        await(yield());
        EXPECT_THAT(dumped(), HasSubstr("waits for a mutex held by holder"));
        EXPECT_THAT(dumped(), HasSubstr("waits for a recursive mutex held by holder"));
        holder.kill();
        await(one.join());
        await(two.join());
    });
}

TEST(dump, names_the_descriptor_and_the_peer_of_an_operation) {
    run([] {
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        std::byte buffer[1];
        auto reader = spawn([&]() -> task<> { co_await io::read(ends[0], buffer); });
        await(sleep_for(1ms));
        EXPECT_THAT(dumped(), HasSubstr("waits for read on fd " + std::to_string(ends[0]) + " (pipe:"));
        reader.kill();
        await(reader.join());
        close(ends[0]);
        close(ends[1]);
    });
}

TEST(dump, tells_of_waits_that_another_thread_ends_and_of_kills_under_way) {
    story([] {
        shared_event e;
        auto g = spawn([&]() -> task<> {
            try {
                co_await e.wait();
            } catch (const canceled&) {}
            const shield hold;
            co_await e.wait();
        });
        await(yield());
        EXPECT_THAT(dumped(), HasSubstr("waits for a shared event"));
        g.kill();
        await(yield());
        EXPECT_THAT(dumped(), HasSubstr("waits for a shared event, was told to end"));
        e.set();
    });
}

TEST(dump, knows_the_frames_of_other_coroutine_types_and_does_not_read_them) {
    struct foreign {
        struct promise_type {
            foreign get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
            std::suspend_never initial_suspend() const noexcept { return {}; }
            std::suspend_always final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            void unhandled_exception() const noexcept { std::terminate(); }
        };
        std::coroutine_handle<promise_type> frame;
    };
    story([] {
        event e;
        const auto other = [&]() -> foreign { co_await e.wait(); };
        foreign f;
        auto g = spawn([&]() -> task<> {
            f = other();
            co_return;
        });
        await(g.join());
        EXPECT_THAT(dumped(), Not(HasSubstr("at an unknown place")));
        e.set();
        await(yield());
        f.frame.destroy();
    });
}

TEST(dump, a_deadlock_report_is_a_dump) {
    event never_set;
    try {
        story([&] { await(never_set.wait()); });
        ADD_FAILURE();
    } catch (const deadlock_error& e) {
        EXPECT_THAT(e.what(),
                    ContainsRegex("greenlet 1 \\(a fiber\\) waits for an event[^\n]*\n *at [^\n]*dump_test.cpp"));
    }
}

TEST(dump, a_limit_cuts_it_short) {
    story([] {
        event e;
        for (int i = 0; i < 10; ++i)
            spawn([&]() -> task<> { co_await e.wait(); });
        await(yield());
        EXPECT_THAT(dumped(dump_options().limit(3)), HasSubstr("and 8 more"));
        e.set();
    });
}

TEST(dump, a_long_chain_of_spawners_stays_on_the_screen) {
    story([] {
        event e;
        std::function<void(int)> next = [&](int left) {
            if (left > 0)
                spawn([&, left]() -> task<> {
                    next(left - 1);
                    co_await e.wait();
                });
        };
        next(200);
        for (int i = 0; i < 201; ++i)
            await(yield());
        std::istringstream text(dumped());
        std::size_t longest_indent = 0;
        for (std::string line; std::getline(text, line);)
            longest_indent = std::max(longest_indent, line.find_first_not_of(' '));
        EXPECT_LT(longest_indent, 60u);
        e.set();
    });
}

class reports {
public:
    reports() {
        set_report_sink([this](std::string_view text) {
            const std::lock_guard lock(mutex_);
            all_ += std::string(text) + "\n";
        });
    }
    ~reports() { set_report_sink({}); }
    std::string all() {
        const std::lock_guard lock(mutex_);
        return all_;
    }

private:
    std::mutex mutex_;
    std::string all_;
};

TEST(dump, a_signal_makes_each_loop_that_asked_report_one) {
    reports seen;
    const auto before = std::signal(SIGUSR1, SIG_DFL);
    run([&] {
        dump_on_signal();
        dump_on_signal();
        event e;
        auto g = spawn(spawn_options().name("the one that waits"), [&] { await(e.wait()); });
        await(yield());
        std::jthread other([] { std::raise(SIGUSR1); });
        while (seen.all().empty())
            await(sleep_for(1ms));
        EXPECT_THAT(seen.all(), HasSubstr("the one that waits (greenlet 2, a fiber"));
        e.set();
    });
    const std::string told = seen.all();
    std::raise(SIGUSR1);  // nobody is left to report
    EXPECT_EQ(seen.all(), told);
    std::signal(SIGUSR1, before);
}

}  // namespace core_dump_test

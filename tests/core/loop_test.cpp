// Laps: what is ready runs once, in order; then the kernel is asked; what was woken meanwhile waits for
// the next lap. No greenlet can keep timers or I/O from their turn.

#include "support/scripted_kernel.hpp"
#include "support/story.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/mailbox.hpp>
#include <ringlet/core/op.hpp>
#include <ringlet/core/scope.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace core_loop_test {

using namespace ringlet;
using story::in_virtual_time;
using story::scripted_kernel;

class nop : public op {
public:
    nop() : op("nop") { request_->opcode = IORING_OP_NOP; }
    void await_resume() const { throw_if_aborted(); }
};

/// Takes as long as it is told to, in one go.
void compute(scripted_kernel& k, duration d) { k.clock += d; }

std::vector<std::string>& trace() {
    static std::vector<std::string> lines;
    return lines;
}

// invariants 2 and 9
TEST(loop, runs_greenlets_in_the_order_in_which_they_were_spawned_and_only_when_its_turn_comes) {
    std::string order;
    in_virtual_time([&]() -> task<> {
        const auto a = spawn([&] { order += 'a'; });
        const auto b = spawn([&]() -> task<> {
            order += 'b';
            co_return;
        });
        const auto c = spawn([&] { order += 'c'; });
        order += '0';
        co_await c.join();
    });
    EXPECT_EQ(order, "0abc");
}

// invariant 2
TEST(loop, a_wake_and_an_abort_resume_nothing_themselves) {
    std::string order;
    in_virtual_time([&]() -> task<> {
        event e;
        const auto served = spawn([&]() -> task<> {
            co_await e.wait();
            order += 's';
        });
        const auto victim = spawn([&]() -> task<> {
            event never_set;
            try {
                co_await never_set.wait();
            } catch (const canceled&) {
                order += 'k';
                throw;
            }
        });
        co_await yield();
        e.set();
        order += '1';
        victim.kill();
        order += '2';
        co_await victim.join();
    });
    EXPECT_EQ(order, "12sk");
}

// invariant 2
TEST(loop, what_is_woken_during_a_lap_runs_in_the_next_one) {
    auto owned = std::make_unique<scripted_kernel>();
    scripted_kernel& k = *owned;
    std::vector<std::size_t> turn_of_each_step;
    run(std::move(owned), [&]() -> task<> {
        for (int i = 0; i < 4; ++i) {
            turn_of_each_step.push_back(k.turns);
            co_await yield();
        }
    });
    ASSERT_EQ(turn_of_each_step.size(), 4u);
    for (std::size_t i = 1; i < 4; ++i)
        EXPECT_EQ(turn_of_each_step[i], turn_of_each_step[i - 1] + 1) << "the kernel is asked between laps";
}

TEST(loop, two_who_yield_take_turns) {
    std::string order;
    in_virtual_time([&] {
        const auto say = [&](char c) {
            return [&order, c]() -> task<> {
                for (int i = 0; i < 3; ++i) {
                    order += c;
                    co_await yield();
                }
            };
        };
        const auto a = spawn(say('a'));
        const auto b = spawn(say('b'));
        await(a.join());
        await(b.join());
    });
    EXPECT_EQ(order, "ababab");
}

TEST(loop, busy_yielders_starve_neither_timers_nor_completions) {
    auto owned = std::make_unique<scripted_kernel>();
    scripted_kernel& k = *owned;
    k.script = [](scripted_kernel& self) {
        self.clock += 10us;
        for (const io_uring_sqe& sqe : self.taken)
            self.answer(sqe.user_data, 0);
        self.taken.clear();
    };
    bool stop = false;
    std::size_t spins = 0;
    run(std::move(owned), [&]() -> task<> {
        const auto busy = [&]() -> task<> {
            while (!stop) {
                ++spins;
                co_await yield();
            }
        };
        spawn(busy);
        spawn(busy);
        co_await nop();
        EXPECT_LE(spins, 8u);
        co_await sleep_for(1ms);
        EXPECT_LE(spins, 2 * (100u + 16u));
        stop = true;
    });
}

TEST(loop, does_not_wait_in_the_kernel_while_somebody_is_ready) {
    auto owned = std::make_unique<scripted_kernel>();
    scripted_kernel& k = *owned;
    run(std::move(owned), [&]() -> task<> {
        co_await yield();
        EXPECT_EQ(k.until, time_point::min());
        co_await sleep_for(1s);
        EXPECT_NE(k.until, time_point::min());
    });
}

TEST(loop, sleepers_wake_in_the_order_of_their_times_and_of_their_asking) {
    std::string order;
    in_virtual_time([&]() -> task<> {
        const auto nap = [&](char name, duration d) {
            return spawn([&order, name, d]() -> task<> {
                co_await sleep_for(d);
                order += name;
            });
        };
        nap('c', 30ms);
        nap('a', 10ms);
        nap('d', 30ms);
        nap('b', 20ms);
        co_await sleep_for(1s);
    });
    EXPECT_EQ(order, "abcd");
}

// invariant 8
TEST(loop, a_sleep_is_counted_from_when_it_begins_and_not_from_the_start_of_the_lap) {
    auto owned = std::make_unique<scripted_kernel>();
    scripted_kernel& k = *owned;
    run(std::move(owned), [&]() -> task<> {
        const time_point lap = loop::current().now();
        compute(k, 5s);
        EXPECT_EQ(loop::current().now(), lap) << "the time of a lap stands still";
        const time_point begin = k.clock;
        co_await sleep_for(1s);
        EXPECT_GE(k.clock - begin, 1s);
        EXPECT_LT(k.clock - begin, 1s + 1ms);

        compute(k, 5s);
        const time_point before_deadline = k.clock;
        try {
            deadline d(1s);
            co_await sleep_for(10s);
            ADD_FAILURE();
        } catch (const canceled&) {}
        EXPECT_GE(k.clock - before_deadline, 1s);
    });
}

TEST(loop, sleeping_until_never_is_not_over_at_once) {
    in_virtual_time([]() -> task<> {
        const auto forever = spawn([]() -> task<> { co_await sleep_until(never); });
        const auto forever_too = spawn([]() -> task<> { co_await sleep_for(duration::max()); });
        co_await sleep_for(24h);
        EXPECT_FALSE(forever.ready());
        EXPECT_FALSE(forever_too.ready());
    });
}

TEST(loop, sleeping_no_time_or_less_lets_others_run) {
    for (const duration d : {duration::zero(), duration(-5s), duration::min()}) {
        std::string order;
        in_virtual_time([&]() -> task<> {
            spawn([&] { order += 'o'; });
            co_await sleep_for(d);
            order += 'm';
        });
        EXPECT_EQ(order, "om");
    }
}

TEST(loop, a_day_passes_in_no_time_on_virtual_time) {
    in_virtual_time([]() -> task<> {
        const time_point begin = loop::current().now();
        co_await sleep_for(24h);
        EXPECT_GE(loop::current().now() - begin, 24h);
        EXPECT_LT(loop::current().now() - begin, 24h + 1ms);
    });
}

TEST(loop, main_goes_on_in_the_middle_of_a_lap_and_the_rest_of_the_lap_is_not_lost) {
    std::string order;
    loop l(io::make_virtual_time());
    const auto first = spawn([&] { order += '1'; });
    const auto waiting = spawn([&] { order += '2'; });
    const auto third = spawn([&] { order += '3'; });
    await(first.join());
    order += 'm';
    await(third.join());
    order += 'e';
    EXPECT_EQ(order, "123me");
}

TEST(loop, ends_by_killing_who_is_left_and_waiting_for_them) {
    std::string order;
    in_virtual_time([&]() -> task<> {
        spawn([&]() -> task<> {
            try {
                co_await sleep_for(1h);
            } catch (const canceled&) {
                order += 'u';
                throw;
            }
        });
        spawn([&] {
            try {
                await(sleep_for(1h));
            } catch (const canceled&) {
                const shield for_clean_up;
                await(sleep_for(1s));
                order += 'c';
                throw;
            }
        });
        co_await yield();
    });
    EXPECT_EQ(order, "uc");
}

TEST(loop, what_a_link_starts_anew_ends_with_the_loop) {
    for (const bool raw : {false, true}) {
        int begun = 0;
        std::function<void()> begin = [&] {
            const auto g = spawn([&] {
                ++begun;
                await(sleep_for(1s));
            });
            if (raw)
                g.rawlink([&](const greenlet<>&) { begin(); });
            else
                g.link([&](const greenlet<>&) { begin(); });
        };
        run(io::make_virtual_time(), [&] {
            begin();
            await(sleep_for(1500ms));
        });
        EXPECT_EQ(begun, 2);
    }
}

TEST(loop, what_is_spawned_while_the_loop_ends_is_killed_before_it_runs) {
    bool ran = false;
    in_virtual_time([&]() -> task<> {
        spawn([&]() -> task<> {
            try {
                co_await sleep_for(1h);
            } catch (const canceled&) {
                spawn([&]() -> task<> {
                    ran = true;
                    co_await sleep_for(1h);
                });
                throw;
            }
        });
        co_await yield();
    });
    EXPECT_FALSE(ran);
}

TEST(loop, says_who_does_not_end_instead_of_hanging_silently) {
    std::string said;
    set_report_sink([&](std::string_view text) { said += text; });
    in_virtual_time([&]() -> task<> {
        spawn(spawn_options().name("stubborn"), []() -> task<> {
            const shield against_the_end;
            co_await sleep_for(1h);
        });
        co_await yield();
    });
    set_report_sink(nullptr);
    EXPECT_NE(said.find("stubborn"), std::string::npos) << said;
    EXPECT_NE(said.find("a sleep"), std::string::npos) << said;
}

TEST(loop, ends_as_soon_as_its_last_greenlet_has_also_while_others_could_still_write_to_it) {
    std::string said;
    set_report_sink([&](std::string_view text) { said += text; });
    loop_ref kept;
    in_virtual_time([&]() -> task<> {
        kept = this_loop();
        spawn([]() -> task<> { co_await sleep_for(1h); });
        spawn([] { await(sleep_for(1h)); });
        co_await yield();
        spawn([]() -> task<> { co_await sleep_for(1h); });  // never begins
    });
    set_report_sink(nullptr);
    EXPECT_EQ(said, "") << "it has waited";
}

TEST(loop, says_who_can_never_end_and_leaves_them_behind) {
    std::string said;
    set_report_sink([&](std::string_view text) { said += text; });
    static auto* never_set = new event;  // who waits on it is left behind, and so must it be
    in_virtual_time([&]() -> task<> {
        spawn(spawn_options().name("lost"), []() -> task<> {
            const shield against_the_end;
            co_await never_set->wait();
        });
        co_await yield();
    });
    set_report_sink(nullptr);
    EXPECT_NE(said.find("lost"), std::string::npos) << said;
    EXPECT_NE(said.find("an event"), std::string::npos) << said;
}

TEST(loop, is_one_per_thread_and_each_thread_may_have_one) {
    in_virtual_time([]() -> task<> {
        int elsewhere = 0;
        std::thread other([&] {
            elsewhere = in_virtual_time([]() -> task<int> {
                co_await yield();
                co_return 3;
            });
        });
        other.join();
        EXPECT_EQ(elsewhere, 3);
        co_return;
    });
    EXPECT_DEATH(in_virtual_time([] { loop second(io::make_virtual_time()); }),
                 "a thread has one event loop at a time");
}

TEST(loop, keeps_one_service_of_a_type_and_drops_it_at_its_end) {
    struct service {
        service() { trace().push_back("made"); }
        ~service() {
            EXPECT_NE(loop::current_or_null(), nullptr);
            trace().push_back("gone");
        }
        int value = 0;
    };
    trace().clear();
    in_virtual_time([] {
        loop::current().service<service>().value = 4;
        EXPECT_EQ(loop::current().service<service>().value, 4);
        trace().push_back("used");
    });
    EXPECT_EQ(trace(), (std::vector<std::string>{"made", "used", "gone"}));
}

// invariant 3
TEST(list, an_object_in_two_queues_ends_the_process) {
    struct item : hook {};
    EXPECT_DEATH(
        {
            list<item> a;
            list<item> b;
            item i;
            a.push_back(i);
            b.push_back(i);
        },
        "an object can be in one list at a time");
}

TEST(list, keeps_its_order_when_items_leave_from_the_middle_and_when_lists_join) {
    struct item : hook {
        explicit item(int v) : value(v) {}
        int value;
    };
    item one(1), two(2), three(3), four(4);
    list<item> a, b;
    a.push_back(two);
    a.push_back(three);
    a.push_front(one);
    b.push_back(four);
    two.unlink();
    two.unlink();
    a.splice_back(b);
    EXPECT_TRUE(b.empty());
    a.splice_back(b);
    std::vector<int> values;
    a.for_each([&](const item& i) { values.push_back(i.value); });
    EXPECT_EQ(values, (std::vector{1, 3, 4}));
    while (!a.empty())
        a.pop_front();
}

}  // namespace core_loop_test

// The heap of timers against a model, and the promises made for equal times and for callbacks.

#include <ringlet/core/timers.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <vector>

namespace core_timers_test {

using namespace ringlet;

struct counter : timer {
    counter() : timer([](timer& t) noexcept { static_cast<counter&>(t).on_fire(); }) {}
    std::function<void()> on_fire = [] {};
};

time_point at(int us) { return time_point(std::chrono::microseconds(us)); }

TEST(timers, fire_in_the_order_of_their_times) {
    timer_heap heap;
    std::vector<int> fired;
    std::deque<counter> timers(3);
    for (int i : {2, 0, 1}) {
        timers[static_cast<std::size_t>(i)].on_fire = [&fired, i] { fired.push_back(i); };
        heap.arm(timers[static_cast<std::size_t>(i)], at(10 * i));
    }
    EXPECT_EQ(heap.next(), at(0));
    heap.fire_due(at(10));
    EXPECT_EQ(fired, (std::vector{0, 1}));
    heap.fire_due(at(19));
    EXPECT_EQ(fired.size(), 2u);
    heap.fire_due(at(20));
    EXPECT_EQ(fired, (std::vector{0, 1, 2}));
    EXPECT_EQ(heap.next(), never);
}

TEST(timers, with_equal_times_fire_in_the_order_in_which_they_were_armed) {
    timer_heap heap;
    std::vector<int> fired, expected;
    std::deque<counter> timers(100);
    for (int i = 0; i < 100; ++i) {
        timers[static_cast<std::size_t>(i)].on_fire = [&fired, i] { fired.push_back(i); };
        heap.arm(timers[static_cast<std::size_t>(i)], at(5));
    }
    for (int i = 0; i < 100; ++i) {
        if (i % 3 == 0)
            heap.disarm(timers[static_cast<std::size_t>(i)]);
        else
            expected.push_back(i);
    }
    heap.fire_due(at(5));
    EXPECT_EQ(fired, expected);
}

TEST(timers, a_timer_armed_by_a_callback_waits_for_the_next_call_even_if_it_is_due) {
    timer_heap heap;
    counter again;
    int count = 0;
    again.on_fire = [&] {
        ++count;
        heap.arm(again, at(0));
    };
    heap.arm(again, at(0));
    heap.fire_due(at(10));
    EXPECT_EQ(count, 1);
    heap.fire_due(at(10));
    EXPECT_EQ(count, 2);
    heap.disarm(again);
}

TEST(timers, one_armed_for_the_beginning_of_time_fires_at_the_next_call) {
    timer_heap heap;
    counter soon;
    bool fired = false;
    soon.on_fire = [&] { fired = true; };
    heap.arm(soon, time_point::min());
    EXPECT_EQ(heap.next(), time_point::min());
    heap.fire_due(at(0));
    EXPECT_TRUE(fired);
}

TEST(timers, one_armed_by_a_callback_may_be_disarmed_by_the_next) {
    timer_heap heap;
    counter first, second, late;
    late.on_fire = [] { ADD_FAILURE() << "it was disarmed"; };
    first.on_fire = [&] { heap.arm(late, at(0)); };
    second.on_fire = [&] {
        EXPECT_TRUE(late.armed());
        heap.disarm(late);
    };
    heap.arm(first, at(1));
    heap.arm(second, at(1));
    heap.fire_due(at(2));
    heap.fire_due(at(2));
    EXPECT_TRUE(heap.empty());
}

TEST(timers, a_callback_may_disarm_a_timer_that_is_due_as_well) {
    timer_heap heap;
    counter first, second;
    first.on_fire = [&] { heap.disarm(second); };
    second.on_fire = [] { ADD_FAILURE() << "it was disarmed"; };
    heap.arm(first, at(1));
    heap.arm(second, at(1));
    heap.fire_due(at(2));
    EXPECT_TRUE(heap.empty());
    heap.disarm(second);  // once more is harmless
}

TEST(timers, destroying_an_armed_timer_ends_the_process) {
    EXPECT_DEATH(
        {
            timer_heap heap;
            counter t;
            heap.arm(t, at(1));
        },
        "a timer was destroyed while it was armed");
}

TEST(timers, arming_twice_ends_the_process) {
    EXPECT_DEATH(
        {
            timer_heap heap;
            counter t;
            heap.arm(t, at(1));
            heap.arm(t, at(2));
        },
        "a timer is armed once at a time");
}

/// The model: a multimap keeps equal keys in the order of insertion.
TEST(timers, do_what_a_multimap_does) {
    for (unsigned seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        timer_heap heap;
        std::multimap<time_point, std::size_t> model;
        std::deque<counter> timers(200);
        std::vector<std::size_t> fired;
        for (std::size_t i = 0; i < timers.size(); ++i)
            timers[i].on_fire = [&fired, i] { fired.push_back(i); };

        time_point now = at(0);
        for (int step = 0; step < 3000; ++step) {
            const std::size_t i = random() % timers.size();
            const auto act = random() % 10;
            if (act < 6 && !timers[i].armed()) {
                const time_point when = now + std::chrono::microseconds(random() % 40);
                heap.arm(timers[i], when);
                model.emplace(when, i);
            } else if (act < 9) {
                heap.disarm(timers[i]);
                std::erase_if(model, [i](const auto& entry) { return entry.second == i; });
            } else {
                now += std::chrono::microseconds(random() % 20);
                std::vector<std::size_t> expected;
                while (!model.empty() && model.begin()->first <= now) {
                    expected.push_back(model.begin()->second);
                    model.erase(model.begin());
                }
                fired.clear();
                heap.fire_due(now);
                ASSERT_EQ(fired, expected);
            }
            ASSERT_EQ(heap.size(), model.size());
            ASSERT_EQ(heap.next(), model.empty() ? never : model.begin()->first);
        }
        for (counter& t : timers)
            heap.disarm(t);
    }
}

TEST(durations, are_written_with_a_unit_that_fits) {
    EXPECT_EQ(to_string(5s), "5 s");
    EXPECT_EQ(to_string(150ms), "150 ms");
    EXPECT_EQ(to_string(20us), "20 us");
    EXPECT_EQ(to_string(1500ms), "1.5 s");
    EXPECT_EQ(to_string(duration::zero()), "0 s");
    EXPECT_EQ(to_string(7ns), "7 ns");
}

/// What `d` is for a function or an option that takes any duration.
constexpr duration taken(any_duration d) { return d; }

TEST(durations, of_any_unit_are_taken_and_the_ends_of_the_scale_hold) {
    static_assert(taken(5s) == 5s && taken(1ms) == 1ms && taken(std::chrono::hours(1)) == 1h && taken(7ns) == 7ns);
    static_assert(taken(0.25s) == 250ms && taken(std::chrono::duration<double, std::milli>(1.5)) == 1500us);
    static_assert(taken(std::chrono::hours::max()) == duration::max() && taken(1e300 * 1s) == duration::max());
    static_assert(taken(-1ns) == 0ns && taken(-5s) == 0s && taken(std::chrono::years::min()) == 0s);
    static_assert(taken(std::chrono::hours(2'555'000)) == std::chrono::hours(2'555'000),
                  "some 291 years are counted");
    static_assert(taken(duration::max()) == duration::max());
}

TEST(durations, of_options_are_assigned_compared_and_counted_with_like_any_other) {
    struct options {
        any_duration idle = 30s;
        any_duration total = duration::max();
    };
    options o{.idle = 10min};
    EXPECT_EQ(o.idle, 10min);
    o.idle = std::chrono::hours::max();
    EXPECT_EQ(o.idle, o.total);
    EXPECT_GT(o.idle, 1h);
    o.idle = 5s;
    o.idle += 1s;
    EXPECT_EQ(2 * o.idle - 1s, 11s);
    EXPECT_EQ(o.idle.count(), 6'000'000'000);
    EXPECT_EQ(std::chrono::duration_cast<std::chrono::milliseconds>(o.idle).count(), 6000);
    EXPECT_EQ(std::min<duration>(o.idle, 2s), 2s);
    const duration copy = o.idle;
    EXPECT_EQ(to_string(o.idle), to_string(copy));
    EXPECT_EQ(after(at(5), o.total), never);
}

TEST(durations, too_long_to_express_never_end) {
    EXPECT_EQ(after(at(5), duration::max()), never);
    EXPECT_EQ(after(never, 1s), never);
    EXPECT_EQ(after(at(5), 5us), at(10));
    EXPECT_EQ(after(time_point::min(), 5us), time_point::min() + 5us);
    EXPECT_EQ(after(time_point::min() + 2s, -5s), time_point::min());
    EXPECT_EQ(after(at(0), duration::min()), time_point::min());
    EXPECT_EQ(seconds(0.25), 250ms);
    EXPECT_EQ(seconds(-1), duration::zero());
    EXPECT_EQ(seconds(1e300), duration::max());
    EXPECT_EQ(seconds(std::nan("")), duration::max());
}

}  // namespace core_timers_test

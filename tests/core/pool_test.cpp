// pool: never more at a time than it has room for; results in order or as they come.

#include "support/counted.hpp"
#include "support/story.hpp"
#include "support/sweep.hpp"
#include "support/wears_out.hpp"

#include <ringlet/core/pool.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace core_pool_test {

using namespace ringlet;
using story::counted;
using story::in_virtual_time;
using story::settle;
using testing::ElementsAre;

struct workload {
    int running = 0, most = 0, begun = 0;

    /// Takes n seconds; 13 is bad luck.
    task<int> work(int n) {
        ++begun;
        most = std::max(most, ++running);
        struct leave {
            int& count;
            ~leave() { --count; }
        } const at_exit{running};
        co_await sleep_for(std::chrono::seconds(n));
        if (n == 13)
            throw std::out_of_range("thirteen");
        co_return n* n;
    }
};

const std::vector<int> numbers{5, 1, 4, 2, 3};

/// The same for work that is a coroutine and work that blocks its fiber.
template <class World>
class pools : public testing::Test {
protected:
    auto work() {
        if constexpr (std::is_same_v<World, story::coroutine_world>)
            return [this](int n) { return load.work(n); };
        else
            return [this](int n) { return await(load.work(n)); };
    }
    workload load;
};
TYPED_TEST_SUITE(pools, story::both_worlds, story::world_names);

TYPED_TEST(pools, spawn_waits_for_room) {
    in_virtual_time([this]() -> task<> {
        const pool p(2);
        for (const int n : numbers) {
            const auto g = co_await p.spawn(this->work(), n);
            EXPECT_LE(p.alive(), 2u);
        }
        co_await p.join();
        EXPECT_EQ(p.free(), 2u);
    });
    EXPECT_EQ(this->load.most, 2);
    EXPECT_EQ(this->load.begun, 5);
}

TYPED_TEST(pools, apply_async_does_not_wait) {
    in_virtual_time([this]() -> task<> {
        const pool p(1);
        const auto a = p.apply_async(this->work(), 2);
        const auto b = p.apply_async(this->work(), 3);
        EXPECT_EQ(this->load.begun, 0);
        EXPECT_EQ(co_await b.get(), 9);
        EXPECT_EQ(co_await a.get(), 4);
        const auto killed = p.apply_async(this->work(), 100);
        co_await sleep_for(1s);
        killed.kill();
        co_await killed.join();
        EXPECT_EQ(p.alive(), 0u) << "what it started is over too";
    });
    EXPECT_EQ(this->load.most, 1);
}

TYPED_TEST(pools, map_gives_results_in_the_order_of_the_items) {
    in_virtual_time([this]() -> task<> {
        const pool p(3);
        EXPECT_THAT(co_await p.map(numbers, this->work()), ElementsAre(25, 1, 16, 4, 9));
        const std::vector<int> none;
        const auto results = co_await p.map(none, this->work());
        EXPECT_TRUE(results.empty());
    });
    EXPECT_EQ(this->load.most, 3);
}

TYPED_TEST(pools, map_ends_what_still_runs_when_one_fails) {
    in_virtual_time([this]() -> task<> {
        const pool p(3);
        const std::vector<int> unlucky{13, 100, 200, 300};
        EXPECT_THROW(co_await p.map(unlucky, this->work()), std::out_of_range);
        EXPECT_EQ(this->load.running, 0);
        EXPECT_EQ(p.alive(), 0u);
    });
}

TYPED_TEST(pools, what_was_asked_of_a_handle_needs_it_no_more) {
    in_virtual_time([this]() -> task<> {
        pool p(1);
        const pool first = p;
        task<greenlet<int>> begins = p.spawn(this->work(), 2);
        p = pool(1);
        const auto begun = co_await std::move(begins);
        EXPECT_EQ(first.free(), 0u);

        p = first;
        task<> joins = p.join();
        p = pool(1);
        co_await std::move(joins);
        EXPECT_TRUE(begun.ready());

        auto results = p.imap(numbers, this->work());
        auto fetches = results.next();
        const auto moved = std::move(results);
        const auto square = co_await std::move(fetches);
        EXPECT_EQ(square, 25);
    });
}

TYPED_TEST(pools, imap_gives_results_one_by_one) {
    in_virtual_time([this]() -> task<> {
        const pool p(5);
        std::vector<int> ordered, unordered;
        auto in_order = p.imap(numbers, this->work());
        while (auto r = co_await in_order.next())
            ordered.push_back(*r);
        EXPECT_THAT(ordered, ElementsAre(25, 1, 16, 4, 9));
        auto as_done = p.imap_unordered(numbers, this->work());
        while (auto r = co_await as_done.next())
            unordered.push_back(*r);
        EXPECT_THAT(unordered, ElementsAre(1, 4, 9, 16, 25));
    });
}

TYPED_TEST(pools, imap_stops_spawning_when_nobody_fetches) {
    in_virtual_time([this]() -> task<> {
        const pool p(5);
        std::vector<int> many(100, 1);
        auto results = p.imap_unordered(many, this->work(), 3);
        co_await sleep_for(60s);
        EXPECT_EQ(this->load.begun, 3);
        const auto first = co_await results.next();
        EXPECT_EQ(first, 1);
        co_await sleep_for(60s);
        EXPECT_EQ(this->load.begun, 3) << "the one that was fetched is still being used";
        const auto second = co_await results.next();
        EXPECT_EQ(second, 1);
        co_await sleep_for(60s);
        EXPECT_EQ(this->load.begun, 4);
    });
    EXPECT_EQ(this->load.running, 0);
}

TYPED_TEST(pools, join_does_not_wait_for_those_that_have_just_died) {
    in_virtual_time([]() -> task<> {
        const pool p(1);
        const auto g = co_await p.spawn([] {});
        co_await yield();
        EXPECT_TRUE(g.ready());
        co_await p.join();
        EXPECT_EQ(p.alive(), 0u);
    });
}

TYPED_TEST(pools, its_greenlets_leave_it_at_the_end_of_the_loop_too) {
    std::size_t alive = 99, free = 99;
    in_virtual_time([&, this]() -> task<> {
        const auto cleans_up = [&, this]() -> task<> {
            const pool p(2);
            for (const int n : {100, 200})
                (void)co_await p.spawn(this->work(), n);
            try {
                co_await sleep_for(1h);
            } catch (const canceled&) {}
            const shield until_all_are_over;
            co_await p.join();
            co_await yield();
            alive = p.alive();
            free = p.free();
        };
        spawn(cleans_up);
        co_await sleep_for(1s);
        EXPECT_EQ(this->load.running, 2);
    });
    EXPECT_EQ(alive, 0u);
    EXPECT_EQ(free, 2u);
}

TYPED_TEST(pools, whoever_reads_in_a_shield_at_the_end_of_the_loop_reads_to_the_end) {
    std::string read;
    in_virtual_time([&, this]() -> task<> {
        const auto reads = [&, this]() -> task<> {
            const pool p(2);
            auto results = p.imap(numbers, this->work());
            try {
                co_await sleep_for(1h);
            } catch (const canceled&) {}
            const shield until_all_are_over;
            for (bool more = true; more;)
                try {
                    const auto result = co_await results.next();
                    more = result.has_value();
                    read += more ? std::to_string(*result) + ' ' : "end";
                } catch (const greenlet_killed&) {
                    read += "killed ";
                }
        };
        spawn(reads);
        co_await sleep_for(2s);
    });
    EXPECT_EQ(read, "killed 1 killed end");
}

TYPED_TEST(pools, one_of_several_readers_does_not_wait_for_more_than_its_own_result) {
    in_virtual_time([this]() -> task<> {
        const pool p(3);
        const std::vector<int> times{2, 1, 100};
        auto results = p.imap(times, this->work());
        const auto reads = [&]() -> task<int> {
            const auto result = co_await results.next();
            co_return result.value_or(0);
        };
        const auto one = spawn(reads), other = spawn(reads);
        co_await sleep_for(3s);
        EXPECT_TRUE(one.ready() && other.ready());
        EXPECT_EQ(co_await one.get(), 4);
        EXPECT_EQ(co_await other.get(), 1);
    });
}

TYPED_TEST(pools, whoever_still_reads_when_the_results_go_is_not_left_waiting) {
    in_virtual_time([this]() -> task<> {
        const pool busy(1);
        (void)co_await busy.spawn(this->work(), 60);
        std::optional<pool_results<int>> results(busy.imap(numbers, this->work()));
        const auto reader = spawn([&]() -> task<> {
            const auto none = co_await results->next();
            EXPECT_FALSE(none);
        });
        co_await sleep_for(1s);
        results.reset();
        co_await with_timeout(1s, reader.get());
    });
}

TYPED_TEST(pools, a_reader_whose_turn_came_behind_another_one_makes_room_too) {
    in_virtual_time([this]() -> task<> {
        const pool p(3);
        const std::vector<int> times{1, 2};
        auto results = p.imap(times, this->work(), 1);
        const auto reads = [&]() -> task<int> {
            const auto result = co_await results.next();
            co_return result.value_or(0);
        };
        const auto one = spawn(reads), other = spawn(reads);
        EXPECT_EQ(co_await with_timeout(10s, one.get()), 1);
        EXPECT_EQ(co_await with_timeout(10s, other.get()), 4);
    });
}

TYPED_TEST(pools, whoever_reads_when_the_results_go_before_anything_began_is_not_left_waiting) {
    in_virtual_time([this]() -> task<> {
        const pool p(1);
        std::optional<pool_results<int>> results;
        const auto reader = spawn([&]() -> task<> {
            results.emplace(p.imap(numbers, this->work()));
            const auto none = co_await results->next();
            EXPECT_FALSE(none);
        });
        spawn([&] { results.reset(); });
        co_await with_timeout(1s, reader.get());
        EXPECT_EQ(this->load.begun, 0);
    });
}

TYPED_TEST(pools, no_item_begins_whose_room_came_just_before_the_results_went) {
    in_virtual_time([this]() -> task<> {
        const pool p(1);
        const auto before = co_await p.spawn(this->work(), 1);
        {
            const auto results = p.imap(numbers, this->work());
            co_await before.join();
        }
        co_await sleep_for(60s);
        EXPECT_EQ(this->load.begun, 1);
        EXPECT_EQ(p.free(), 1u);
    });
}

TYPED_TEST(pools, imap_throws_in_the_place_of_the_item_that_failed) {
    in_virtual_time([this]() -> task<> {
        const pool p(2);
        const std::vector<int> unlucky{1, 13, 2};
        auto results = p.imap(unlucky, this->work());
        const auto first = co_await results.next();
        EXPECT_EQ(first, 1);
        EXPECT_THROW(co_await results.next(), std::out_of_range);
        const auto third = co_await results.next();
        EXPECT_EQ(third, 4);
        const auto end = co_await results.next();
        EXPECT_FALSE(end);
    });
}

TYPED_TEST(pools, killed_at_every_step_it_leaves_nothing_running) {
    EXPECT_GT(story::sweep([this]() -> task<> {
                  this->load = workload();
                  const pool p(2);
                  const std::vector<int> three{1, 2, 3};
                  co_await p.map(three, this->work());
                  auto results = p.imap_unordered(three, this->work(), 1);
                  while (auto r = co_await results.next())
                      co_await sleep_for(1s);
              }),
              5u);
    EXPECT_EQ(this->load.running, 0);
}

/// Cannot be copied when it is tired.
struct tires {
    explicit tires(const bool& is_tired) : tired(&is_tired) {}
    tires(const tires& other) : tired(other.tired) {
        if (*tired)
            throw std::out_of_range("tired");
    }
    tires(tires&&) = default;
    int operator()(int item) const { return item; }
    const bool* tired;
};

TEST(failing_pools, an_argument_that_cannot_be_moved_takes_no_room) {
    in_virtual_time([]() -> task<> {
        const pool p(1);
        int lasts = 0;
        for (bool started = false; !started; ++lasts) {
            int left = lasts;
            const story::wears_out argument(left);
            greenlet<> g;
            try {
                g = co_await p.spawn([](const story::wears_out&) {}, argument);
                started = true;
            } catch (const std::out_of_range&) {
                EXPECT_EQ(p.free(), 1u) << "after " << lasts << " moves";
            }
            left = 1000;
            if (started)
                co_await g.join();
        }
        EXPECT_GT(lasts, 2);
        EXPECT_EQ(p.free(), 1u);
    });
}

TEST(failing_pools, imap_throws_what_kept_an_item_from_being_started) {
    in_virtual_time([]() -> task<> {
        const pool p(2);
        bool tired = false;
        auto results = p.imap(std::vector<int>{1, 2}, tires(tired));
        tired = true;
        EXPECT_THROW(co_await results.next(), std::out_of_range);
        const auto end = co_await results.next();
        EXPECT_FALSE(end);
    });
}

TEST(failing_pools, a_result_that_cannot_be_moved_is_an_error_in_its_place) {
    in_virtual_time([]() -> task<> {
        const pool p(2);
        int left = 1000;
        const auto work = [&](int) { return story::wears_out(left); };
        auto results = p.imap(std::vector<int>{1, 2}, work);
        co_await settle();
        left = 0;
        EXPECT_THROW(co_await results.next(), std::out_of_range);
        left = 1000;
        const auto second = co_await results.next();
        EXPECT_TRUE(second);
        const auto end = co_await results.next();
        EXPECT_FALSE(end);
    });
    for (int lasts = 0; lasts < 20; ++lasts)
        in_virtual_time([lasts]() -> task<> {
            const pool p(2);
            int left = lasts;
            auto results = p.imap(std::vector<int>{1}, [&](int) { return story::wears_out(left); });
            try {
                const auto result = co_await results.next();
                EXPECT_TRUE(result);
            } catch (const std::out_of_range&) {
                left = 1000;
            }
            const auto end = co_await results.next();
            EXPECT_FALSE(end) << "after " << lasts << " moves";
        });
}

}  // namespace core_pool_test

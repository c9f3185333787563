// gevent.pool's map, imap and imap_unordered, over pools of every size: the order of the results, errors of the
// function and of the items, readers who give up, and handles that go; the behaviours of test__pool. Group, Pool and
// apply are in pool_test.cpp.

#include "support/gevent_world.hpp"
#include "support/story.hpp"

#include <map>
#include <numeric>
#include <ranges>

namespace gevent_imap_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::thrown_by;
using testing::ElementsAre;
using testing::SizeIs;

int square(int x) { return x * x; }

double divide_by(int x) { return x == 0 ? throw std::domain_error("by zero") : 1.0 / x; }

std::vector<int> first(int n) {
    std::vector<int> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

std::vector<int> squares(int n) {
    std::vector<int> all = first(n);
    for (int& x : all)
        x *= x;
    return all;
}

const auto nap = [](double seconds) { gevent::sleep(seconds); };

class imap_face : public story::gevent_program {};

class pools_of_every_size : public imap_face, public testing::WithParamInterface<std::size_t> {
protected:
    Pool pool{GetParam() == 0 ? std::nullopt : std::optional(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(sizes, pools_of_every_size, testing::Values(0, 1, 2, 3, 10),
                         testing::PrintToStringParamName());

TEST_P(pools_of_every_size, map_keeps_the_order) {
    EXPECT_EQ(pool.map(square, first(100)), squares(100));
    EXPECT_THAT(pool.map(square, std::vector<int>()), SizeIs(0));
    EXPECT_THAT(pool.map(square, {3, 4}), ElementsAre(9, 16));
    std::vector<int> given;
    EXPECT_EQ(pool.map_async(square, first(5), [&](const auto& all) { given = all; }).get(), squares(5));
    EXPECT_EQ(given, squares(5));
    const std::vector<std::pair<int, int>> pairs{{6, 7}, {2, 3}};
    EXPECT_THAT(pool.starmap([](int a, int b) { return a * b; }, pairs), ElementsAre(42, 6));
}

TEST_P(pools_of_every_size, imap_keeps_the_order_and_imap_unordered_that_of_the_ends) {
    const auto wait = [](int x) {
        gevent::sleep(x / 10.0);
        return x;
    };
    std::vector<int> ordered, unordered;
    for (const int r : pool.imap(square, first(1000)))
        ordered.push_back(r);
    EXPECT_EQ(ordered, squares(1000));
    for (const int r : pool.imap_unordered(wait, {10, 1, 2}))
        unordered.push_back(r);
    if (GetParam() == 1)
        EXPECT_THAT(unordered, ElementsAre(10, 1, 2));
    else
        EXPECT_THAT(unordered, ElementsAre(1, 2, 10));
    int none = 0;
    for (const int r : pool.imap(square, std::vector<int>()))
        none += r + 1;
    for (const int r : pool.imap_unordered(square, std::vector<int>()))
        none += r + 1;
    EXPECT_EQ(none, 0);
}

TEST_P(pools_of_every_size, imap_takes_items_as_they_come) {
    const auto late_items = [] {
        const Queue<int> q(None, {1, 2});
        gevent::spawn_later(0.1, [q] {
            q.put(3);
            q.put(StopIteration);
        });
        return q;
    };
    std::vector<int> all;
    for (const int r : pool.imap(square, late_items()))
        all.push_back(r);
    for (const int r : pool.imap_unordered(square, late_items()))
        all.push_back(r);
    EXPECT_THAT(all, ElementsAre(1, 4, 9, 1, 4, 9));
}

TEST_P(pools_of_every_size, maxsize_bounds_what_waits_for_the_reader) {
    int running = 0;
    const auto work = [&](int i, int) {
        ++running;
        return i;
    };
    const auto read = [&](auto mapping) {
        running = 0;
        int fetched = 0;
        for ([[maybe_unused]] const int r : mapping) {
            EXPECT_LE(running, fetched + 2);
            EXPECT_LE(mapping.waiting(), 2u);
            ++fetched;
            gevent::sleep(0.01);
        }
        EXPECT_EQ(fetched, 100);
    };
    read(pool.imap_unordered_sized(1, work, first(100), first(100)));
    read(pool.imap_sized(1, work, first(100), first(100)));
}

TEST_P(pools_of_every_size, an_error_comes_in_its_place_and_the_rest_after_it) {
    EXPECT_EQ(thrown_by([&] { pool.map(divide_by, {1, 0, 2}); }), "by zero");
    for (const auto& results :
         {pool.imap(divide_by, std::vector{1, 0, 2}), pool.imap_unordered(divide_by, std::vector{1, 0, 2})}) {
        EXPECT_EQ(results.next(), 1.0);
        EXPECT_EQ(thrown_by([&] { results.next(); }), "by zero");
        EXPECT_EQ(results.next(), 0.5);
        EXPECT_EQ(results.next(), std::nullopt);
    }
}

TEST_P(pools_of_every_size, killing_the_pool_lets_a_map_fail_and_not_hang) {
    const auto result = pool.map_async(
        [](double s) {
            gevent::sleep(s);
            return 1;
        },
        std::vector(8, 0.1));
    gevent::sleep(0.05);
    pool.kill();
    result.join();
    EXPECT_TRUE(result.ready());
    (void)result.exception();
}

TEST_F(imap_face, an_error_of_the_items_themselves_comes_out) {
    const Pool pool(3);
    const auto bad = [] {
        return std::views::iota(1, 10) |
               std::views::transform([](int i) { return i < 3 ? i : throw std::out_of_range("item"); });
    };
    EXPECT_EQ(thrown_by([&] { pool.map(square, bad()); }), "item");
    EXPECT_EQ(thrown_by([&] {
                  for ([[maybe_unused]] const int r : pool.imap_unordered(square, bad())) {}
              }),
              "item");
}

TEST_P(pools_of_every_size, after_an_error_of_the_items_and_after_the_end_there_is_no_more) {
    const auto items = [] {
        return std::views::iota(0, 10) | std::views::transform([](int i) {
                   gevent::sleep(0.1);
                   return i < 2 ? i : throw std::out_of_range("item");
               });
    };
    const auto work = [](int i) {
        gevent::sleep(0.01);
        return i;
    };
    for (const auto& results : {pool.imap(work, items()), pool.imap_unordered(work, items())}) {
        EXPECT_EQ(results.next(), 0);
        EXPECT_EQ(results.next(), 1);
        EXPECT_EQ(thrown_by([&] { results.next(); }), "item");
        EXPECT_EQ(results.waiting(), 0u);
        EXPECT_EQ(results.next(), std::nullopt);
        EXPECT_EQ(results.next(), std::nullopt) << "however often one asks";
    }
}

TEST_F(imap_face, an_error_of_the_items_comes_after_what_was_begun_before_it) {
    const auto items = std::views::iota(0, 2) |
                       std::views::transform([](int i) { return i == 0 ? i : throw std::out_of_range("item"); });
    const auto slow = [](int i) {
        gevent::sleep(1);
        return i;
    };
    const auto in_order = Pool().imap(slow, items), unordered = Pool().imap_unordered(slow, items);
    EXPECT_EQ(in_order.next(), 0);
    EXPECT_EQ(thrown_by([&] { in_order.next(); }), "item");
    EXPECT_EQ(in_order.next(), std::nullopt);
    EXPECT_EQ(thrown_by([&] { unordered.next(); }), "item") << "in the order of the ends";
    EXPECT_EQ(unordered.next(), 0);
    EXPECT_EQ(unordered.next(), std::nullopt);
}

TEST_F(imap_face, a_reader_who_is_cut_short_makes_no_more_room_in_an_imap) {
    int begun = 0;
    const auto work = [&](int i) {
        ++begun;
        gevent::sleep(10);
        return i;
    };
    const auto results = Pool().imap_sized(1, work, first(5));
    for (int i = 0; i < 5; ++i)
        EXPECT_THROW(gevent::with_timeout(1, [&] { return results.next(); }), Timeout);
    EXPECT_EQ(begun, 2) << "one that waits to be fetched, and one for who asks";
    std::vector<int> all;
    for (const int r : results)
        all.push_back(r);
    EXPECT_EQ(all, first(5));

    const auto shared = Pool().imap_sized(1, square, first(4));
    std::vector<Greenlet<std::optional<int>>> readers;
    for (int i = 0; i < 4; ++i)
        readers.push_back(gevent::spawn([shared] { return shared.next(); }));
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(readers[static_cast<std::size_t>(i)].get(), i * i) << "each of many readers makes room";
}

TEST_F(imap_face, one_of_many_readers_does_not_wait_for_more_than_its_own_result) {
    const auto sleeps = [](int seconds) { return gevent::sleep(seconds), seconds; };
    const auto results = Pool().imap(sleeps, std::vector{2, 1, 100});
    const auto one = gevent::spawn([results] { return results.next(); });
    const auto other = gevent::spawn([results] { return results.next(); });
    EXPECT_EQ(one.get(), 2);
    EXPECT_EQ(other.get(), 1);
    EXPECT_NEAR(now(), 2, 0.1);
}

TEST_F(imap_face, no_item_begins_after_the_last_handle_of_a_bounded_imap_went) {
    int begun = 0;
    const auto work = [&](int i) {
        ++begun;
        return i;
    };
    {
        const auto results = Pool().imap_unordered_sized(1, work, first(10));
        gevent::sleep(0.1);
        EXPECT_EQ(results.next(), 0) << "which makes room";
    }
    gevent::sleep(1);
    EXPECT_EQ(begun, 1);

    const Pool busy(1);
    const auto before = busy.spawn(nap, 0.1);
    {
        const auto results = busy.imap_sized(5, work, first(10));
        before.join();
    }
    gevent::sleep(1);
    EXPECT_EQ(begun, 1);

    const auto slow_items = std::views::iota(0, 10) | std::views::transform([](int i) {
                                gevent::sleep(0);
                                return i;
                            });
    {
        const auto results = Pool().imap_sized(5, work, slow_items);
        gevent::sleep(0);
    }
    gevent::sleep(1);
    EXPECT_EQ(begun, 1);
}

TEST_F(imap_face, whoever_waits_for_a_bounded_imap_keeps_it) {
    const Pool busy(1);
    busy.spawn(nap, 1);
    std::map<int, Imap<int>> all;
    all.emplace(1, busy.imap_sized(1, [](int i) { return i; }, first(3)));
    const auto reader = gevent::spawn([&] { return all.at(1).next(); });
    gevent::sleep(0.5);
    all.clear();
    EXPECT_EQ(reader.get(), 0);
}

TEST_F(imap_face, a_result_that_cannot_be_copied_is_an_error_in_its_place) {
    struct tires {
        explicit tires(int n) : number(n) {}
        tires(const tires& other) : number(other.number) {
            if (number == 1)
                throw std::out_of_range("tired");
        }
        tires(tires&&) = default;
        int number;
    };
    const auto results = Pool().imap([](int i) { return tires(i); }, first(3));
    EXPECT_EQ(results.next()->number, 0);
    EXPECT_EQ(thrown_by([&] { results.next(); }), "tired");
    EXPECT_EQ(results.next()->number, 2);
    EXPECT_FALSE(results.next());
}

TEST(pools_at_the_end_of_the_loop, let_who_reads_in_a_shield_read_to_the_end) {
    std::string read;
    story::in_virtual_time([&] {
        gevent::spawn([&] {
            const auto sleeps = [](int i) { return gevent::sleep(i * 1000), i; };
            const auto all = Pool(3).imap(sleeps, first(3)), as_done = Pool(2).imap_unordered(sleeps, first(4));
            try {
                gevent::sleep(500);
            } catch (const ringlet::canceled&) {}
            const ringlet::shield until_all_are_over;
            for (const auto& results : {all, as_done})
                for (bool more = true; more;)
                    try {
                        const auto result = results.next();
                        read += (more = result.has_value()) ? std::to_string(*result) + ' ' : "end ";
                    } catch (const ringlet::greenlet_killed&) {
                        read += "killed ";
                    } catch (const ringlet::canceled&) {
                        read += "not spawned ";
                    }
        });
        gevent::sleep(1);
    });
    EXPECT_EQ(read, "0 killed killed end 0 not spawned killed killed end ");
}

}  // namespace gevent_imap_test

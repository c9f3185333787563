// gevent.pool: Group and Pool, whom they track, when they are full, and their apply; the behaviours of
// test__greenletset, and of test__pool but for its maps, which are in imap_test.cpp.

#include "support/allocations.hpp"
#include "support/gevent_world.hpp"

namespace gevent_pool_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::thrown_by;
using testing::ElementsAre;
using testing::SizeIs;

int square(int x) { return x * x; }

double divide_by(int x) { return x == 0 ? throw std::domain_error("by zero") : 1.0 / x; }

const auto nap = [](double seconds) { gevent::sleep(seconds); };

class pool_face : public story::gevent_program {};

TEST_F(pool_face, a_group_tracks_what_is_not_over) {
    const Group group;
    group.spawn(nap, 1);
    EXPECT_EQ(group.size(), 1u);
    const auto g = group.spawn(nap, 5);
    EXPECT_TRUE(group.contains(g));
    EXPECT_THAT(group.greenlets(), SizeIs(2));
    gevent::sleep(2);
    EXPECT_EQ(group.size(), 1u);
    gevent::sleep(5);
    EXPECT_FALSE(group);
    EXPECT_TRUE(group.join());
}

TEST_F(pool_face, what_cannot_be_tracked_for_lack_of_memory_takes_no_room) {
    const Pool pool(1);
    bool ran = false;
    for (std::size_t enough = 0; !ran; ++enough) {
        try {
            const story::memory_for little(enough);
            pool.spawn([&] { ran = true; });
        } catch (const std::bad_alloc&) {}
        gevent::sleep(1);
        ASSERT_TRUE(pool.empty());
        ASSERT_EQ(pool.wait_available(1), 1u) << "after " << enough << " allocations";
    }
}

TEST_F(pool_face, join_waits_until_none_is_left) {
    const Group group;
    group.spawn(nap, 1);
    group.spawn(nap, 2);
    EXPECT_FALSE(group.join(0.5));
    EXPECT_TRUE(group.join(None, true));
    EXPECT_NEAR(now(), 2, 0.01);
    group.spawn([] { throw std::out_of_range("x"); });
    EXPECT_EQ(thrown_by([&] { group.join(None, true); }), "x");
    EXPECT_TRUE(group.join(None, true)) << "it is not tracked any more";
}

TEST_F(pool_face, one_that_is_added_twice_counts_once) {
    const Pool pool(3);
    const Greenlet<> g(nap, 1);
    pool.add(g);
    pool.start(g);
    EXPECT_EQ(pool.size(), 1u);
    EXPECT_EQ(pool.free_count(), 2u);
    EXPECT_EQ(pool.wait_available(), 2u);
    EXPECT_TRUE(pool.join(2));
    EXPECT_EQ(pool.wait_available(), 3u);
    const Group group{g, g};
    EXPECT_EQ(group.size(), 1u);
}

TEST_F(pool_face, there_is_no_pool_of_less_than_none) {
    EXPECT_EQ(thrown_by([] { const Pool pool(-1); }), "size must not be negative: -1");
    EXPECT_TRUE(Pool(0).full());
    EXPECT_EQ(Pool(std::size_t(7)).free_count(), 7u);
}

TEST_F(pool_face, kill_raises_any_object_in_all_or_one) {
    const Pool pool;
    const auto one = pool.spawn(nap, 10), other = pool.spawn(nap, 10);
    gevent::sleep(0);
    pool.killone(one, std::runtime_error("one"));
    pool.kill(std::runtime_error("all"));
    EXPECT_EQ(thrown_by([&] { one.get(); }), "one");
    EXPECT_EQ(thrown_by([&] { other.get(); }), "all");
}

TEST_F(pool_face, kill_ends_them_at_once_or_soon) {
    Group group;
    group.spawn(nap, 10);
    group.spawn(nap, 20);
    gevent::sleep(0);
    group.kill();
    EXPECT_EQ(group.size(), 0u);
    group.spawn(nap, 10);
    gevent::sleep(0);
    group.kill(false);
    EXPECT_EQ(group.size(), 1u);
    gevent::sleep(0.001);
    EXPECT_EQ(group.size(), 0u);
    group.spawn([] { ADD_FAILURE(); });
    group.kill();
}

TEST_F(pool_face, kill_strikes_each_once) {
    int shots[2] = {0, 0};
    const auto undead = [&](int i) {
        return gevent::spawn([&, i] {
            for (;;) {
                try {
                    gevent::sleep(1);
                } catch (const std::out_of_range&) {
                    return;
                } catch (const GreenletExit&) {
                    ++shots[i];
                }
            }
        });
    };
    const auto a = undead(0), b = undead(1);
    gevent::sleep(0.01);
    const Group group({a, b});
    group.killone(a, false);
    EXPECT_THAT(shots, ElementsAre(0, 0));
    gevent::sleep(0);
    EXPECT_THAT(shots, ElementsAre(1, 0));
    group.killone(a);
    for (int i = 0; i < 3; ++i)
        group.kill(false);
    gevent::sleep(0.1);
    EXPECT_THAT(shots, ElementsAre(1, 1));
    EXPECT_EQ(gevent::with_timeout(
                  0.1,
                  [&] {
                      group.kill();
                      return 1;
                  },
                  2),
              2);
    group.kill(true, 0.1);
    EXPECT_EQ(group.size(), 2u);
    EXPECT_THAT(shots, ElementsAre(1, 1));
    a.kill(std::out_of_range(""));
    b.kill(std::out_of_range(""));
    EXPECT_FALSE(a.exception() || b.exception());
}

TEST_F(pool_face, discard_stops_tracking) {
    const Pool pool(1);
    const auto g = pool.spawn(nap, 1000);
    pool.discard(g);
    EXPECT_EQ(pool.size(), 0u);
    EXPECT_EQ(pool.free_count(), 1u);
    g.kill();
    EXPECT_EQ(pool.free_count(), 1u);
    EXPECT_EQ(pool.wait_available(), 1u);
}

TEST_F(pool_face, a_full_pool_makes_who_spawns_wait) {
    const Pool pool(1);
    EXPECT_EQ(pool.limit(), 1u);
    pool.spawn(nap, 0.1);
    EXPECT_TRUE(pool.full());
    pool.spawn(nap, 0.1);
    EXPECT_NEAR(now(), 0.1, 0.01);
    EXPECT_EQ(pool.size(), 1u);
    EXPECT_EQ(pool.wait_available(0.01), 0u);
    EXPECT_FALSE(pool.join(0.01));
    EXPECT_TRUE(pool.join());
    EXPECT_EQ(pool.wait_available(), 1u);
    const Pool none(0);
    EXPECT_TRUE(none.full());
    EXPECT_EQ(none.free_count(), 0u);
    EXPECT_EQ(none.wait_available(0.01), 0u);
    const Pool any;
    EXPECT_FALSE(any.full());
    EXPECT_EQ(any.wait_available(), 1u);
}

TEST_F(pool_face, a_pool_of_none_is_always_full) {
    const Pool none(0);
    EXPECT_TRUE(none.full());
    EXPECT_EQ(none.free_count(), 0u);
    EXPECT_EQ(none.wait_available(0.01), 0u);
    EXPECT_THROW(none.start(Greenlet(nap, 1), false), PoolFull);
}

TEST_F(pool_face, add_to_a_full_pool_waits_fails_or_times_out) {
    const Pool pool(1);
    const auto a = gevent::spawn(nap, 1000), b = gevent::spawn(nap, 1000);
    const Greenlet<> c(nap, 1000);
    pool.add(a);
    EXPECT_EQ(pool.free_count(), 0u);
    EXPECT_EQ(thrown_by([&] { gevent::with(Timeout(0.1), [&] { pool.add(b); }); }), "Timeout: 0.1 seconds");
    EXPECT_THROW(pool.add(b, false), PoolFull);
    EXPECT_THROW(pool.add(b, true, 0.1), PoolFull);
    EXPECT_THROW(pool.start(c, true, 0.1), PoolFull);
    EXPECT_FALSE(c.started());
    EXPECT_EQ(pool.size(), 1u);
    gevent::killall({a, b});
}

TEST_F(pool_face, apply_gives_the_result_or_the_error) {
    const Pool pool(1);
    EXPECT_EQ(pool.apply(square, 5), 25);
    EXPECT_EQ(thrown_by([&] { pool.apply(divide_by, 0); }), "by zero");
    const auto nested = [&](int x) { return pool.apply(square, x); };
    EXPECT_EQ(pool.apply(nested, 3), 9) << "in a full pool, by one who is in it";
}

TEST_F(pool_face, apply_async_does_not_wait) {
    const Pool pool(2);
    std::vector<int> seen;
    const auto see = [&](int n) { seen.push_back(n); };
    pool.spawn(see, 1).get();
    for (const int n : {2, 3, 4})
        pool.apply_async(see, std::tuple(n));
    EXPECT_THAT(seen, ElementsAre(1));
    EXPECT_TRUE(pool.full());
    gevent::sleep(0.01);
    EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4));
}

TEST_F(pool_face, apply_async_calls_back) {
    const Pool pool(1);
    std::vector<int> results;
    std::string error;
    const auto keep = [&](int r) { results.push_back(r); };
    const auto keep_error = [&](const std::exception_ptr& e) { error = ringlet::describe(e); };
    const auto a = pool.apply_async(square, std::tuple(7), keep);
    const auto b = pool.apply_async(square, std::tuple(8), keep, keep_error);
    const auto c = pool.apply_async(divide_by, std::tuple(0), [](double) { ADD_FAILURE(); }, keep_error);
    EXPECT_EQ(a.get() + b.get(), 113);
    EXPECT_EQ(thrown_by([&] { c.get(); }), "by zero");
    gevent::sleep(0);
    EXPECT_THAT(results, ElementsAre(49, 64));
    EXPECT_THAT(error, testing::HasSubstr("by zero"));
    bool done = false;
    pool.apply_async([] {}, std::tuple(), [&] { done = true; });
    gevent::sleep(0.1);
    EXPECT_TRUE(done);
}

TEST_F(pool_face, a_pool_starts_what_it_was_asked_to_even_if_the_name_means_another_now) {
    const Pool pool(1);
    const auto before = pool.spawn(nap, 1);
    std::string started;
    const auto job = [&](std::string name) { return Greenlet([&started, name] { started += name; }); };
    auto next = job("asked for");
    const auto starts = gevent::spawn([&] { pool.start(next); });
    gevent::sleep(0);
    const auto asked_for = std::exchange(next, job("another"));
    starts.join();
    pool.join();
    EXPECT_EQ(started, "asked for");
}

}  // namespace gevent_pool_test

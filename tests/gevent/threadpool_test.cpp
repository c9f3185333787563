// gevent.threadpool and the hub; the behaviours of test__threadpool and test__hub_join.

#include "support/gevent_world.hpp"

#include <atomic>
#include <semaphore>
#include <thread>

namespace gevent_threadpool_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::thrown_by;
using testing::ElementsAre;

int square(int x) { return x * x; }

std::vector<int> list_of(const Imap<int>& results) {
    std::vector<int> all;
    for (const int x : results)
        all.push_back(x);
    return all;
}

class threadpool_face : public story::gevent_program {};

TEST_F(threadpool_face, calls_run_on_threads_and_give_their_results) {
    const ThreadPool pool(2);
    const auto here = std::this_thread::get_id();
    EXPECT_NE(pool.apply([] { return std::this_thread::get_id(); }), here);
    const AsyncResult<int> result = pool.spawn([](int a, int b) { return a + b; }, 3, 4);
    EXPECT_EQ(result.get(), 7);
    EXPECT_TRUE(result.successful());
    pool.apply([] {});
    pool.join();
    EXPECT_EQ(pool.size(), 0u);
    EXPECT_EQ(pool.maxsize(), 2u);
    EXPECT_GE(pool.threads(), 1u);
}

TEST_F(threadpool_face, what_a_call_throws_comes_out_of_its_result) {
    const ThreadPool pool(1);
    const auto fail = []() -> int { throw std::runtime_error("in a thread"); };
    EXPECT_EQ(thrown_by([&] { pool.apply(fail); }), "in a thread");
    const auto result = pool.spawn(fail);
    EXPECT_EQ(thrown_by([&] { result.get(); }), "in a thread");
    EXPECT_FALSE(result.successful());
    EXPECT_EQ(pool.apply(square, 3), 9) << "the thread is sane";
}

TEST_F(threadpool_face, maps_keep_the_order_of_the_items) {
    for (const std::size_t size : {1u, 3u, 10u}) {
        const ThreadPool pool(size);
        EXPECT_THAT(pool.map(square, {3, 1, 2}), ElementsAre(9, 1, 4));
        EXPECT_THAT(list_of(pool.imap(square, std::vector{3, 1, 2})), ElementsAre(9, 1, 4));
        EXPECT_THAT(list_of(pool.imap_unordered(square, std::vector{3, 1, 2})),
                    testing::UnorderedElementsAre(9, 1, 4));
        EXPECT_THAT(pool.starmap([](int a, int b) { return a - b; }, std::vector{std::pair(3, 1), {1, 2}}),
                    ElementsAre(2, -1));
        EXPECT_THAT(pool.map_async(square, std::vector{5}).get(), ElementsAre(25));
        EXPECT_TRUE(pool.map(square, std::vector<int>()).empty());
    }
}

TEST_F(threadpool_face, apply_async_does_not_wait_and_calls_back) {
    const ThreadPool pool(1);
    int called_with = 0;
    const auto g = pool.apply_async(square, std::tuple(4), [&](int x) { called_with = x; });
    EXPECT_FALSE(g.ready());
    EXPECT_EQ(g.get(), 16);
    gevent::sleep(0);
    EXPECT_EQ(called_with, 16);
}

TEST_F(threadpool_face, spawn_waits_while_all_threads_are_busy_and_others_run) {
    const ThreadPool pool(1);
    std::binary_semaphore go(0);
    const auto first = pool.spawn([&] { go.acquire(); });
    const auto second = gevent::spawn([&] {
        print("asks");
        const auto result = pool.spawn([] { return 2; });
        print("is let in");
        return result.get();
    });
    gevent::sleep(0);
    print("main goes on");
    EXPECT_FALSE(first.ready());
    EXPECT_EQ(pool.size(), 1u);
    go.release();
    EXPECT_EQ(second.get(), 2);
    EXPECT_TRUE(first.ready());
    EXPECT_THAT(printed, ElementsAre("asks", "main goes on", "is let in"));
}

TEST_F(threadpool_face, who_is_killed_while_a_call_runs_leaves_the_thread_sane) {
    const ThreadPool pool(1);
    std::binary_semaphore go(0);
    std::atomic<bool> ran = false;
    const auto asker = gevent::spawn([&] {
        pool.apply([&] {
            go.acquire();
            ran = true;
        });
    });
    gevent::sleep(0);
    asker.kill();
    EXPECT_TRUE(asker.dead()) << "at once";
    EXPECT_FALSE(ran);
    go.release();
    EXPECT_EQ(pool.apply(square, 5), 25);
    EXPECT_TRUE(ran);
}

TEST_F(threadpool_face, more_or_fewer_threads_can_be_allowed_later) {
    const ThreadPool pool(1);
    std::counting_semaphore<> go(0);
    const auto wait = [&] { go.acquire(); };
    const auto a = pool.spawn(wait);
    pool.set_maxsize(2);
    const auto b = pool.spawn(wait);
    EXPECT_EQ(pool.maxsize(), 2u);
    go.release(2);
    pool.join();
    pool.set_maxsize(1);
    gevent::sleep(0);
    EXPECT_EQ(pool.maxsize(), 1u);
    EXPECT_THAT(pool.map(square, {1, 2, 3}), ElementsAre(1, 4, 9));
}

TEST_F(threadpool_face, an_iterator_that_fails_fails_the_map) {
    const ThreadPool pool(3);
    const auto items = std::views::iota(0, 5) | std::views::transform([](int i) {
                           return i < 2 ? i : throw std::runtime_error("no more items");
                       });
    EXPECT_EQ(thrown_by([&] { pool.map(square, items); }), "no more items");
    EXPECT_EQ(thrown_by([&] { list_of(pool.imap(square, items)); }), "no more items");
}

TEST_F(threadpool_face, the_hub_has_one_of_its_own) {
    EXPECT_EQ(get_hub().threadpool(), get_hub().threadpool());
    EXPECT_EQ(get_hub().threadpool().maxsize(), 10u);
    EXPECT_EQ(get_hub().threadpool().apply(square, 6), 36);
}

TEST_F(threadpool_face, the_hub_can_be_joined_many_times) {
    EXPECT_TRUE(get_hub().join()) << "nothing to wait for";
    for (int i = 0; i < 3; ++i) {
        gevent::spawn_later(1, [this] { print("ran"); });
        EXPECT_FALSE(get_hub().join(0.5));
        EXPECT_TRUE(get_hub().join());
    }
    EXPECT_EQ(printed.size(), 3u);
    EXPECT_NEAR(now(), 3, 0.01);
}

TEST_F(threadpool_face, the_run_info_names_everybody_and_switches_can_be_asserted) {
    const auto g = gevent::spawn([] { gevent::sleep(10); });
    g.set_name("sleeper");
    gevent::sleep(0);
    std::ostringstream info;
    gevent::print_run_info(info);
    EXPECT_THAT(info.str(), testing::HasSubstr("sleeper"));
    gevent::assert_switches([] { gevent::sleep(0); });
    EXPECT_THROW(gevent::assert_switches([] {}), ringlet::did_not_yield);
}

TEST_F(threadpool_face, a_call_that_throws_a_greenlet_exit_has_ended) {
    const ThreadPool pool(1);
    EXPECT_THROW(pool.apply([]() -> int { throw GreenletExit(); }), GreenletExit);
    EXPECT_EQ(pool.apply([] { return 1; }), 1);
}

}  // namespace gevent_threadpool_test

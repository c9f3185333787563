// The waits that sweep_test.cpp, channel_test.cpp, condition_test.cpp, pool_test.cpp and arrivals_test.cpp do not
// kill at every step: gates, futures, selects, idle moments, what other threads do, and what loops share.

#include "support/sweep.hpp"

#include <ringlet/core/arrivals.hpp>
#include <ringlet/core/channel.hpp>
#include <ringlet/core/future.hpp>
#include <ringlet/core/group.hpp>
#include <ringlet/core/idle.hpp>
#include <ringlet/core/latch.hpp>
#include <ringlet/core/offload.hpp>
#include <ringlet/core/periodic.hpp>
#include <ringlet/core/remote.hpp>
#include <ringlet/core/select.hpp>
#include <ringlet/core/shared.hpp>
#include <ringlet/core/thread_pool.hpp>

namespace core_sweep_others_test {

using namespace ringlet;
using story::counted;

template <class World>
class sweep_others : public story::counting {
protected:
    template <class Text>
    static auto told(Text text) {
        if constexpr (std::is_same_v<World, story::fiber_world>)
            return [text] { text().get(); };
        else
            return text;
    }
};
TYPED_TEST_SUITE(sweep_others, story::both_worlds, story::world_names);

TYPED_TEST(sweep_others, gates_futures_and_idle_moments) {
    using task = typename TypeParam::template task<>;
    const auto text = []() -> task {
        latch opened(2);
        barrier together(2);
        promise<counted> promised;
        const auto body = [&](group& g) -> ringlet::task<> {
            g.spawn([&]() -> ringlet::task<> {
                co_await sleep_for(1ms);
                opened.count_down();
                co_await together.arrive_and_wait();
                co_await sleep_for(1ms);
                promised.set_value(counted(3));
                opened.count_down();
            });
            co_await together.arrive_and_wait();
            const auto future = promised.future();
            const auto kept = co_await future.get();
            EXPECT_EQ(kept.value, 3);
            co_await opened.wait();
            co_await idle();
            std::vector<source> all{opened};
            (void)co_await wait_any(std::move(all));
        };
        co_await with_group(body);
        EXPECT_EQ(together.waiting(), 0u);
    };
    EXPECT_GE(story::sweep(this->told(text)), 3u);
}

TYPED_TEST(sweep_others, selects_with_a_time_limit) {
    using task = typename TypeParam::template task<>;
    const auto text = []() -> task {
        channel<counted> in, out;
        const auto body = [&](group& g) -> ringlet::task<> {
            g.spawn([&]() -> ringlet::task<> {
                co_await sleep_for(1ms);
                co_await in.put(counted(1));
                const auto answer = co_await out.get();
                EXPECT_EQ(answer.value, 2);
            });
            auto got = in.on_get();
            auto put = out.on_put(counted(2));
            expiry soon(500us), late(1h);
            const std::size_t at_first = co_await select(got, put, soon);
            EXPECT_EQ(at_first, 2u);
            const std::size_t then = co_await select(got, late);
            EXPECT_EQ(then, 0u);
            const std::size_t at_last = co_await select(put, late);
            EXPECT_EQ(at_last, 0u);
        };
        co_await with_group(body);
        EXPECT_EQ(in.balance() + out.balance(), 0);
    };
    EXPECT_GE(story::sweep(this->told(text)), 3u);
}

TYPED_TEST(sweep_others, calls_on_other_threads) {
    using task = typename TypeParam::template task<>;
    const auto text = []() -> task {
        thread_pool threads(2);
        const auto offloaded = co_await offload([] { return counted(1); });
        EXPECT_EQ(offloaded.value, 1);
        const auto applied = co_await threads.apply([](int n) { return counted(n); }, 2);
        EXPECT_EQ(applied.value, 2);
        const auto f = threads.apply_async([] { return counted(3); });
        const auto promised = co_await f.result();
        EXPECT_EQ(promised.value, 3);
        const std::vector<int> numbers{1, 2};
        const auto mapped = co_await threads.map([](int n) { return counted(n); }, numbers);
        EXPECT_EQ(mapped.size(), 2u);
        co_await threads.join();
    };
    EXPECT_GE(story::sweep(this->told(text)), 3u);
}

TYPED_TEST(sweep_others, what_loops_share) {
    using task = typename TypeParam::template task<>;
    const auto text = []() -> task {
        shared_queue<counted> items(1);
        shared_event done;
        const auto body = [&](group& g) -> ringlet::task<> {
            g.spawn([&]() -> ringlet::task<> {
                for (int i = 0; i < 3; ++i)
                    co_await items.put(counted(i));
                co_await sleep_for(1ms);
                done.set();
            });
            for (int i = 0; i < 3; ++i) {
                const auto item = co_await items.get();
                EXPECT_EQ(item.value, i);
            }
            co_await done.wait();
            const auto here = spawn_on(this_loop(), [] { return counted(4); });
            const auto come_back = co_await here.get();
            EXPECT_EQ(come_back.value, 4);
        };
        co_await with_group(body);
        EXPECT_EQ(items.size(), 0u);
    };
    EXPECT_GE(story::sweep(this->told(text)), 2u);
}

TYPED_TEST(sweep_others, calls_that_come_again_and_again) {
    using task = typename TypeParam::template task<>;
    const auto text = []() -> task {
        int calls = 0;
        periodic every(1ms, [&calls] { ++calls; });
        every.start();
        co_await sleep_for(5500us);
        every.stop();
        EXPECT_EQ(calls, 5);
    };
    EXPECT_GE(story::sweep(this->told(text)), 4u);
}

}  // namespace core_sweep_others_test

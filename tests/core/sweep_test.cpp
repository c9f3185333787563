// Stories over the whole core, killed at every moment they have: whatever was under way, nothing stays
// behind. Told by coroutines and by fibers; the last one on the machine's own kernel.

#include "support/sweep.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/op.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/uring.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace core_sweep_test {

using namespace ringlet;
using story::counted;

/// One transfer on a descriptor; the buffer is borrowed for the wait.
class transfer : public op {
public:
    transfer(unsigned opcode, int fd, void* at, unsigned size) : op("a transfer") {
        request_->opcode = static_cast<__u8>(opcode);
        request_->fd = fd;
        request_->addr = reinterpret_cast<std::uintptr_t>(at);
        request_->len = size;
        request_->off = static_cast<__u64>(-1);
    }
    int await_resume() const {
        if (was_canceled())
            throw_if_aborted();
        return res();
    }
};

class nop : public transfer {
public:
    nop() : transfer(IORING_OP_NOP, -1, nullptr, 0) {}
};

task<counted> slow(counted c) {
    co_await sleep_for(3ms);
    co_return std::move(c);
}

task<> cleans_up(counted) {
    try {
        co_await sleep_for(2ms);
    } catch (const canceled&) {}
    const shield s;
    co_await sleep_for(1ms);
}

template <class World>
class sweep : public story::counting {};
TYPED_TEST_SUITE(sweep, story::both_worlds, story::world_names);

template <class World, class Text>
auto told_in(Text text) {
    if constexpr (std::is_same_v<World, story::fiber_world>)
        return [text] { text().get(); };
    else
        return text;
}

TYPED_TEST(sweep, waits_of_every_kind) {
    using task = typename TypeParam::template task<>;
    const auto text = []() -> task {
        const counted held(1);
        co_await sleep_for(1ms);
        co_await yield();
        (void)co_await slow(counted(2));
        co_await nop();
        event e;
        const auto setter = spawn([&e]() -> ringlet::task<> {
            const shield s;  // so that it does not outlive e in a sweep of its own
            co_await sleep_for(1ms);
            e.set();
        });
        bool stopped = false;
        try {
            co_await e.wait();
        } catch (const canceled&) {
            stopped = true;
        }
        {
            const shield s;
            co_await setter.join();
        }
        if (stopped)
            throw canceled();
        (void)co_await with_timeout(1s, slow(counted(3)));
        bool timed_out = false;
        try {
            (void)co_await with_timeout(1ms, slow(counted(4)));
        } catch (const timeout_error&) {
            timed_out = true;
        }
        EXPECT_TRUE(timed_out);
    };
    EXPECT_GE(story::sweep(told_in<TypeParam>(text)), 7u);
}

TYPED_TEST(sweep, all_race_and_groups) {
    using task = typename TypeParam::template task<>;
    const auto text = []() -> task {
        const auto [a, b] = co_await all(slow(counted(1)), slow(counted(2)));
        EXPECT_EQ(a.value + b.value, 3);
        const auto first = co_await race(slow(counted(3)), sleep_for(1h), sleep_for(1ms));
        EXPECT_EQ(first.index(), 2u);
        const auto body = [](group& g) -> ringlet::task<counted> {
            for (int i = 0; i < 3; ++i)
                g.spawn(cleans_up, counted(i));
            co_await sleep_for(1ms);
            co_return co_await slow(counted(5));
        };
        const counted result = co_await with_group(body);
        EXPECT_EQ(result.value, 5);
    };
    EXPECT_GE(story::sweep(told_in<TypeParam>(text)), 5u);
}

TYPED_TEST(sweep, producers_and_consumers_lose_no_item) {
    using task = typename TypeParam::template task<>;
    const auto text = []() -> task {
        queue<counted> q(1);
        mutex m;
        int put = 0, got = 0;
        const auto body = [&](group& g) -> ringlet::task<> {
            const auto produce = [&]() -> ringlet::task<> {
                for (int i = 0; i < 4; ++i) {
                    co_await q.put(counted(i));
                    ++put;
                    co_await sleep_for(1ms);
                }
            };
            const auto consume = [&]() -> ringlet::task<> {
                for (;;) {
                    auto item = co_await q.next();
                    if (!item)
                        co_return;
                    ++got;
                    const auto held = co_await m.lock();
                    co_await sleep_for(1ms);
                }
            };
            g.spawn(consume);
            g.spawn(consume);
            const auto a = g.spawn(produce);
            const auto b = g.spawn(produce);
            co_await a.join();
            co_await b.join();
            q.close();
        };
        struct no_item_lost {
            no_item_lost(const queue<counted>& q, const mutex& m, const int& p, const int& g)
                : items(q), lock(m), put(p), got(g) {}
            ~no_item_lost() {
                EXPECT_EQ(put, got + static_cast<int>(items.size()));
                EXPECT_FALSE(lock.locked());
            }
            const queue<counted>& items;
            const mutex& lock;
            const int& put;
            const int& got;
        } const at_the_end(q, m, put, got);
        co_await with_group(body);
        EXPECT_EQ(got, 8);
    };
    EXPECT_GE(story::sweep(told_in<TypeParam>(text)), 8u);
}

TYPED_TEST(sweep, on_the_machines_kernel_no_descriptor_and_no_byte) {
    using task = typename TypeParam::template task<>;
    const auto text = []() -> task {
        struct pipe_ends {
            pipe_ends() { EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0); }
            ~pipe_ends() {
                close(fds[0]);
                close(fds[1]);
            }
            int fds[2];
        };
        const pipe_ends ends;
        const int reader = ends.fds[0];
        const int writer = ends.fds[1];
        const auto body = [reader, writer](group& g) -> ringlet::task<> {
            g.spawn([writer]() -> ringlet::task<> {
                char out[3] = {'a', 'b', 'c'};
                for (char& c : out) {
                    co_await sleep_for(50us);
                    EXPECT_EQ(co_await transfer(IORING_OP_WRITE, writer, &c, 1), 1);
                }
            });
            char in = 0;
            for (char expected = 'a'; expected <= 'c'; ++expected) {
                EXPECT_EQ(co_await transfer(IORING_OP_READ, reader, &in, 1), 1);
                EXPECT_EQ(in, expected);
            }
        };
        co_await with_group(body);
    };
    try {
        (void)io::make_uring();
    } catch (const std::system_error& e) {
        GTEST_SKIP() << e.what();
    }
    EXPECT_GE(story::sweep(told_in<TypeParam>(text), &io::make_uring), 5u);
}

}  // namespace core_sweep_test

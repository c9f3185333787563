// The uring kernel under a loop: woken from outside, flooded, interrupted. What every kernel must answer
// is in contract_*_test.cpp; refusals are in refusals_test.cpp and doctor_test.cpp.

#include <ringlet/core/all.hpp>
#include <ringlet/core/op.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/io/uring.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <deque>
#include <thread>

namespace io_uring_test {

using namespace ringlet;

/// A request and what came of it, without a loop around it.
struct asked : completion {
    asked() : completion(&answer) { sqe->user_data = user_data(); }
    static void answer(completion& c, int res, unsigned) noexcept {
        auto& self = static_cast<asked&>(c);
        ++self.answers;
        self.res = res;
    }
    request sqe;
    int answers = 0;
    int res = 0;
};

class uring : public testing::Test {
protected:
    void SetUp() override {
        try {
            kernel_ = io::make_uring();
        } catch (const std::system_error& e) {
            GTEST_SKIP() << e.what();
        }
    }
    time_point soon() { return kernel_->now() + 10s; }

    std::unique_ptr<ringlet::kernel> kernel_;
};

TEST_F(uring, another_thread_ends_a_turn_that_waits_again_and_again) {
    std::atomic<int> rounds{0};
    std::thread other([&] {
        for (int i = 0; i < 100; ++i) {
            kernel_->wake();
            while (rounds.load() <= i)
                std::this_thread::yield();
        }
    });
    for (int i = 0; i < 100; ++i) {
        const time_point limit = soon();
        kernel_->turn(limit);
        EXPECT_LT(kernel_->now(), limit);
        ++rounds;
    }
    other.join();
}

TEST_F(uring, a_wake_before_the_turn_is_not_lost) {
    kernel_->wake();
    kernel_->wake();
    const time_point limit = soon();
    kernel_->turn(limit);
    EXPECT_LT(kernel_->now(), limit);
}

TEST_F(uring, another_thread_ends_a_turn_also_after_everything_was_cancelled) {
    asked cancel;
    cancel.sqe->opcode = IORING_OP_ASYNC_CANCEL;
    cancel.sqe->cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
    kernel_->push(*cancel.sqe);
    while (cancel.answers == 0)
        kernel_->turn(soon());
    if (cancel.res < 0)
        GTEST_SKIP() << "an older kernel cancels one at a time";
    kernel_->turn(time_point::min());
    kernel_->wake();
    const time_point limit = kernel_->now() + 2s;
    kernel_->turn(limit);
    EXPECT_LT(kernel_->now(), limit);
}

TEST_F(uring, does_not_ask_for_ever_to_be_woken_by_what_took_the_place_of_its_descriptor) {
    kernel_.reset();
    // A new descriptor is the lowest that is free: first that of the ring, then that of its wakes.
    const int ring = ::dup(STDERR_FILENO), wakes = ::dup(STDERR_FILENO);
    ::close(ring);
    ::close(wakes);
    kernel_ = io::make_uring();
    ASSERT_EQ(kernel_->ring_fd(), ring);
    const int folder = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_EQ(::dup2(folder, wakes), wakes);
    ::close(folder);
    const time_point limit = kernel_->now() + 20ms;
    int turns = 0;
    while (kernel_->now() < limit && turns < 100) {
        kernel_->turn(limit);
        ++turns;
    }
    EXPECT_LT(turns, 10);
}

TEST_F(uring, takes_more_requests_in_one_turn_than_its_queues_have_room_for_in_order) {
    // 512 submission entries, 2,048 completion entries.
    static int last_seen;
    last_seen = -1;
    struct numbered : completion {
        explicit numbered(int n) : completion(&answer), number(n) {}
        static void answer(completion& c, int res, unsigned) noexcept {
            EXPECT_EQ(res, 0);
            EXPECT_EQ(static_cast<numbered&>(c).number, last_seen + 1);
            ++last_seen;
        }
        int number;
    };
    std::deque<numbered> all;
    for (int i = 0; i < 10'000; ++i) {
        request nop;
        nop->opcode = IORING_OP_NOP;
        nop->user_data = all.emplace_back(i).user_data();
        kernel_->push(*nop);
    }
    kernel_->turn(time_point::min());
    while (last_seen < 9'999)
        kernel_->turn(soon());
    EXPECT_EQ(last_seen, 9'999);
}

TEST_F(uring, completions_beyond_the_rings_room_are_not_lost) {
    // Many requests that all end at the same moment, while nobody reaps: the kernel must keep the rest.
    std::deque<asked> all(6'000);
    __kernel_timespec in{};
    in.tv_nsec = 20'000'000;
    for (asked& a : all) {
        a.sqe->opcode = IORING_OP_TIMEOUT;
        a.sqe->fd = -1;
        a.sqe->addr = reinterpret_cast<std::uintptr_t>(&in);
        a.sqe->len = 1;
        kernel_->push(*a.sqe);
    }
    kernel_->turn(time_point::min());
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    std::size_t answered = 0;
    for (int turns = 0; answered < all.size() && turns < 20'000; ++turns) {
        kernel_->turn(kernel_->now() + 1ms);
        answered = 0;
        for (const asked& a : all)
            answered += static_cast<std::size_t>(a.answers);
    }
    EXPECT_EQ(answered, all.size());
    for (const asked& a : all) {
        ASSERT_EQ(a.answers, 1);
        ASSERT_EQ(a.res, -ETIME);
    }
}

TEST_F(uring, signals_interrupt_a_turn_and_lose_nothing) {
    struct sigaction nothing{};
    struct sigaction before{};
    nothing.sa_handler = [](int) {};
    sigaction(SIGUSR1, &nothing, &before);
    const pthread_t self = pthread_self();
    std::atomic<bool> stop{false};
    std::thread nuisance([&] {
        while (!stop) {
            pthread_kill(self, SIGUSR1);
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
    });
    const int sum = run(std::move(kernel_), []() -> task<int> {
        const auto naps = [](int n) -> task<int> {
            for (int i = 0; i < 20; ++i)
                co_await sleep_for(1ms);
            co_return n;
        };
        const auto [a, b] = co_await all(naps(1), naps(2));
        co_return a + b;
    });
    EXPECT_EQ(sum, 3);
    stop = true;
    nuisance.join();
    sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(uring, the_loop_may_be_made_and_dropped_many_times) {
    kernel_.reset();
    for (int i = 0; i < 30; ++i)
        run(io::make_uring(), []() -> task<> { co_await sleep_for(1us); });
}

}  // namespace io_uring_test

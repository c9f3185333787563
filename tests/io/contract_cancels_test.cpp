// The seam's contract: time, cancels, order, descriptors that go away.

#include "support/contract.hpp"

#include <thread>

namespace io_contract_cancels_test {

using namespace seam;
using namespace std::chrono_literals;
using testing::ElementsAre;

TEST_P(kernel_contract, a_timeout_expires_or_is_canceled) {
    __kernel_timespec soon{0, 5'000'000};
    __kernel_timespec late{100, 0};
    const auto before = w.kernel->now();
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_timeout(sqe, &soon, 0, 0); })).res, -ETIME);
    EXPECT_GE(w.kernel->now() - before, 5ms);
    asked& t = w.push([&](auto* sqe) { io_uring_prep_timeout(sqe, &late, 0, 0); });
    w.settle();
    asked& c = w.cancel(t);
    EXPECT_EQ(w.finish(t), canceled);
    EXPECT_EQ(w.finish(c), (answer{0, 0}));
    asked& second = w.push([&](auto* sqe) { io_uring_prep_timeout(sqe, &late, 0, 0); });
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_timeout_remove(sqe, second.user_data(), 0); })).res, 0);
    EXPECT_EQ(w.finish(second), canceled);
}

TEST_P(kernel_contract, a_turn_until_any_time_in_the_past_does_not_wait) {
    const auto begin = w.kernel->now();
    for (const auto past : {ringlet::time_point::min(), ringlet::time_point::min() + 1ns, ringlet::time_point(-1h),
                            ringlet::time_point(), begin - 1s, begin})
        w.kernel->turn(past);
    EXPECT_LT(w.kernel->now() - begin, 5s);
}

TEST_P(kernel_contract, a_cancel_without_a_target) {
    asked& n = w.push([](auto* sqe) { io_uring_prep_nop(sqe); });
    EXPECT_EQ(w.finish(n), (answer{0, 0}));
    EXPECT_EQ(w.finish(w.cancel(n)), (answer{-ENOENT, 0}));
    EXPECT_EQ(w.finish(cancel_by(IORING_ASYNC_CANCEL_FD, 9999)), (answer{-EBADF, 0}));
    EXPECT_EQ(w.finish(cancel_by(IORING_ASYNC_CANCEL_FD, 0)), (answer{-ENOENT, 0}));
    EXPECT_EQ(w.finish(cancel_by(1U << 12)), (answer{-EINVAL, 0}));
}

TEST_P(kernel_contract, cancel_by_descriptor_hits_those_on_it) {
    const auto [a, b] = tcp_pair();
    asked& r = receive(a);
    asked& p = poll_for(a, POLLIN);
    asked& other = receive(b);
    w.settle();
    EXPECT_EQ(w.finish(cancel_by(IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL, a)), (answer{2, 0}));
    EXPECT_EQ(w.finish(r), canceled);
    EXPECT_EQ(w.finish(p), canceled);
    w.settle();
    EXPECT_FALSE(other.over());
    EXPECT_EQ(w.finish(cancel_by(IORING_ASYNC_CANCEL_FD, b)), (answer{0, 0}));
    EXPECT_EQ(w.finish(other), canceled);
    EXPECT_EQ(w.finish(cancel_by(IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL, b)), (answer{0, 0}));
}

TEST_P(kernel_contract, the_cancel_answers_before_what_it_ends) {
    const auto [a, b] = tcp_pair();
    asked& r = receive(a, 0, "receive");
    w.settle();
    w.cancel(r, "cancel");
    w.settle();
    EXPECT_THAT(w.order, ElementsAre("cancel", "receive"));
}

TEST_P(kernel_contract, a_cancel_in_the_same_turn_comes_after_its_target) {
    const auto [a, b] = tcp_pair();
    say(b, "x");
    asked& r = receive(a);
    asked& c = w.cancel(r);
    EXPECT_EQ(w.finish(r), (answer{1, 0}));
    EXPECT_EQ(w.finish(c), (answer{-ENOENT, 0}));
    asked& waiting = receive(a);
    asked& hit = w.cancel(waiting);
    EXPECT_EQ(w.finish(waiting), canceled);
    EXPECT_EQ(w.finish(hit), (answer{0, 0}));
}

TEST_P(kernel_contract, answers_that_need_no_waiting_keep_the_order) {
    const auto [a, b] = socket_pair();
    for (int i = 0; i < 20; ++i)
        w.push([&](auto* sqe) { i % 2 != 0 ? io_uring_prep_nop(sqe) : io_uring_prep_send(sqe, b, "x", 1, 0); },
               std::to_string(i));
    w.settle();
    std::vector<std::string> expected;
    for (int i = 0; i < 20; ++i)
        expected.push_back(std::to_string(i));
    EXPECT_EQ(w.order, expected);
}

TEST_P(kernel_contract, a_closed_descriptor_does_not_end_its_request) {
    const auto [a, b] = tcp_pair();
    asked& r = receive(a);
    w.settle();
    close(a);
    open_.erase(std::find(open_.begin(), open_.end(), a));
    w.settle();
    EXPECT_FALSE(r.over());
    asked& c = w.cancel(r);
    EXPECT_EQ(w.finish(r), canceled);
    EXPECT_EQ(w.finish(c), (answer{0, 0}));
}

TEST_P(kernel_contract, a_number_that_is_used_again_is_another_file) {
    for (int i = 0; i < 20; ++i) {
        // Somebody else holds the old file open: its registration with epoll outlives the number.
        const int near = socket(AF_UNIX, SOCK_STREAM, 0);
        close(near);
        int ends[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        ASSERT_EQ(ends[0], near);
        const int copy = dup(ends[0]);
        asked& r = receive(ends[0]);
        w.settle();
        say(ends[1], "first");
        EXPECT_EQ(w.finish(r).res, 5);
        close(ends[0]);

        int next[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, next), 0);
        ASSERT_EQ(next[0], near);
        asked& second = receive(next[0]);
        w.settle();
        say(ends[1], "for the old file");
        w.settle();
        EXPECT_FALSE(second.over());
        say(next[1], "second");
        EXPECT_EQ(text(w.finish(second)), "second");
        for (const int fd : {copy, ends[1], next[0], next[1]})
            close(fd);
    }
}

TEST_P(kernel_contract, wake_ends_a_turn) {
    std::thread other([&] {
        std::this_thread::sleep_for(10ms);
        w.kernel->wake();
    });
    const auto before = w.kernel->now();
    w.kernel->turn(ringlet::never);
    EXPECT_LT(w.kernel->now() - before, 2s);
    other.join();
    w.kernel->wake();
    w.kernel->turn(ringlet::never);
}

TEST_P(kernel_contract, a_turn_waits_until_its_time) {
    w.settle();
    const auto before = w.kernel->now();
    int turns = 0;
    while (w.kernel->now() < before + 5ms && ++turns < 5)
        w.kernel->turn(before + 5ms);
    EXPECT_LE(turns, 2);  // an interruption may end one: the ring of the test before goes only now
    w.kernel->turn(before);
    w.kernel->turn(ringlet::time_point::min());
    EXPECT_LT(w.kernel->now() - before, 2s);
}

TEST_P(kernel_contract, unknown_requests_are_refused) {
    EXPECT_EQ(w.finish(w.push([](auto* sqe) { io_uring_prep_rw(251, sqe, -1, nullptr, 0, 0); })).res, -EINVAL);
    EXPECT_FALSE(w.kernel->supports(251));
    EXPECT_TRUE(w.kernel->supports(IORING_OP_RECV));
    EXPECT_TRUE(w.kernel->supports(IORING_OP_NOP));
}

}  // namespace io_contract_cancels_test

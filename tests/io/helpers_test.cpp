// The helper threads of the readiness kernel under load: every request is answered once, whenever it is
// cancelled. Run under ThreadSanitizer, too.

#include "support/contract.hpp"

#include <sys/stat.h>

#include <random>
#include <set>
#include <thread>

namespace io_helpers_test {

using namespace seam;
using namespace std::chrono_literals;

TEST_P(kernel_contract, work_on_threads_is_answered_once_whenever_it_is_canceled) {
    std::mt19937 rng(7);
    const int fd = keep(open(testing::TempDir().c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
    std::vector<struct statx> about(400);
    std::vector<asked*> all;
    std::vector<asked*> cancels;
    for (std::size_t i = 0; i < about.size(); ++i) {
        if (i % 4 == 0)
            all.push_back(&w.push([&](auto* sqe) { io_uring_prep_fsync(sqe, fd, 0); }));
        else
            all.push_back(
                &w.push([&](auto* sqe) { io_uring_prep_statx(sqe, AT_FDCWD, "/", 0, STATX_SIZE, &about[i]); }));
        if (rng() % 3 == 0)
            cancels.push_back(&w.cancel(*all[rng() % all.size()]));
        if (rng() % 5 == 0)
            w.turn(0ns);
    }
    for (asked* each : all) {
        const int res = w.finish(*each).res;
        EXPECT_TRUE(res == 0 || res == -ECANCELED || res == -EINTR) << res;
        EXPECT_EQ(each->answers.size(), 1U);
    }
    for (asked* each : cancels) {
        const int res = w.finish(*each).res;
        EXPECT_TRUE(res == 0 || res == -ENOENT || res == -EALREADY) << res;
    }
}

TEST_P(kernel_contract, more_work_than_threads_is_all_done) {
    std::vector<std::array<int, 4>> pipes;
    std::vector<asked*> all;
    for (int i = 0; i < 40; ++i) {
        const auto [in, out] = pipe_pair();
        const auto [in2, out2] = pipe_pair();
        pipes.push_back({in, out, in2, out2});
        all.push_back(&w.push([&](auto* sqe) { io_uring_prep_splice(sqe, in, -1, out2, -1, 10, 0); }));
    }
    w.turn(0ns);
    for (const auto& each : pipes)
        ASSERT_EQ(write(each[1], "x", 1), 1);
    for (asked* each : all)
        EXPECT_EQ(w.finish(*each), (answer{1, 0}));
}

TEST_P(kernel_contract, splices_that_wait_leave_the_threads_to_others) {
    std::vector<asked*> waiting;
    std::vector<int> ins;
    for (int i = 0; i < 40; ++i) {
        const auto [in, out] = pipe_pair();
        const auto [in2, out2] = pipe_pair();
        ins.push_back(out);
        waiting.push_back(&w.push([&](auto* sqe) { io_uring_prep_splice(sqe, in, -1, out2, -1, 10, 0); }));
    }
    w.turn(0ns);
    struct statx about{};
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_statx(sqe, AT_FDCWD, "/", 0, STATX_SIZE, &about); })),
              (answer{0, 0}));
    for (const int out : ins)
        ASSERT_EQ(write(out, "x", 1), 1);
    for (asked* each : waiting)
        EXPECT_EQ(w.finish(*each), (answer{1, 0}));
}

TEST_P(kernel_contract, a_splice_waits_for_one_end_and_then_for_the_other) {
    const auto [in, out] = pipe_pair();
    const auto [in2, out2] = pipe_pair();
    std::vector<char> full(static_cast<std::size_t>(fcntl(out2, F_GETPIPE_SZ)));
    ASSERT_EQ(write(out2, full.data(), full.size()), ssize_t(full.size()));
    asked& s = w.push([&, from = in, to = out2](auto* sqe) { io_uring_prep_splice(sqe, from, -1, to, -1, 10, 0); });
    w.turn(1ms);
    ASSERT_EQ(write(out, "x", 1), 1);
    w.settle();
    EXPECT_FALSE(s.over());
    ASSERT_EQ(read(in2, full.data(), full.size()), ssize_t(full.size()));
    EXPECT_EQ(w.finish(s), (answer{1, 0}));
}

TEST_P(kernel_contract, a_kernel_can_go_while_threads_are_busy) {
    for (int i = 0; i < 50; ++i) {
        const auto other = make(GetParam());
        ringlet::request sqe;
        static struct statx about[2];
        for (struct statx& each : about) {
            io_uring_prep_statx(&*sqe, AT_FDCWD, "/", 0, STATX_SIZE, &each);
            other->push(*sqe);
        }
        other->turn(ringlet::time_point::min());
    }
}

TEST_P(kernel_contract, others_may_wake_it_all_the_time) {
    std::atomic<bool> done = false;
    std::vector<std::thread> others;
    for (int i = 0; i < 2; ++i)
        others.emplace_back([&] {
            while (!done)
                w.kernel->wake();
        });
    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(w.finish(w.push([](auto* sqe) { io_uring_prep_nop(sqe); })), (answer{0, 0}));
    done = true;
    for (std::thread& each : others)
        each.join();
}

// A blocking listener that somebody else accepts on, too: being readable is no promise.
TEST_P(kernel_contract, an_accept_that_comes_too_late_blocks_nobody) {
    const int listener = listen_tcp();
    asked& many = accept_many(listener);
    std::set<int> theirs;
    std::thread rival([&] {
        for (int left = 100; left > 0; --left) {
            pollfd one{listener, POLLIN, 0};
            if (poll(&one, 1, 5) == 1) {
                const timeval soon{0, 1000};
                setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
                const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                if (fd >= 0)
                    theirs.insert(fd);
            }
        }
    });
    auto longest = 0ns;
    for (int i = 0; i < 300; ++i) {
        close(connect_tcp());
        open_.pop_back();
        const auto before = w.kernel->now();
        w.turn(0ns);
        longest = std::max(longest, w.kernel->now() - before);
    }
    rival.join();
    w.settle();
    EXPECT_LT(longest, 500ms);
    EXPECT_EQ(theirs.size() + many.answers.size(), 300U);
    for (const int fd : theirs)
        close(fd);
    for (const answer& each : many.answers)
        close(each.res);
}

}  // namespace io_helpers_test

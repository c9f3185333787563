// The readiness kernel on a Linux that knows neither epoll_pwait2 nor pipes that say when they would
// wait: what runs in each story is a child process with a filter.

#include "support/contract.hpp"
#include "support/seccomp.hpp"

#include <sys/uio.h>
#include <sys/wait.h>

#include <functional>

namespace io_old_linux_test {

using namespace seam;
using namespace std::chrono_literals;

/// Ends the child with the number of the first thing that was not as it should be.
int story_on_old_linux() {
    constexpr unsigned flags_argument = 5;
    if (!story::refuse_calls(__NR_epoll_pwait2, __NR_epoll_pwait2, ENOSYS) ||
        !story::refuse_argument(__NR_preadv2, flags_argument, RWF_NOWAIT, EOPNOTSUPP) ||
        !story::refuse_argument(__NR_pwritev2, flags_argument, RWF_NOWAIT, EOPNOTSUPP))
        return 77;
    world w("readiness");
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return 1;
    char byte = 0;
    const auto reading = [&](io_uring_sqe* sqe) { io_uring_prep_read(sqe, ends[0], &byte, 1, std::uint64_t(-1)); };
    const auto writing = [&](io_uring_sqe* sqe) { io_uring_prep_write(sqe, ends[1], "x", 1, std::uint64_t(-1)); };

    asked& first = w.push(reading);
    w.settle();
    if (first.over())
        return 2;
    if (w.finish(w.push(writing)).res != 1 || w.finish(first).res != 1 || byte != 'x')
        return 3;
    asked& second = w.push(reading);
    w.settle();
    asked& cancel = w.cancel(second);
    if (w.finish(second).res != -ECANCELED || w.finish(cancel).res != 0)
        return 4;

    const std::string big(200'000, 'x');
    asked& blocked = w.push([&](io_uring_sqe* sqe) {
        io_uring_prep_write(sqe, ends[1], big.data(), unsigned(big.size()), std::uint64_t(-1));
    });
    std::vector<char> chunk(100'000);
    std::size_t got = 0;
    while (got < big.size()) {
        w.turn(5ms);
        asked& r = w.push([&](io_uring_sqe* sqe) {
            io_uring_prep_read(sqe, ends[0], chunk.data(), unsigned(chunk.size()), std::uint64_t(-1));
        });
        got += static_cast<std::size_t>(std::max(w.finish(r).res, 0));
        if (blocked.over() && blocked.last().res < int(big.size()))
            break;  // a part went, as it may
    }
    if (w.finish(blocked).res != int(got))
        return 5;

    const auto before = w.kernel->now();
    for (int i = 0; i < 3; ++i)
        w.turn(1500us);
    const auto took = w.kernel->now() - before;
    if (took < 4500us)
        return 6;
    return 0;
}

TEST(old_linux, has_helper_threads_for_pipes_and_milliseconds_for_time) {
    const pid_t child = fork();
    if (child == 0)
        _exit(story_on_old_linux());
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        GTEST_SKIP() << "this machine allows no filters";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace io_old_linux_test

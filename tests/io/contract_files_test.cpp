// The seam's contract: pipes, eventfds, terminals, files.

#include "support/contract.hpp"

#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cstdlib>

namespace io_contract_files_test {

using namespace seam;
using namespace std::chrono_literals;

TEST_P(kernel_contract, pipes_are_read_and_written_whatever_the_offset) {
    for (const std::uint64_t offset : {std::uint64_t(0), std::uint64_t(-1)}) {
        const auto [in, out] = pipe_pair();
        asked& r = read_from(in, offset);
        w.settle();
        EXPECT_FALSE(r.over());
        EXPECT_EQ(w.finish(write_to(out, "through", offset)), (answer{7, 0}));
        EXPECT_EQ(text(w.finish(r)), "through");
    }
}

TEST_P(kernel_contract, the_end_of_a_pipe) {
    const auto [in, out] = pipe_pair();
    asked& r = read_from(in);
    w.settle();
    close(out);
    open_.erase(std::find(open_.begin(), open_.end(), out));
    EXPECT_EQ(w.finish(r), (answer{0, 0}));
}

TEST_P(kernel_contract, a_full_pipe_takes_a_part) {
    const auto [in, out] = pipe_pair();
    const std::string big(200'000, 'x');
    const answer first = w.finish(write_to(out, big));
    EXPECT_EQ(first, (answer{65536, 0}));
    asked& second = write_to(out, big);
    w.settle();
    EXPECT_FALSE(second.over());
    into.resize(65536);
    EXPECT_EQ(w.finish(read_from(in)), (answer{65536, 0}));
    EXPECT_EQ(w.finish(second), (answer{65536, 0}));
}

TEST_P(kernel_contract, nonblocking_descriptors_wait_all_the_same) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    keep(ends[0]);
    keep(ends[1]);
    asked& r = read_from(ends[0]);
    w.settle();
    EXPECT_FALSE(r.over());
    EXPECT_EQ(w.finish(write_to(ends[1], "x")), (answer{1, 0}));
    EXPECT_EQ(w.finish(r), (answer{1, 0}));
}

TEST_P(kernel_contract, eventfds_count) {
    const int fd = keep(eventfd(0, EFD_CLOEXEC));
    std::uint64_t value = 0;
    asked& r = w.push([&](auto* sqe) { io_uring_prep_read(sqe, fd, &value, sizeof value, 0); });
    w.settle();
    EXPECT_FALSE(r.over());
    eventfd_write(fd, 42);
    EXPECT_EQ(w.finish(r), (answer{8, 0}));
    EXPECT_EQ(value, 42U);
}

TEST_P(kernel_contract, terminals_are_read_and_written) {
    const int master = keep(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_EQ(grantpt(master), 0);
    ASSERT_EQ(unlockpt(master), 0);
    const std::string name = ptsname(master);
    for (const int flags : {0, O_NONBLOCK}) {
        const int slave = keep(open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | flags));
        asked& r = read_from(slave);
        w.settle();
        EXPECT_FALSE(r.over());
        EXPECT_EQ(w.finish(write_to(master, "line\n")), (answer{5, 0}));
        EXPECT_EQ(text(w.finish(r)), "line\n");
        asked& waiting = read_from(slave);
        w.settle();
        asked& c = w.cancel(waiting);
        EXPECT_EQ(w.finish(c), (answer{0, 0}));
        EXPECT_EQ(w.finish(waiting), canceled);
    }
}

TEST_P(kernel_contract, vectors_are_read_and_written) {
    const auto [in, out] = pipe_pair();
    std::string one = "one ", two = "two";
    std::array<iovec, 2> parts{iovec{one.data(), one.size()}, iovec{two.data(), two.size()}};
    EXPECT_EQ(
        w.finish(w.push([&](auto* sqe) { io_uring_prep_writev(sqe, out, parts.data(), 2, std::uint64_t(-1)); })),
        (answer{7, 0}));
    std::array<iovec, 2> halves{iovec{into.data(), 3}, iovec{into.data() + 3, 10}};
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_readv(sqe, in, halves.data(), 2, std::uint64_t(-1)); })),
              (answer{7, 0}));
    EXPECT_EQ(std::string(into.data(), 7), "one two");
}

TEST_P(kernel_contract, a_file_lives_its_life) {
    const std::string folder = testing::TempDir() + "contract_" + GetParam() + std::to_string(getpid());
    const std::string path = folder + "/a";
    const std::string other = folder + "/b";
    const std::string link = folder + "/c";
    const auto ask = [&](const world::prepare& fill) { return w.finish(w.push(fill)).res; };

    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_mkdirat(sqe, AT_FDCWD, folder.c_str(), 0700); }), 0);
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_mkdirat(sqe, AT_FDCWD, folder.c_str(), 0700); }), -EEXIST);
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_openat(sqe, AT_FDCWD, path.c_str(), O_RDWR, 0); }), -ENOENT);
    const int fd = ask(
        [&](auto* sqe) { io_uring_prep_openat(sqe, AT_FDCWD, path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); });
    ASSERT_GE(fd, 0);

    EXPECT_EQ(w.finish(write_to(fd, "0123456789", 0)), (answer{10, 0}));
    EXPECT_EQ(text(w.finish(read_from(fd, 5))), "56789");
    EXPECT_EQ(w.finish(read_from(fd, 10)), (answer{0, 0}));
    EXPECT_EQ(w.finish(write_to(fd, "AB")), (answer{2, 0}));  // at the current position, which moves
    EXPECT_EQ(text(w.finish(read_from(fd))), "23456789");
    EXPECT_EQ(w.finish(read_from(fd)), (answer{0, 0}));
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_fsync(sqe, fd, 0); }), 0);
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_fallocate(sqe, fd, 0, 0, 4096); }), 0);

    struct statx about{};
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_statx(sqe, AT_FDCWD, path.c_str(), 0, STATX_SIZE, &about); }), 0);
    EXPECT_EQ(about.stx_size, 4096U);
    EXPECT_EQ(
        ask([&](auto* sqe) { io_uring_prep_renameat(sqe, AT_FDCWD, path.c_str(), AT_FDCWD, other.c_str(), 0); }), 0);
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_linkat(sqe, AT_FDCWD, other.c_str(), AT_FDCWD, path.c_str(), 0); }),
              0);
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_symlinkat(sqe, "b", AT_FDCWD, link.c_str()); }), 0);
    for (const std::string& each : {path, other, link})
        EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_unlinkat(sqe, AT_FDCWD, each.c_str(), 0); }), 0);
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_unlinkat(sqe, AT_FDCWD, folder.c_str(), AT_REMOVEDIR); }), 0);
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_close(sqe, fd); }), 0);
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_close(sqe, fd); }), -EBADF);
}

TEST_P(kernel_contract, large_files_are_moved_whole) {
    const int fd = keep(open(testing::TempDir().c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
    const std::string big(5'000'000, 'x');
    EXPECT_EQ(w.finish(write_to(fd, big, 0)).res, 5'000'000);
    fdatasync(fd);
    posix_fadvise(fd, 0, 2'000'000, POSIX_FADV_DONTNEED);  // part of it is no longer in memory
    into.resize(6'000'000);
    EXPECT_EQ(w.finish(read_from(fd, 0)).res, 5'000'000);
    EXPECT_TRUE(std::string(into.data(), 5'000'000) == big);
}

TEST_P(kernel_contract, splice_moves_between_pipes) {
    const auto [in, out] = pipe_pair();
    const auto [in2, out2] = pipe_pair();
    asked& s = w.push([&](auto* sqe) { io_uring_prep_splice(sqe, in, -1, out2, -1, 100, 0); });
    w.settle();
    EXPECT_FALSE(s.over());
    ASSERT_EQ(write(out, "spliced", 7), 7);
    EXPECT_EQ(w.finish(s), (answer{7, 0}));
    EXPECT_EQ(text(w.finish(read_from(in2))), "spliced");
}

TEST_P(kernel_contract, work_in_progress_ends_once_when_canceled) {
    const auto [in, out] = pipe_pair();
    const auto [in2, out2] = pipe_pair();
    asked& s = w.push([&](auto* sqe) { io_uring_prep_splice(sqe, in, -1, out2, -1, 100, 0); });
    w.turn(20ms);
    const int asked_to = w.finish(w.cancel(s)).res;
    EXPECT_TRUE(asked_to == 0 || asked_to == -EALREADY) << asked_to;
    const int res = w.finish(s).res;
    constexpr int restart = -512;  // what Linux leaks for splice: ERESTARTSYS
    EXPECT_TRUE(res == -ECANCELED || res == -EINTR || res == restart) << res;
}

}  // namespace io_contract_files_test

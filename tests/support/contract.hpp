#pragma once
// What the stories of the seam's contract share: descriptors of all kinds, and requests on them. Every
// story is told to each kernel that this machine has.

#include "support/seam.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace seam {

class kernel_contract : public testing::TestWithParam<std::string> {
protected:
    void SetUp() override {
        if (w.kernel == nullptr)
            GTEST_SKIP() << "this machine refuses " << GetParam();
    }
    ~kernel_contract() override {
        if (w.kernel != nullptr)
            w.end_all();
        for (const int fd : open_)
            close(fd);
    }

    int keep(int fd) {
        EXPECT_GE(fd, 0) << std::strerror(errno);
        open_.push_back(fd);
        return fd;
    }
    std::array<int, 2> socket_pair(int type = SOCK_STREAM) {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
        return {keep(ends[0]), keep(ends[1])};
    }
    std::array<int, 2> pipe_pair() {
        int ends[2];
        EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
        return {keep(ends[0]), keep(ends[1])};
    }
    int listen_tcp(int flags = 0) {
        const int fd = keep(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
        at_ = {};
        at_.sin_family = AF_INET;
        at_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(bind(fd, where(), sizeof at_), 0);
        EXPECT_EQ(listen(fd, 16), 0);
        socklen_t size = sizeof at_;
        EXPECT_EQ(getsockname(fd, where(), &size), 0);
        return fd;
    }
    int connect_tcp() {
        const int fd = keep(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(connect(fd, where(), sizeof at_), 0) << std::strerror(errno);
        return fd;
    }
    std::array<int, 2> tcp_pair() {
        const int listener = listen_tcp();
        const int near = connect_tcp();
        return {near, keep(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC))};
    }
    sockaddr* where() { return reinterpret_cast<sockaddr*>(&at_); }

    asked& receive(int fd, int flags = 0, std::string name = {}) {
        return w.push([&](auto* sqe) { io_uring_prep_recv(sqe, fd, into.data(), into.size(), flags); },
                      std::move(name));
    }
    asked& receive_many(int fd, std::uint16_t group = 1) {
        return w.push([&](auto* sqe) {
            io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
            sqe->flags |= IOSQE_BUFFER_SELECT;
            sqe->buf_group = group;
        });
    }
    asked& send_text(int fd, const std::string& text, int flags = 0) {
        return w.push([&](auto* sqe) { io_uring_prep_send(sqe, fd, text.data(), text.size(), flags); });
    }
    asked& read_from(int fd, std::uint64_t offset = std::uint64_t(-1)) {
        return w.push(
            [&](auto* sqe) { io_uring_prep_read(sqe, fd, into.data(), static_cast<unsigned>(into.size()), offset); });
    }
    asked& write_to(int fd, const std::string& text, std::uint64_t offset = std::uint64_t(-1)) {
        return w.push([&](auto* sqe) {
            io_uring_prep_write(sqe, fd, text.data(), static_cast<unsigned>(text.size()), offset);
        });
    }
    asked& poll_for(int fd, unsigned events) {
        return w.push([&](auto* sqe) { io_uring_prep_poll_add(sqe, fd, events); });
    }
    asked& accept_one(int fd) {
        return w.push([&](auto* sqe) { io_uring_prep_accept(sqe, fd, nullptr, nullptr, SOCK_CLOEXEC); });
    }
    asked& accept_many(int fd) {
        return w.push([&](auto* sqe) { io_uring_prep_multishot_accept(sqe, fd, nullptr, nullptr, SOCK_CLOEXEC); });
    }
    asked& cancel_by(unsigned flags, int fd = -1) {
        return w.push([&](auto* sqe) {
            io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, fd, nullptr, 0, 0);
            sqe->cancel_flags = flags;
        });
    }
    void say(int fd, const std::string& text) {
        ASSERT_EQ(send(fd, text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
    }
    std::string text(const answer& a) const { return {into.data(), static_cast<std::size_t>(a.res)}; }

    world w{GetParam()};
    std::vector<char> into = std::vector<char>(64);
    sockaddr_in at_{};
    std::vector<int> open_;
};

std::string name_of(const testing::TestParamInfo<std::string>& info);

inline const answer canceled{-ECANCELED, 0};

}  // namespace seam

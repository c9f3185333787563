// The seam's contract: the same requests give the same answers on every kernel.

#include "support/seam.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>

using namespace seam;
using namespace std::chrono_literals;
using testing::ElementsAre;

namespace {

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
        return w.push([&](auto* sqe) {
            io_uring_prep_read(sqe, fd, into.data(), static_cast<unsigned>(into.size()), offset);
        });
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
        return w.push(
            [&](auto* sqe) { io_uring_prep_multishot_accept(sqe, fd, nullptr, nullptr, SOCK_CLOEXEC); });
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

std::string name_of(const testing::TestParamInfo<std::string>& info) { return info.param; }
INSTANTIATE_TEST_SUITE_P(on, kernel_contract, testing::Values("uring", "readiness"), name_of);

const answer canceled{-ECANCELED, 0};

// --- sockets -----------------------------------------------------------------------------------------

TEST_P(kernel_contract, receive_takes_what_is_there) {
    const auto [a, b] = socket_pair();
    say(b, "hello");
    const answer got = w.finish(receive(a));
    EXPECT_EQ(got, (answer{5, 0}));
    EXPECT_EQ(text(got), "hello");
}

TEST_P(kernel_contract, receive_waits_for_what_comes) {
    const auto [a, b] = tcp_pair();
    asked& r = receive(a);
    w.settle();
    EXPECT_FALSE(r.over());
    say(b, "late");
    EXPECT_EQ(text(w.finish(r)), "late");
}

TEST_P(kernel_contract, the_end_of_a_stream_is_zero) {
    const auto [a, b] = tcp_pair();
    asked& waiting = receive(a);
    w.settle();
    shutdown(b, SHUT_WR);
    EXPECT_EQ(w.finish(waiting), (answer{0, 0}));
    EXPECT_EQ(w.finish(receive(a)), (answer{0, 0}));
}

TEST_P(kernel_contract, a_reset_is_an_error_once) {
    const auto [a, b] = tcp_pair();
    asked& waiting = receive(a);
    w.settle();
    const linger hard{1, 0};
    setsockopt(b, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(b);
    open_.erase(std::find(open_.begin(), open_.end(), b));
    EXPECT_EQ(w.finish(waiting), (answer{-ECONNRESET, 0}));
    EXPECT_EQ(w.finish(receive(a)), (answer{0, 0}));
    EXPECT_EQ(w.finish(send_text(a, "x")).res, -EPIPE);
}

TEST_P(kernel_contract, dontwait_is_answered_at_once) {
    const auto [a, b] = socket_pair();
    EXPECT_EQ(w.finish(receive(a, MSG_DONTWAIT)), (answer{-EAGAIN, 0}));
}

TEST_P(kernel_contract, bad_descriptors_and_other_kinds_of_file) {
    const auto [in, out] = pipe_pair();
    EXPECT_EQ(w.finish(receive(9999)), (answer{-EBADF, 0}));
    EXPECT_EQ(w.finish(receive(-1)), (answer{-EBADF, 0}));
    EXPECT_EQ(w.finish(receive(in)), (answer{-ENOTSOCK, 0}));
    EXPECT_EQ(w.finish(send_text(out, "x")), (answer{-ENOTSOCK, 0}));
    EXPECT_EQ(w.finish(read_from(9999)), (answer{-EBADF, 0}));
    EXPECT_EQ(w.finish(read_from(out)), (answer{-EBADF, 0}));
    EXPECT_EQ(w.finish(write_to(in, "x")), (answer{-EBADF, 0}));
    EXPECT_EQ(w.finish(accept_one(in)), (answer{-ENOTSOCK, 0}));
    EXPECT_EQ(w.finish(accept_one(socket_pair()[0])).res, -EINVAL);
    EXPECT_EQ(w.finish(accept_one(9999)), (answer{-EBADF, 0}));
    EXPECT_EQ(w.finish(poll_for(9999, POLLIN)), (answer{-EBADF, 0}));
}

TEST_P(kernel_contract, a_whole_send_waits_for_room) {
    const auto [a, b] = socket_pair();
    const std::string big(4 << 20, 'x');
    asked& s = send_text(a, big, MSG_WAITALL);
    w.settle();
    EXPECT_FALSE(s.over());
    std::size_t got = 0;
    std::vector<char> chunk(1 << 16);
    while (got < big.size()) {
        const ssize_t n = recv(b, chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (n > 0)
            got += static_cast<std::size_t>(n);
        w.turn(1ms);
    }
    EXPECT_EQ(w.finish(s), (answer{4 << 20, 0}));
}

TEST_P(kernel_contract, a_send_without_waitall_may_be_short) {
    const auto [a, b] = socket_pair();
    const std::string big(4 << 20, 'x');
    const answer first = w.finish(send_text(a, big));
    EXPECT_GT(first.res, 0);
    EXPECT_LT(first.res, 4 << 20);
    asked& second = send_text(a, big);
    w.settle();
    EXPECT_FALSE(second.over());
}

TEST_P(kernel_contract, a_canceled_whole_send_says_how_far_it_came) {
    const auto [a, b] = socket_pair();
    const std::string big(4 << 20, 'x');
    asked& s = send_text(a, big, MSG_WAITALL);
    w.settle();
    asked& c = w.cancel(s);
    const answer got = w.finish(s);
    EXPECT_EQ(w.finish(c), (answer{0, 0}));
    EXPECT_GT(got.res, 0);
    EXPECT_LT(got.res, 4 << 20);
}

TEST_P(kernel_contract, a_whole_receive_collects) {
    const auto [a, b] = tcp_pair();
    asked& r = receive(a, MSG_WAITALL);
    say(b, std::string(30, 'a'));
    w.settle();
    EXPECT_FALSE(r.over());
    say(b, std::string(34, 'b'));
    EXPECT_EQ(text(w.finish(r)), std::string(30, 'a') + std::string(34, 'b'));
}

TEST_P(kernel_contract, a_whole_receive_ends_with_the_stream) {
    const auto [a, b] = tcp_pair();
    asked& r = receive(a, MSG_WAITALL);
    say(b, "short");
    w.settle();
    shutdown(b, SHUT_WR);
    EXPECT_EQ(w.finish(r), (answer{5, 0}));
}

TEST_P(kernel_contract, a_canceled_whole_receive_loses_nothing) {
    const auto [a, b] = tcp_pair();
    asked& r = receive(a, MSG_WAITALL);
    say(b, "short");
    w.settle();
    w.cancel(r);
    EXPECT_EQ(w.finish(r), (answer{5, 0}));
}

TEST_P(kernel_contract, messages_carry_addresses_and_many_buffers) {
    const auto [a, b] = socket_pair(SOCK_DGRAM);
    std::string one = "one ", two = "two";
    std::array<iovec, 2> parts{iovec{one.data(), one.size()}, iovec{two.data(), two.size()}};
    msghdr out{};
    out.msg_iov = parts.data();
    out.msg_iovlen = parts.size();
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_sendmsg(sqe, a, &out, 0); })), (answer{7, 0}));
    std::array<char, 5> first{};
    std::array<char, 5> second{};
    std::array<iovec, 2> halves{iovec{first.data(), 5}, iovec{second.data(), 1}};
    msghdr in{};
    in.msg_iov = halves.data();
    in.msg_iovlen = halves.size();
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_recvmsg(sqe, b, &in, 0); })), (answer{6, 0}));
    EXPECT_EQ(std::string(first.data(), 5) + std::string(second.data(), 1), "one tw");
    EXPECT_TRUE(in.msg_flags & MSG_TRUNC);
}

TEST_P(kernel_contract, a_whole_message_of_many_buffers_goes_in_pieces) {
    const auto [a, b] = tcp_pair();
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i)
        texts.emplace_back(20'000, static_cast<char>('a' + i % 26));
    std::vector<iovec> parts;
    std::string expected;
    for (std::string& t : texts) {
        parts.push_back({t.data(), t.size()});
        expected += t;
    }
    msghdr out{};
    out.msg_iov = parts.data();
    out.msg_iovlen = parts.size();
    asked& s = w.push([&](auto* sqe) { io_uring_prep_sendmsg(sqe, a, &out, MSG_WAITALL); });
    std::string got;
    std::vector<char> chunk(70'000);
    while (got.size() < expected.size()) {
        w.turn(1ms);
        const ssize_t n = recv(b, chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (n > 0)
            got.append(chunk.data(), static_cast<std::size_t>(n));
    }
    EXPECT_EQ(w.finish(s).res, int(expected.size()));
    EXPECT_TRUE(got == expected);
}

TEST_P(kernel_contract, shutdown_ends_the_other_side) {
    const auto [a, b] = socket_pair();
    asked& r = receive(b);
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_shutdown(sqe, a, SHUT_WR); })), (answer{0, 0}));
    EXPECT_EQ(w.finish(r), (answer{0, 0}));
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_shutdown(sqe, 9999, SHUT_WR); })).res, -EBADF);
}

TEST_P(kernel_contract, reading_and_writing_one_socket_at_once) {
    const auto [a, b] = socket_pair();
    const std::string big(2 << 20, 'x');
    asked& r = receive(a);
    asked& s = send_text(a, big, MSG_WAITALL);
    w.settle();
    EXPECT_FALSE(r.over());
    EXPECT_FALSE(s.over());
    say(b, "hello");
    EXPECT_EQ(text(w.finish(r)), "hello");
    EXPECT_FALSE(s.over());
    w.cancel(s);
    EXPECT_GT(w.finish(s).res, 0);
}

TEST_P(kernel_contract, two_readers_of_one_socket_are_served_in_turn) {
    const auto [a, b] = tcp_pair();
    into.resize(4);
    asked& first = receive(a);
    asked& second = receive(a);
    w.settle();
    say(b, "1234");
    w.settle();
    EXPECT_EQ(first.over() + second.over(), 1);
    say(b, "5678");
    w.settle();
    EXPECT_EQ(first.last(), (answer{4, 0}));
    EXPECT_EQ(second.last(), (answer{4, 0}));
}

TEST_P(kernel_contract, two_descriptors_of_one_file) {
    const auto [a, b] = tcp_pair();
    const int other = keep(dup(a));
    into.resize(4);
    asked& first = receive(a);
    asked& second = receive(other);
    w.settle();
    say(b, "1234");
    w.settle();
    EXPECT_EQ(first.over() + second.over(), 1);
    say(b, "5678");
    w.settle();
    EXPECT_TRUE(first.over() && second.over());
}

// --- many answers ------------------------------------------------------------------------------------

TEST_P(kernel_contract, one_receive_answers_many_times) {
    const auto [a, b] = tcp_pair();
    buffers ring(*w.kernel, 1, 4, 16);
    asked& r = receive_many(a);
    for (const char* each : {"one", "two", "three"}) {
        say(b, each);
        w.settle();
        ASSERT_FALSE(r.answers.empty());
        EXPECT_TRUE(r.last().more() && r.last().has_buffer());
        EXPECT_EQ(ring.text(r.last()), each);
        ring.give(r.last().buffer());
    }
    EXPECT_EQ(r.answers.size(), 3U);
    shutdown(b, SHUT_WR);
    EXPECT_EQ(w.finish(r), (answer{0, 0}));
}

TEST_P(kernel_contract, what_exceeds_a_buffer_goes_into_the_next) {
    const auto [a, b] = tcp_pair();
    buffers ring(*w.kernel, 1, 8, 16);
    asked& r = receive_many(a);
    w.settle();
    say(b, std::string(40, 'x'));
    w.settle();
    EXPECT_THAT(r.answers, ElementsAre(answer{16, 0 << 16 | 3}, answer{16, 1 << 16 | 3}, answer{8, 2 << 16 | 3}));
}

TEST_P(kernel_contract, without_buffers_a_receive_fails) {
    const auto [a, b] = tcp_pair();
    buffers ring(*w.kernel, 1, 2, 16);
    asked& r = receive_many(a);
    w.settle();
    say(b, std::string(40, 'x'));
    EXPECT_EQ(w.finish(r), (answer{-ENOBUFS, 0}));
    EXPECT_EQ(r.answers.size(), 3U);
    EXPECT_EQ(w.finish(receive_many(a)), (answer{-ENOBUFS, 0}));
    EXPECT_EQ(w.finish(receive_many(a, 77)), (answer{-ENOBUFS, 0}));
    ring.give(0);
    asked& again = receive_many(a);
    w.settle();
    ASSERT_FALSE(again.answers.empty());
    EXPECT_EQ(again.answers[0], (answer{8, 3}));
}

TEST_P(kernel_contract, one_receive_into_a_chosen_buffer) {
    const auto [a, b] = tcp_pair();
    buffers ring(*w.kernel, 1, 2, 16);
    asked& r = w.push([&, a = a](auto* sqe) {
        io_uring_prep_recv(sqe, a, nullptr, 0, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = 1;
    });
    w.settle();
    say(b, "hello");
    EXPECT_EQ(w.finish(r), (answer{5, 1}));
    EXPECT_EQ(ring.text(r.last()), "hello");
}

TEST_P(kernel_contract, many_receives_need_chosen_buffers) {
    const auto [a, b] = tcp_pair();
    EXPECT_EQ(w.finish(w.push([&, a = a](auto* sqe) { io_uring_prep_recv_multishot(sqe, a, nullptr, 0, 0); })).res,
              -EINVAL);
}

TEST_P(kernel_contract, a_receive_of_many_is_canceled_once) {
    const auto [a, b] = tcp_pair();
    buffers ring(*w.kernel, 1, 4, 16);
    asked& r = receive_many(a);
    say(b, "one");
    w.settle();
    asked& c = w.cancel(r);
    EXPECT_EQ(w.finish(r), canceled);
    EXPECT_EQ(w.finish(c), (answer{0, 0}));
    EXPECT_EQ(r.answers.size(), 2U);
    say(b, "stays");
    EXPECT_EQ(text(w.finish(receive(a))), "stays");
}

TEST_P(kernel_contract, data_and_the_end_that_follows_at_once) {
    for (int i = 0; i < 50; ++i) {
        const auto [a, b] = tcp_pair();
        buffers ring(*w.kernel, static_cast<std::uint16_t>(100 + i), 4, 16);
        asked& r = receive_many(a, static_cast<std::uint16_t>(100 + i));
        w.turn(ringlet::duration::zero());
        say(b, "last words");
        if (i % 2 != 0)
            w.turn(ringlet::duration::zero());
        shutdown(b, SHUT_WR);
        EXPECT_EQ(w.finish(r), (answer{0, 0}));
        EXPECT_EQ(r.answers.size(), 2U);
    }
}

TEST_P(kernel_contract, urgent_data_does_not_hide_what_follows) {
    const auto [a, b] = tcp_pair();
    buffers ring(*w.kernel, 1, 8, 64);
    asked& r = receive_many(a);
    w.settle();
    say(b, "before");
    ASSERT_EQ(send(b, "!", 1, MSG_OOB), 1);
    say(b, "after");
    w.settle();
    std::string all;
    for (const answer& each : r.answers)
        all += ring.text(each);
    EXPECT_EQ(all, "beforeafter");
}

TEST_P(kernel_contract, descriptors_passed_along_do_not_hide_what_follows) {
    const auto [a, b] = socket_pair();
    buffers ring(*w.kernel, 1, 8, 64);
    asked& r = receive_many(a);
    w.settle();
    const auto pass_one = [&, b = b](std::string text) {
        iovec part{text.data(), text.size()};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
        msghdr m{};
        m.msg_iov = &part;
        m.msg_iovlen = 1;
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        cmsghdr* c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(c), &b, sizeof b);
        ASSERT_EQ(sendmsg(b, &m, 0), ssize_t(text.size()));
    };
    say(b, "plain ");
    pass_one("with ");
    pass_one("more ");
    say(b, "end");
    w.settle();
    std::string all;
    for (const answer& each : r.answers)
        all += ring.text(each);
    EXPECT_EQ(all, "plain with more end");
}

TEST_P(kernel_contract, accept_gives_connections) {
    for (const int flags : {0, int(SOCK_NONBLOCK)}) {
        const int listener = listen_tcp(flags);
        asked& waiting = accept_one(listener);
        w.settle();
        EXPECT_FALSE(waiting.over());
        connect_tcp();
        const int fd = keep(w.finish(waiting).res);
        EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        EXPECT_FALSE(fcntl(fd, F_GETFL) & O_NONBLOCK);
        connect_tcp();
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        keep(w.finish(w.push([&](auto* sqe) {
                  io_uring_prep_accept(sqe, listener, reinterpret_cast<sockaddr*>(&peer), &size, 0);
              })).res);
        EXPECT_EQ(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
        EXPECT_EQ(fcntl(listener, F_GETFL) & O_NONBLOCK, flags);
    }
}

TEST_P(kernel_contract, one_accept_answers_many_times) {
    for (const int flags : {0, int(SOCK_NONBLOCK)}) {
        const int listener = listen_tcp(flags);
        asked& many = accept_many(listener);
        w.settle();
        for (int i = 0; i < 3; ++i)
            connect_tcp();
        w.settle();
        EXPECT_EQ(many.answers.size(), 3U);
        for (const answer& each : many.answers) {
            EXPECT_TRUE(each.more());
            keep(each.res);
        }
        asked& c = w.cancel(many);
        EXPECT_EQ(w.finish(many), canceled);
        EXPECT_EQ(w.finish(c), (answer{0, 0}));
    }
}

TEST_P(kernel_contract, connect_waits_for_the_answer) {
    listen_tcp();
    const int fd = keep(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_connect(sqe, fd, where(), sizeof at_); })),
              (answer{0, 0}));
    EXPECT_FALSE(fcntl(fd, F_GETFL) & O_NONBLOCK);
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_connect(sqe, fd, where(), sizeof at_); })).res,
              -EISCONN);
}

TEST_P(kernel_contract, connect_is_refused) {
    close(listen_tcp());
    open_.pop_back();
    const int fd = keep(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_connect(sqe, fd, where(), sizeof at_); })).res,
              -ECONNREFUSED);
}

TEST_P(kernel_contract, a_connect_that_nobody_answers_blocks_nobody) {
    // A listener whose backlog is full drops what comes after.
    const int listener = listen_tcp();
    listen(listener, 0);
    std::vector<asked*> all;
    for (int i = 0; i < 4; ++i) {
        const int fd = keep(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        all.push_back(&w.push([&](auto* sqe) { io_uring_prep_connect(sqe, fd, where(), sizeof at_); }));
    }
    const auto before = w.kernel->now();
    w.settle();
    EXPECT_LT(w.kernel->now() - before, 500ms);
    EXPECT_FALSE(all.back()->over());
    asked& c = w.cancel(*all.back());
    EXPECT_EQ(w.finish(*all.back()), canceled);
    EXPECT_EQ(w.finish(c), (answer{0, 0}));
}

TEST_P(kernel_contract, a_unix_connect_waits_for_room_in_the_backlog) {
    const int listener = keep(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof(sa_family_t)), 0);  // an abstract name
    socklen_t size = sizeof at;
    ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
    ASSERT_EQ(listen(listener, 0), 0);
    std::vector<asked*> all;
    for (int i = 0; i < 2; ++i) {
        const int fd = keep(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        all.push_back(&w.push(
            [&](auto* sqe) { io_uring_prep_connect(sqe, fd, reinterpret_cast<sockaddr*>(&at), size); }));
    }
    EXPECT_EQ(w.finish(*all[0]), (answer{0, 0}));
    w.turn(5ms);
    EXPECT_FALSE(all[1]->over());
    keep(w.finish(accept_one(listener)).res);
    EXPECT_EQ(w.finish(*all[1]), (answer{0, 0}));
}

// --- polls -------------------------------------------------------------------------------------------

TEST_P(kernel_contract, poll_says_what_is_ready) {
    const auto [a, b] = socket_pair();
    EXPECT_EQ(w.finish(poll_for(a, POLLIN | POLLOUT)), (answer{POLLOUT, 0}));
    asked& r = poll_for(a, POLLIN);
    w.settle();
    EXPECT_FALSE(r.over());
    say(b, "x");
    EXPECT_EQ(w.finish(r), (answer{POLLIN, 0}));
    close(b);
    open_.erase(std::find(open_.begin(), open_.end(), b));
    EXPECT_EQ(w.finish(poll_for(a, POLLRDHUP)), (answer{POLLRDHUP | POLLHUP, 0}));
}

TEST_P(kernel_contract, poll_of_a_regular_file_is_ready) {
    const int fd = keep(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(w.finish(poll_for(fd, POLLIN)), (answer{POLLIN, 0}));
}

TEST_P(kernel_contract, polls_and_receives_share_a_socket) {
    const auto [a, b] = tcp_pair();
    asked& p = poll_for(a, POLLIN);
    asked& r = receive(a);
    w.settle();
    say(b, "x");
    EXPECT_EQ(w.finish(p), (answer{POLLIN, 0}));
    EXPECT_EQ(w.finish(r), (answer{1, 0}));
}

TEST_P(kernel_contract, one_poll_answers_many_times) {
    const auto [a, b] = tcp_pair();
    asked& p = w.push([&, a = a](auto* sqe) { io_uring_prep_poll_multishot(sqe, a, POLLIN); });
    w.settle();
    EXPECT_TRUE(p.answers.empty());
    for (int i = 1; i <= 3; ++i) {
        say(b, "x");
        w.settle();
        EXPECT_EQ(p.answers.size(), std::size_t(i));
        EXPECT_EQ(p.last(), (answer{POLLIN, IORING_CQE_F_MORE}));
        w.finish(receive(a));
    }
    asked& c = w.cancel(p);
    EXPECT_EQ(w.finish(p), canceled);
    EXPECT_EQ(w.finish(c), (answer{0, 0}));
}

TEST_P(kernel_contract, a_poll_is_removed) {
    const auto [a, b] = tcp_pair();
    asked& p = poll_for(a, POLLIN);
    const auto remove = [&](asked& what) -> asked& {
        return w.push([&](auto* sqe) { io_uring_prep_poll_remove(sqe, what.user_data()); });
    };
    EXPECT_EQ(w.finish(remove(p)), (answer{0, 0}));
    EXPECT_EQ(w.finish(p), canceled);
    EXPECT_EQ(w.finish(remove(p)), (answer{-ENOENT, 0}));
}

// --- pipes, eventfds, files --------------------------------------------------------------------------

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
    EXPECT_EQ(w.finish(w.push([&, out = out](auto* sqe) {
                  io_uring_prep_writev(sqe, out, parts.data(), 2, std::uint64_t(-1));
              })),
              (answer{7, 0}));
    std::array<iovec, 2> halves{iovec{into.data(), 3}, iovec{into.data() + 3, 10}};
    EXPECT_EQ(w.finish(w.push([&, in = in](auto* sqe) {
                  io_uring_prep_readv(sqe, in, halves.data(), 2, std::uint64_t(-1));
              })),
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
    const int fd = ask([&](auto* sqe) {
        io_uring_prep_openat(sqe, AT_FDCWD, path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    });
    ASSERT_GE(fd, 0);

    EXPECT_EQ(w.finish(write_to(fd, "0123456789", 0)), (answer{10, 0}));
    EXPECT_EQ(text(w.finish(read_from(fd, 5))), "56789");
    EXPECT_EQ(w.finish(read_from(fd, 10)), (answer{0, 0}));
    EXPECT_EQ(w.finish(write_to(fd, "AB")), (answer{2, 0}));  // at the current position, which moves
    EXPECT_EQ(text(w.finish(read_from(fd))), "23456789");
    EXPECT_EQ(w.finish(read_from(fd)), (answer{0, 0}));
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_fsync(sqe, fd, 0); }), 0);
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_fallocate(sqe, fd, 0, 0, 4096); }), 0);

    struct statx about {};
    EXPECT_EQ(ask([&](auto* sqe) { io_uring_prep_statx(sqe, AT_FDCWD, path.c_str(), 0, STATX_SIZE, &about); }), 0);
    EXPECT_EQ(about.stx_size, 4096U);
    EXPECT_EQ(ask([&](auto* sqe) {
                  io_uring_prep_renameat(sqe, AT_FDCWD, path.c_str(), AT_FDCWD, other.c_str(), 0);
              }), 0);
    EXPECT_EQ(ask([&](auto* sqe) {
                  io_uring_prep_linkat(sqe, AT_FDCWD, other.c_str(), AT_FDCWD, path.c_str(), 0);
              }), 0);
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
    asked& s = w.push([&, in = in, out2 = out2](auto* sqe) { io_uring_prep_splice(sqe, in, -1, out2, -1, 100, 0); });
    w.settle();
    EXPECT_FALSE(s.over());
    ASSERT_EQ(write(out, "spliced", 7), 7);
    EXPECT_EQ(w.finish(s), (answer{7, 0}));
    EXPECT_EQ(text(w.finish(read_from(in2))), "spliced");
}

TEST_P(kernel_contract, work_in_progress_ends_once_when_canceled) {
    const auto [in, out] = pipe_pair();
    const auto [in2, out2] = pipe_pair();
    asked& s = w.push([&, in = in, out2 = out2](auto* sqe) { io_uring_prep_splice(sqe, in, -1, out2, -1, 100, 0); });
    w.turn(20ms);
    asked& c = w.cancel(s);
    EXPECT_EQ(w.finish(c), (answer{-EALREADY, 0}));
    const int res = w.finish(s).res;
    constexpr int restart = -512;  // what Linux leaks for splice: ERESTARTSYS
    EXPECT_TRUE(res == -ECANCELED || res == -EINTR || res == restart) << res;
}

// --- time, cancels, order ----------------------------------------------------------------------------

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
        w.push([&, b = b](auto* sqe) { i % 2 != 0 ? io_uring_prep_nop(sqe) : io_uring_prep_send(sqe, b, "x", 1, 0); },
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

}  // namespace

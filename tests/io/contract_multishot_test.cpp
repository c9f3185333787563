// The seam's contract: requests that answer many times, and polls.

#include "support/contract.hpp"

namespace io_contract_multishot_test {

using namespace seam;
using namespace std::chrono_literals;
using testing::ElementsAre;

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
    asked& r = w.push([&](auto* sqe) {
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
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_recv_multishot(sqe, a, nullptr, 0, 0); })).res, -EINVAL);
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
    shutdown(b, SHUT_WR);  // which comes last, however long that takes
    EXPECT_EQ(w.finish(r), (answer{0, 0}));
    std::string all;
    for (const answer& each : r.answers)
        if (each.res > 0)
            all += ring.text(each);
    EXPECT_EQ(all, "beforeafter");
}

TEST_P(kernel_contract, urgent_data_behind_much_does_not_hide_what_follows) {
    const auto [a, b] = tcp_pair();
    buffers ring(*w.kernel, 1, 64, 16);
    asked& r = receive_many(a);
    w.settle();
    const std::string much(40 * 16 + 1, 'x');  // more buffers than are filled in a row
    say(b, much);
    ASSERT_EQ(send(b, "!", 1, MSG_OOB), 1);
    say(b, "after");
    w.settle();
    std::string all;
    for (const answer& each : r.answers)
        all += ring.text(each);
    EXPECT_EQ(all, much + "after");
}

TEST_P(kernel_contract, descriptors_passed_along_do_not_hide_what_follows) {
    const auto [a, b] = socket_pair();
    buffers ring(*w.kernel, 1, 8, 64);
    asked& r = receive_many(a);
    w.settle();
    const auto pass_one = [&](std::string text) {
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
    asked& p = w.push([&](auto* sqe) { io_uring_prep_poll_multishot(sqe, a, POLLIN); });
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

}  // namespace io_contract_multishot_test

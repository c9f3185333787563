// The seam's contract: requests on sockets give the same answers on every kernel.

#include "support/contract.hpp"

#include <sys/uio.h>
#include <sys/un.h>

namespace io_contract_sockets_test {

using namespace seam;
using namespace std::chrono_literals;

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

TEST_P(kernel_contract, shutdown_does_not_wait_behind_who_reads) {
    const auto [a, b] = socket_pair();
    asked& waiting = receive(a);
    w.settle();
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_shutdown(sqe, a, SHUT_RDWR); })), (answer{0, 0}));
    EXPECT_EQ(w.finish(waiting), (answer{0, 0}));
}

TEST_P(kernel_contract, a_splice_into_a_socket_does_not_wait_behind_who_reads_it) {
    const auto [a, b] = socket_pair();
    const auto [in, out] = pipe_pair();
    asked& waiting = receive(a);
    w.settle();
    ASSERT_EQ(write(out, "spliced", 7), 7);
    const int from = in, to = a;
    EXPECT_EQ(w.finish(w.push([&](auto* sqe) { io_uring_prep_splice(sqe, from, -1, to, -1, 100, 0); })),
              (answer{7, 0}));
    EXPECT_FALSE(waiting.over());
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
        all.push_back(
            &w.push([&](auto* sqe) { io_uring_prep_connect(sqe, fd, reinterpret_cast<sockaddr*>(&at), size); }));
    }
    EXPECT_EQ(w.finish(*all[0]), (answer{0, 0}));
    w.turn(5ms);
    EXPECT_FALSE(all[1]->over());
    keep(w.finish(accept_one(listener)).res);
    EXPECT_EQ(w.finish(*all[1]), (answer{0, 0}));
}

}  // namespace io_contract_sockets_test

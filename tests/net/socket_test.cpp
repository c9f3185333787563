// Stream sockets beyond the contract of streams: how they fail, and how they deal with the ring.

#include "support/one_end.hpp"
#include "support/stream_stories.hpp"

#include <ringlet/io/doctor.hpp>
#include <ringlet/io/receive_buffers.hpp>
#include <ringlet/net/tcp.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

namespace net_socket_test {

using namespace ringlet;
using namespace story;
using net::address;
using net::tcp_stream;
using testing::HasSubstr;
using testing::StartsWith;

bool is_multishot_receive(const io_uring_sqe& sqe) {
    return sqe.opcode == IORING_OP_RECV && (sqe.ioprio & IORING_RECV_MULTISHOT) != 0;
}

/// From now on; the kernel still counts when the story is over.
std::shared_ptr<const std::size_t> count_direct_receives(watched_kernel& kernel) {
    const auto count = std::make_shared<std::size_t>(0);
    kernel.edit = [count](io_uring_sqe& sqe) -> std::optional<int> {
        *count += sqe.opcode == IORING_OP_RECV && !is_multishot_receive(sqe);
        return std::nullopt;
    };
    return count;
}

// --- connecting and failing --------------------------------------------------------------------------

TEST(connect, names_the_address_that_refused) {
    on_this_machine([]() -> task<> {
        EXPECT_EQ(co_await error_from(tcp_stream::connect(address::loopback(1))),
                  "connect 127.0.0.1:1: Connection refused");
        EXPECT_EQ(co_await error_from(tcp_stream::connect(address::unix_path("/nowhere/s"))),
                  "connect unix:/nowhere/s: No such file or directory");
        const auto none = co_await as_result(tcp_stream::connect(address::loopback(1)));
        EXPECT_EQ(none.error(), std::errc::connection_refused);
    });
}

TEST(connect, that_is_cut_short_leaves_no_descriptor) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        const address where = address::unix_path(folder / "s");
        const fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        must(::bind(listener.get(), where.data(), where.size()) == 0 && ::listen(listener.get(), 0) == 0, "listen");
        const fd fills_the_backlog = connect_plainly(where);
        EXPECT_THAT(co_await error_from(with_timeout(5ms, tcp_stream::connect(where))),
                    HasSubstr("timed out after 5 ms"));
    });
}

TEST(connect, killing_at_any_moment_leaks_nothing) {
    const std::size_t blows = kill_at_every_turn([](auto strike) -> task<> {
        net::tcp_listener l = net::listen(address::loopback(0));
        const auto victim = spawn([&]() -> task<> {
            tcp_stream s = co_await tcp_stream::connect(l.local_address());
            co_await write_text(s, "hello");
            EXPECT_EQ(co_await read_some(s), "hello");
        });
        strike(victim);
        const auto server = spawn([&]() -> task<> {
            tcp_stream s = co_await l.accept();
            const std::string text = co_await read_some(s);
            co_await write_text(s, text);
        });
        co_await victim.join();
        server.kill();
        co_await server.join();
        (void)server.exception();
    });
    EXPECT_GT(blows, 3u);
}

TEST(tcp, a_reset_comes_after_what_was_received_and_comes_again) {
    on_this_machine([]() -> task<> {
        auto [mine, peer] = plain_tcp_pair();
        tcp_stream s(std::move(mine), "10.0.0.1:443");
        send_plainly(peer, "last words");
        EXPECT_EQ(co_await read_some(s, 4), "last");
        co_await laps(2);
        reset_plainly(peer);
        co_await laps(2);
        EXPECT_EQ(co_await read_some(s), " words");
        for (int i = 0; i < 2; ++i)
            EXPECT_EQ(co_await error_from(read_some(s)), "read from 10.0.0.1:443: Connection reset by peer");
        EXPECT_EQ(co_await error_from(write_text(s, "x")), "write to 10.0.0.1:443: Broken pipe");
        const auto failed = co_await as_result(s.shutdown());
        EXPECT_EQ(failed.error(), std::errc::not_connected) << "where it is awaited, not where it is called";
    });
}

TEST(tcp, calls_the_peer_by_its_address) {
    on_this_machine([]() -> task<> {
        auto [mine, peer] = plain_tcp_pair();
        const std::string there = address_of(peer.get()).to_string();
        tcp_stream s(std::move(mine));
        EXPECT_EQ(s.name(), there);
        EXPECT_EQ(s.peer_address().to_string(), there);
        const auto reader = spawn([&] { return error_from(read_some(s)); });
        co_await laps(2);
        s.close();
        EXPECT_EQ(co_await reader.get(), "read from " + there + ": it was closed here: Operation canceled");
    });
}

TEST(tcp, a_peer_that_sends_nothing_costs_one_request) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        kernel.hurried = true;
        one_end c;
        for (int i = 0; i < 1'000; ++i)
            EXPECT_THAT(co_await error_from(with_timeout(1s, read_some(*c.stream))),
                        StartsWith("a read from a socket: timed out"));
        EXPECT_EQ(kernel.requests, 1u) << "the receive goes on while readers come and go";
    });
}

TEST(tcp, a_reader_counts_on_one_receive_for_many_messages) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        one_end c;
        for (int i = 0; i < 1'000; ++i) {
            send_plainly(c.peer, "message");
            EXPECT_EQ(co_await read_some(*c.stream), "message");
        }
        EXPECT_LE(kernel.pushed(IORING_OP_RECV), 5u);
    });
}

// --- receiving ---------------------------------------------------------------------------------------

TEST(socket, receives_large_reads_into_the_readers_own_buffer) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        one_end c;
        const auto direct = count_direct_receives(kernel);
        send_plainly(c.peer, "small");
        EXPECT_EQ(co_await read_some(*c.stream), "small");
        EXPECT_EQ(*direct, 0u);
        for (int i = 0; i < 10; ++i) {
            const auto reader = spawn([&] { return read_some(*c.stream, net::socket::direct_size); });
            co_await laps(3);
            send_plainly(c.peer, "large");
            EXPECT_EQ(co_await reader.get(), "large");
        }
        EXPECT_EQ(*direct, 10u);
        EXPECT_EQ(kernel.pushed(IORING_OP_ASYNC_CANCEL), 1u) << "of the receive that served small reads";
        send_plainly(c.peer, "small again");
        EXPECT_EQ(co_await read_some(*c.stream), "small again");
    });
}

TEST(socket, may_be_waited_for_without_a_buffer) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        one_end c;
        std::array<std::byte, 100> room;
        const auto read_now = [&]() -> std::optional<std::string> {
            const auto count = c.stream->try_read(room);
            if (!count)
                return std::nullopt;
            return std::string(reinterpret_cast<const char*>(room.data()), *count);
        };
        EXPECT_EQ(read_now(), std::nullopt) << "nothing is there";
        const auto waits = spawn([&]() -> task<> { co_await c.stream->readable(); });
        co_await laps(3);
        EXPECT_FALSE(waits.ready());
        EXPECT_THROW(read_now(), std::logic_error) << "it would take what somebody else waits for";
        send_plainly(c.peer, "one");
        co_await waits.join();
        EXPECT_EQ(read_now(), "one");
        EXPECT_EQ(read_now(), std::nullopt);
        EXPECT_EQ(kernel.pushed(IORING_OP_RECV), 0u);
        // Reads in between have a receive in flight, to which the next bytes come.
        send_plainly(c.peer, "two");
        EXPECT_EQ(co_await read_some(*c.stream), "two");
        const auto again = spawn([&]() -> task<> { co_await c.stream->readable(); });
        co_await laps(3);
        EXPECT_FALSE(again.ready());
        send_plainly(c.peer, "three");
        co_await again.join();
        EXPECT_EQ(read_now(), "three");
        co_await c.stream->write_all(io::bytes_of("heard"));
        c.peer.reset();
        co_await c.stream->readable();
        EXPECT_THROW(read_now(), std::system_error) << "a peer that leaves with something unread has reset it";
        c.stream->close();
        EXPECT_THROW(read_now(), std::system_error);
    });
}

TEST(socket, pauses_a_peer_that_sends_ahead_of_the_reader_and_loses_nothing) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        auto [a, b] = plain_pair();
        tcp_stream from(std::move(a)), to(std::move(b));
        const std::string sent = numbered_bytes(8 << 20);
        const auto writer = spawn([&] { return write_and_finish(from, sent, sizes(1 << 20)); });
        std::string got = co_await read_count(to, 1);  // arms the receive
        co_await laps(200);
        EXPECT_FALSE(writer.ready()) << "8 MiB fit somewhere";
        EXPECT_EQ(kernel.pushed(IORING_OP_ASYNC_CANCEL), 1u);
        co_await read_to_end(to, got, sizes(3'000, 50'000, 1));
        EXPECT_TRUE(got == sent);
    });
}

TEST(socket, does_so_with_smaller_buffers_too_as_long_as_much_comes_at_a_time) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        one_end c;
        const auto direct = count_direct_receives(kernel);
        const auto hear = [&](const std::string& text) -> task<std::string> {
            const auto reader = spawn([&] { return read_some(*c.stream, 16 * 1024); });
            co_await laps(3);
            send_plainly(c.peer, text);
            co_return co_await reader.get();
        };
        const std::string much = numbered_bytes(10'000);
        EXPECT_EQ(co_await hear("little"), "little");
        EXPECT_EQ(co_await hear(much), much);
        EXPECT_EQ(*direct, 0u) << "nothing had been seen of it";
        for (std::size_t i = 1; i < 4; ++i) {
            EXPECT_EQ(co_await hear(much), much);
            EXPECT_EQ(*direct, i);
        }
        EXPECT_EQ(co_await hear("little"), "little");
        EXPECT_EQ(co_await hear("by little"), "by little");
        EXPECT_EQ(*direct, 4u) << "one receive serves many of these";
    });
}

TEST(socket, goes_on_when_the_kernel_ends_the_multishot_receive_after_each_answer) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        kernel.edit = [](io_uring_sqe& sqe) -> std::optional<int> {
            if (is_multishot_receive(sqe))
                sqe.ioprio &= static_cast<std::uint16_t>(~IORING_RECV_MULTISHOT);
            return std::nullopt;
        };
        auto [a, b] = plain_pair();
        tcp_stream from(std::move(a)), to(std::move(b));
        const std::string sent = numbered_bytes(2 << 20);
        const auto writer = spawn([&] { return write_and_finish(from, sent, sizes(100'000, 7)); });
        std::string got;
        co_await read_to_end(to, got, sizes(16'384, 5, 100'000));
        co_await writer.get();
        EXPECT_TRUE(got == sent);
    });
}

TEST(socket, works_where_the_kernel_has_no_multishot_receive) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        std::size_t refused = 0;
        kernel.edit = [&](io_uring_sqe& sqe) -> std::optional<int> {
            if (!is_multishot_receive(sqe))
                return std::nullopt;
            ++refused;
            return -EINVAL;
        };
        auto [a, b] = plain_pair();
        tcp_stream from(std::move(a)), to(std::move(b));
        const std::string sent = numbered_bytes(1 << 20);
        const auto writer = spawn([&] { return write_and_finish(from, sent, sizes(100'000)); });
        std::string got;
        co_await read_to_end(to, got);
        co_await writer.get();
        EXPECT_TRUE(got == sent);
        EXPECT_EQ(refused, 1u) << "asked again and again";
    });
}

TEST(socket, goes_on_when_all_receive_buffers_are_taken) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        int taken = 0;
        kernel.edit = [&](io_uring_sqe& sqe) -> std::optional<int> {
            if (is_multishot_receive(sqe) && ++taken % 2 == 0)
                return -ENOBUFS;
            return std::nullopt;
        };
        auto [a, b] = plain_pair();
        tcp_stream from(std::move(a)), to(std::move(b));
        const std::string sent = numbered_bytes(4 << 20);
        const auto writer = spawn([&] { return write_and_finish(from, sent, sizes(300'000)); });
        std::string got;
        co_await read_to_end(to, got, sizes(1'000, 100'000, 16'384));
        co_await writer.get();
        EXPECT_TRUE(got == sent);
    });
}

TEST(socket, many_slow_readers_share_the_receive_buffers) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        std::size_t without_buffer = 0;
        kernel.on_answer = [&](unsigned, int res, unsigned) { without_buffer += res == -ENOBUFS; };
        constexpr std::size_t count = 60;
        const std::string sent = numbered_bytes(300'000);
        std::vector<one_end> all(count);
        std::vector<std::string> got(count);
        std::vector<greenlet<>> readers;
        for (std::size_t i = 0; i < count; ++i)
            readers.push_back(spawn([&, i]() -> task<> {
                std::string buffer(16'384, '\0');
                while (const std::size_t n = co_await all[i].stream->read(room_in(buffer))) {
                    got[i].append(buffer, 0, n);
                    co_await laps(static_cast<int>(i % 5));
                }
            }));
        co_await laps(2);
        for (std::size_t at = 0; at < sent.size(); at += 150'000) {
            for (one_end& c : all)  // ten buffers for each in the same turn: more than there are
                send_plainly(c.peer, std::string_view(sent).substr(at, 150'000));
            co_await laps(100);
        }
        for (one_end& c : all)
            c.peer.reset();
        for (const auto& g : readers)
            co_await g.get();
        // io_uring fills buffers before anybody looks; the other kernel hands them over one by one.
        if (io::diagnose().kernel == "uring") {
            EXPECT_GT(without_buffer, 0u) << "the story did not exhaust the buffers";
        }
        for (const std::string& text : got)
            EXPECT_TRUE(text == sent);
    });
}

// --- sending -----------------------------------------------------------------------------------------

TEST(socket, goes_on_after_a_short_send) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        kernel.edit = [](io_uring_sqe& sqe) -> std::optional<int> {
            if (sqe.opcode == IORING_OP_SEND)
                sqe.len = std::min(sqe.len, 1'000U);
            return std::nullopt;
        };
        one_end c;
        const std::string sent = numbered_bytes(10'500);
        co_await c.stream->write_all(bytes_of(sent));
        EXPECT_EQ(kernel.pushed(IORING_OP_SEND), 11u);
        std::string got(20'000, '\0');
        got.resize(static_cast<std::size_t>(::recv(c.peer.get(), got.data(), got.size(), 0)));
        EXPECT_TRUE(got == sent);
    });
}

TEST(socket, a_peer_that_is_gone_is_an_error_and_never_a_signal) {
    on_this_machine([]() -> task<> {
        one_end c;
        c.peer.reset();
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(co_await error_from(write_text(*c.stream, "anybody?")), "write to the peer: Broken pipe");
    });
}

// --- lifetimes ---------------------------------------------------------------------------------------

TEST(socket, may_outlive_its_loop_and_serve_another) {
    one_end c;
    for (int i = 0; i < 3; ++i) {
        auto k = std::make_unique<watched_kernel>();
        k->on_answer = [](unsigned, int res, unsigned) {
            EXPECT_NE(res, -ENOBUFS) << "received into buffers that this loop does not have";
        };
        run(std::move(k), [&]() -> task<> {
            send_plainly(c.peer, "hello");
            EXPECT_EQ(co_await read_some(*c.stream, 2), "he");
            const auto left_alone = spawn([&] { return read_count(*c.stream, 100); });
            co_await laps(2);
            co_await write_text(*c.stream, "x");
        });
    }
    c.stream.reset();
    run([]() -> task<> { co_return; });
}

TEST(socket, is_closed_by_its_greenlet_that_the_end_of_the_loop_kills) {
    const std::size_t before = open_fds();
    one_end c;
    auto forgotten = std::make_unique<one_end>();
    run([&]() -> task<> {
        spawn([&c]() -> task<> {
            const tcp_stream mine = std::move(*c.stream);
            (void)co_await read_some(const_cast<tcp_stream&>(mine), 100'000);
        });
        spawn([&] { return read_some(*forgotten->stream); });
        co_await laps(3);
    });
    char byte;
    EXPECT_EQ(::recv(c.peer.get(), &byte, 1, MSG_DONTWAIT), 0) << "the end, because it was closed";
    forgotten.reset();
    c.peer.reset();
    EXPECT_EQ(open_fds(), before);
}

TEST(socket, whose_close_was_the_last_thing_before_the_end_is_closed) {
    const std::size_t before = open_fds();
    one_end c;
    run([&]() -> task<> {
        (void)co_await error_from(with_timeout(1ms, read_some(*c.stream)));
        c.stream.reset();
    });
    c.peer.reset();
    EXPECT_EQ(open_fds(), before);
}

}  // namespace net_socket_test

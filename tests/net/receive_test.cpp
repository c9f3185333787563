// Receiving without a buffer of one's own: what came is lent, and goes back when it is let go. Nobody else
// may lack it, and no byte may be lost, however long it is kept.

#include "support/one_end.hpp"
#include "support/stream_stories.hpp"

#include <ringlet/core/scope.hpp>
#include <ringlet/io/receive_buffers.hpp>
#include <ringlet/net/tcp.hpp>

#include <gtest/gtest.h>

#include <set>

namespace net_receive_test {

using namespace ringlet;
using namespace story;
using net::tcp_stream;

std::string text_of(const io::received& got) {
    return std::string(reinterpret_cast<const char*>(got.bytes().data()), got.size());
}

TEST(receive, brings_what_came_and_at_the_end_nothing) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        one_end c;
        send_plainly(c.peer, "one");
        const io::received one = co_await c.stream->receive();
        EXPECT_EQ(text_of(one), "one");
        send_plainly(c.peer, "two");
        const io::received two = co_await c.stream->receive();
        EXPECT_EQ(text_of(two), "two");
        EXPECT_EQ(text_of(one), "one") << "it was overwritten while it was kept";
        EXPECT_EQ(kernel.pushed(IORING_OP_RECV), 1u) << "one receive brings all";
        c.peer.reset();
        for (int i = 0; i < 2; ++i)
            EXPECT_TRUE((co_await c.stream->receive()).empty());
    });
}

TEST(receive, brings_what_came_before_anybody_asked_and_what_a_read_left) {
    on_this_machine([]() -> task<> {
        one_end c;
        send_plainly(c.peer, "first words");
        EXPECT_EQ(co_await read_some(*c.stream, 5), "first");
        EXPECT_EQ(text_of(co_await c.stream->receive()), " words");
        send_plainly(c.peer, "nobody ");
        co_await laps(3);
        send_plainly(c.peer, "asked");
        co_await laps(3);
        EXPECT_EQ(text_of(co_await c.stream->receive()), "nobody asked");
        send_plainly(c.peer, "the end");
        EXPECT_EQ(co_await read_some(*c.stream), "the end");
    });
}

TEST(receive, gives_back_what_is_let_go) {
    on_this_machine([]() -> task<> {
        one_end c;
        std::set<const std::byte*> places;
        for (int i = 0; i < 1'000; ++i) {
            send_plainly(c.peer, "x");
            const io::received got = co_await c.stream->receive();
            places.insert(got.bytes().data());
        }
        EXPECT_LE(places.size(), io::buffer_lender::count);
    });
}

TEST(receive, leaves_something_for_the_others_however_much_is_kept) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        const auto without_buffer = std::make_shared<std::size_t>(0);  // still counts when the story is over
        kernel.on_answer = [without_buffer](unsigned, int res, unsigned) { *without_buffer += res == -ENOBUFS; };
        one_end keeps, other;
        std::vector<io::received> kept;
        for (std::size_t i = 0; i < io::buffer_lender::count + 20; ++i) {
            send_plainly(keeps.peer, std::to_string(i));
            kept.push_back(co_await keeps.stream->receive());
        }
        send_plainly(other.peer, "read");
        EXPECT_EQ(co_await read_some(*other.stream), "read");
        const auto waits = spawn([&]() -> task<std::string> { co_return text_of(co_await other.stream->receive()); });
        co_await laps(3);
        send_plainly(other.peer, "received");
        EXPECT_EQ(co_await waits.get(), "received");
        for (std::size_t i = 0; i < kept.size(); ++i)
            EXPECT_EQ(text_of(kept[i]), std::to_string(i));
        EXPECT_EQ(*without_buffer, 0u) << "all of the shared buffers were lent";
        kept.clear();
        send_plainly(other.peer, "and again");
        EXPECT_EQ(text_of(co_await other.stream->receive()), "and again");
    });
}

TEST(receive, what_it_brought_may_outlive_its_loop) {
    io::received kept;
    on_this_machine([&]() -> task<> {
        one_end c;
        send_plainly(c.peer, "still there");
        kept = co_await c.stream->receive();
    });
    EXPECT_EQ(text_of(kept), "still there");
}

TEST(receive, readiness_may_be_asked_for_as_a_result) {
    on_this_machine([]() -> task<> {
        one_end c;
        send_plainly(c.peer, "here");
        EXPECT_TRUE(co_await as_result(c.stream->readable()));
        EXPECT_EQ(text_of(co_await c.stream->receive()), "here");
        c.stream->close();
        EXPECT_EQ((co_await as_result(c.stream->readable())).error(), std::errc::operation_canceled);
    });
}

TEST(receive, says_so_when_it_was_closed_here_and_refuses_a_second_reader) {
    on_this_machine([]() -> task<> {
        one_end c;
        const auto waits = spawn([&]() -> task<> { (void)co_await c.stream->receive(); });
        co_await laps(2);
        EXPECT_THROW((void)co_await c.stream->receive(), std::logic_error);
        c.stream->close();
        EXPECT_EQ(co_await error_from(waits.get()), "read from the peer: it was closed here: Operation canceled");
        const auto refused = co_await as_result(c.stream->receive());
        EXPECT_EQ(refused.error(), std::errc::operation_canceled);
    });
}

TEST(receive, works_where_the_kernel_has_no_multishot_receive) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        kernel.edit = [](io_uring_sqe& sqe) -> std::optional<int> {
            const bool multishot = sqe.opcode == IORING_OP_RECV && (sqe.ioprio & IORING_RECV_MULTISHOT) != 0;
            return multishot ? std::optional(-EINVAL) : std::nullopt;
        };
        one_end c;
        const std::string much = numbered_bytes(100'000);
        send_plainly(c.peer, much);
        std::string got;
        while (got.size() < much.size())
            got += text_of(co_await c.stream->receive());
        EXPECT_TRUE(got == much);
    });
}

TEST(receive, waits_for_a_byte_where_it_is_to_have_memory_of_its_own_and_offers_no_room) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        kernel.edit = [](io_uring_sqe& sqe) -> std::optional<int> {
            const bool shared = sqe.opcode == IORING_OP_RECV && (sqe.flags & IOSQE_BUFFER_SELECT) != 0;
            return shared ? std::optional(-ENOBUFS) : std::nullopt;
        };
        one_end c;
        const auto first = spawn([&]() -> task<std::string> { co_return text_of(co_await c.stream->receive(0)); });
        co_await laps(3);
        EXPECT_FALSE(first.ready()) << "nothing came";
        send_plainly(c.peer, "words");
        std::string got = co_await first.get();
        EXPECT_FALSE(got.empty()) << "it looked like the end";
        for (int i = 0; i < 5 && got.size() < 5; ++i)
            got += text_of(co_await c.stream->receive(0));
        EXPECT_EQ(got, "words");
        c.peer.reset();
        EXPECT_TRUE((co_await c.stream->receive(0)).empty());
    });
}

TEST(receive, killing_at_any_moment_loses_nothing) {
    const std::size_t blows = kill_at_every_turn([](auto strike) -> task<> {
        one_end c;
        std::string got;
        const auto victim = spawn([&]() -> task<> {
            while (got.size() < 9)
                got += text_of(co_await c.stream->receive());
        });
        strike(victim);
        for (const char* word : {"one", "two", "six"}) {
            send_plainly(c.peer, word);
            co_await laps(2);
        }
        co_await victim.join();
        (void)victim.exception();
        while (got.size() < 9)
            got += text_of(co_await c.stream->receive());
        EXPECT_EQ(got, "onetwosix");
    });
    EXPECT_GT(blows, 3u);
}

}  // namespace net_receive_test

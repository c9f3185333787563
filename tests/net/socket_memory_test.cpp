// How much memory streams hold. Allocations are counted.

#include "support/allocations.hpp"
#include "support/plain_socket.hpp"
#include "support/stream_stories.hpp"

#include <ringlet/io/buffered.hpp>
#include <ringlet/net/tcp.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace net_socket_memory_test {

using namespace ringlet;
using namespace story;
using net::tcp_stream;

/// How many bytes more are allocated than at the time of asking first; less counts as none.
class growth {
public:
    std::size_t now() const { return allocated() - std::min(allocated(), before_); }

private:
    std::size_t before_ = allocated();
};

TEST(socket_memory, ten_thousand_readers_killed_at_once_leave_nothing) {
    rlimit files{};
    must(getrlimit(RLIMIT_NOFILE, &files) == 0, "getrlimit");
    if (files.rlim_cur < 10'100 && files.rlim_max >= 10'100) {
        files.rlim_cur = files.rlim_max;
        must(setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
    }
    // Both ends of each pair are read, so that there are as many greenlets as descriptors.
    const std::size_t pairs = std::min<std::size_t>(5'000, (files.rlim_cur - 100) / 2);
    on_this_machine([&]() -> task<> {
        const auto round = [&]() -> task<> {
            const std::size_t fds = open_fds();
            std::vector<greenlet<>> readers;
            const auto read = [](fd mine) -> task<> {
                tcp_stream s(std::move(mine));
                std::string buffer(64, '\0');
                co_await s.read(room_in(buffer));
                ADD_FAILURE() << "nobody sends";
            };
            for (std::size_t i = 0; i < pairs; ++i) {
                auto ends = plain_pair();
                readers.push_back(spawn(read, std::move(ends.first)));
                readers.push_back(spawn(read, std::move(ends.second)));
            }
            co_await laps(3);
            EXPECT_EQ(loop::current().in_flight(), readers.size());
            for (const auto& g : readers)
                g.kill();
            for (const auto& g : readers) {
                co_await g.join();
                EXPECT_FALSE(g.successful());
            }
            co_await until_nothing_is_in_flight();
            EXPECT_EQ(open_fds(), fds);
        };
        co_await round();  // pools, queues and free lists have their size after it
        const growth since;
        co_await round();
        EXPECT_LT(since.now(), 64u * 1024);
    });
}

TEST(socket_memory, a_thousand_fibers_killed_in_a_read_leave_nothing) {
    on_this_machine([]() -> task<> {
        std::vector<greenlet<>> readers;
        for (int i = 0; i < 500; ++i) {
            auto ends = plain_pair();
            for (fd* end : {&ends.first, &ends.second})
                readers.push_back(spawn(
                    [](fd mine) {
                        tcp_stream s(std::move(mine));
                        std::string buffer(64, '\0');
                        await(s.read(room_in(buffer)));
                    },
                    std::move(*end)));
        }
        co_await laps(3);
        for (const auto& g : readers)
            g.kill();
        for (const auto& g : readers)
            co_await g.join();
    });
}

TEST(socket_memory, an_idle_connection_holds_little_whatever_it_has_received_before) {
    on_this_machine([]() -> task<> {
        constexpr std::size_t count = 200;
        std::vector<fd> peers;
        std::vector<io::buffered<tcp_stream>> streams;
        peers.reserve(count);
        streams.reserve(count);
        const growth since;
        for (std::size_t i = 0; i < count; ++i) {
            auto ends = plain_pair();
            peers.push_back(std::move(ends.second));
            streams.emplace_back(tcp_stream(std::move(ends.first)));
        }
        for (std::size_t i = 0; i < count; ++i) {
            send_plainly(peers[i], "line\n" + std::string(100'000, 'x') + "\n");
            EXPECT_EQ(co_await streams[i].read_line(), "line");
            EXPECT_EQ((co_await streams[i].read_line(200'000)).value().size(), 100'000u);
            // And something comes while nobody reads.
            send_plainly(peers[i], std::string(50'000, 'x') + "\n");
            co_await laps(2);
            EXPECT_EQ((co_await streams[i].read_line(200'000)).value().size(), 50'000u);
        }
        const std::size_t idle = since.now() / count;
        EXPECT_LT(idle, 2'048u);
        std::vector<greenlet<>> waiting;
        for (auto& s : streams)
            waiting.push_back(spawn([&s]() -> task<> { (void)co_await s.read_line(); }));
        co_await laps(3);
        EXPECT_LT(since.now() / count, 6'000u) << "with a frame that waits, and a kilobyte to wait with";
        for (const auto& g : waiting) {
            g.kill();
            co_await g.join();
        }
    });
}

TEST(socket_memory, a_reader_who_is_never_quite_done_costs_no_more_than_what_is_unread) {
    on_this_machine([]() -> task<> {
        auto ends = plain_pair();
        tcp_stream s(std::move(ends.first));
        const std::string message = numbered_bytes(10'000);
        std::string buffer(10'000, '\0');
        send_plainly(ends.second, message.substr(0, 5'000));
        co_await s.read(room_in(buffer).first(1));
        const growth since;
        // There are always some thousand bytes that were received and not read.
        for (int i = 0; i < 2'000; ++i) {
            send_plainly(ends.second, message);
            co_await laps(2);
            std::size_t read = 0;
            while (read < message.size())
                read += co_await s.read(room_in(buffer).subspan(read));
        }
        EXPECT_LT(since.now(), 400'000u) << "20 MB went through";
    });
}

TEST(socket_memory, messages_in_steady_state_cost_no_allocation) {
    run([]() -> task<> {  // not watched, since the watch allocates
        auto [a, b] = plain_pair();
        tcp_stream client(std::move(a), "client");
        const auto server = spawn(
            [](tcp_stream s) -> task<> {
                std::string buffer(4'096, '\0');
                while (const std::size_t n = co_await s.read(room_in(buffer)))
                    co_await s.write_all(std::as_bytes(std::span(buffer)).first(n));
            },
            tcp_stream(std::move(b), "server"));
        std::string message(64, 'x'), answer(64, '\0');
        const auto exchange = [&](int count) -> task<> {
            for (int i = 0; i < count; ++i) {
                co_await client.write_all(bytes_of(message));
                for (std::size_t n = 0; n < answer.size();)
                    n += co_await client.read(room_in(answer).subspan(n));
            }
        };
        co_await exchange(100);
        const std::size_t before = allocations();
        co_await exchange(1'000);
        EXPECT_LE(allocations() - before, 2u) << "the frame of exchange(), where frames are not pooled";
        client.close();
        co_await server.join();
        (void)server.exception();
    });
}

}  // namespace net_socket_memory_test

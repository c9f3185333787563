// Stream sockets against the invariants of the design (docs/invariants.md): whatever is cut short, each request
// ends once, no buffer and no descriptor is touched after its time, and no byte is lost.

#include "support/one_end.hpp"
#include "support/stream_stories.hpp"

#include <ringlet/core/scope.hpp>
#include <ringlet/net/tcp.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace net_socket_invariants_test {

using namespace ringlet;
using namespace story;
using net::tcp_stream;
using testing::HasSubstr;

TEST(socket, invariant_1_each_request_ends_once) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        for (int round = 0; round < 20; ++round) {
            auto [a, b] = plain_pair();
            tcp_stream from(std::move(a)), to(std::move(b));
            const std::string sent = numbered_bytes(300'000);
            std::string got;
            const auto writer = spawn([&] { return write_and_finish(from, sent, sizes(90'000)); });
            const auto reader = spawn([&] { return read_to_end(to, got, sizes(100, 70'000)); });
            co_await laps(round);
            reader.kill();
            writer.kill();
            co_await reader.join();
            co_await writer.join();
        }
        co_await until_nothing_is_in_flight();
        EXPECT_EQ(kernel.asked, kernel.ended);
        EXPECT_EQ(kernel.in_flight(), 0u);
    });
}

TEST(socket, invariant_4_bytes_that_arrive_in_spite_of_an_abort_are_delivered_and_the_next_wait_fails) {
    for (const std::size_t size : {100u, 100'000u}) {
        on_this_machine([&](watched_kernel& kernel) -> task<> {
            one_end c;
            std::string got;
            const auto victim = spawn([&]() -> task<> {
                got = co_await read_some(*c.stream, size);
                co_await yield();
                ADD_FAILURE() << "the next wait must fail";
            });
            co_await laps(2);
            send_plainly(c.peer, "just in time");
            kernel.after_turn = [&] {
                kernel.after_turn = nullptr;
                victim.kill();
            };
            co_await victim.join();
            EXPECT_FALSE(victim.successful());
            EXPECT_EQ(got, "just in time");
        });
    }
}

TEST(socket, invariant_4_bytes_that_come_with_the_cancel_stay_for_the_next_reader) {
    for (const std::size_t size : {100u, 100'000u}) {
        on_this_machine([&]() -> task<> {
            one_end c;
            std::string got;
            const auto victim = spawn([&]() -> task<> { got = co_await read_some(*c.stream, size); });
            co_await laps(2);
            send_plainly(c.peer, "hello");
            victim.kill();
            co_await victim.join();
            send_plainly(c.peer, "!");
            while (got.size() < 6)
                got += co_await read_some(*c.stream);
            EXPECT_EQ(got, "hello!");
        });
    }
}

TEST(socket, invariant_5_a_killed_read_is_over_only_when_nobody_writes_into_its_buffer_any_more) {
    on_this_machine([]() -> task<> {
        one_end c;
        std::string buffer(100'000, '.');
        const auto victim = spawn([&]() -> task<> { co_await c.stream->read(room_in(buffer)); });
        co_await laps(2);
        victim.kill();
        EXPECT_FALSE(victim.ready()) << "killing is asking";
        co_await victim.join();
        send_plainly(c.peer, "late");
        co_await laps(5);
        EXPECT_EQ(buffer, std::string(100'000, '.')) << "written into after the read had ended";
        EXPECT_EQ(co_await read_some(*c.stream), "late");
    });
}

TEST(socket, invariant_5_a_killed_write_is_over_only_when_nobody_reads_its_buffer_any_more) {
    on_this_machine([]() -> task<> {
        one_end c;
        std::string much = numbered_bytes(4 << 20);
        const std::string copy = much;
        const auto victim = spawn([&]() -> task<> { co_await c.stream->write_all(bytes_of(much)); });
        co_await laps(3);
        victim.kill();
        co_await victim.join();
        much.assign(much.size(), '!');
        co_await c.stream->shutdown();
        std::string got;
        char piece[65536];
        for (ssize_t n; (n = ::recv(c.peer.get(), piece, sizeof piece, 0)) > 0; co_await yield())
            got.append(piece, static_cast<std::size_t>(n));
        EXPECT_FALSE(got.empty());
        EXPECT_TRUE(got == copy.substr(0, got.size())) << "sent from a buffer that was its owner's again";
    });
}

TEST(socket, invariant_6_a_cancel_reaches_no_request_that_came_after_it) {
    for (const std::size_t size : {100u, 100'000u}) {
        on_this_machine([&]() -> task<> {
            one_end c;
            scope* current = nullptr;
            std::string got;
            std::size_t cancelled = 0;
            // The next read lives at the very address of the one that was cancelled, and begins at once.
            const auto reader = spawn([&]() -> task<> {
                std::string buffer(size, '\0');
                while (got.size() < 3'000) {
                    scope here;
                    current = &here;
                    try {
                        got.append(buffer, 0, co_await c.stream->read(room_in(buffer)));
                    } catch (const canceled&) {
                        if (!here.ends_here())
                            throw;
                        ++cancelled;
                    }
                    current = nullptr;
                }
            });
            std::size_t sent = 0;
            for (std::size_t i = 0; !reader.ready(); ++i) {
                const bool first = i % 3 == 0;
                if (current != nullptr && first)
                    current->cancel();
                if (sent < 3'000 && i % 2 == 0)
                    send_plainly(c.peer, numbered_bytes(1, sent++));
                if (current != nullptr && !first)
                    current->cancel();
                if (i % 7 == 0)
                    co_await yield();
                co_await yield();
            }
            co_await reader.get();
            EXPECT_GT(cancelled, 500u);
            EXPECT_TRUE(got == numbered_bytes(3'000));
        });
    }
}

TEST(socket, invariant_7_a_request_that_waits_for_its_turn_of_the_kernel_keeps_its_descriptor) {
    for (const std::size_t size : {100u, 100'000u}) {
        on_this_machine([&]() -> task<> {
            one_end c;
            const auto reader = spawn([&] { return error_from(read_some(*c.stream, size)); });
            co_await yield();  // now its request is pushed, and not submitted
            c.stream->close();
            auto somebody_else = plain_pair();  // would get the number
            send_plainly(somebody_else.first, "private");
            send_plainly(somebody_else.second, "private");
            EXPECT_THAT(co_await reader.get(), HasSubstr("it was closed here"));
            char text[7];
            EXPECT_EQ(::recv(somebody_else.first.get(), text, 7, MSG_DONTWAIT), 7);
            EXPECT_EQ(::recv(somebody_else.second.get(), text, 7, MSG_DONTWAIT), 7);
        });
    }
    on_this_machine([]() -> task<> {
        one_end c;
        const auto writer = spawn([&] { return error_from(write_text(*c.stream, "private")); });
        co_await yield();
        c.stream.reset();
        auto somebody_else = plain_pair();
        (void)co_await writer.get();
        char text[7];
        EXPECT_EQ(::recv(somebody_else.first.get(), text, 7, MSG_DONTWAIT), -1);
        EXPECT_EQ(::recv(somebody_else.second.get(), text, 7, MSG_DONTWAIT), -1);
    });
}

TEST(socket, invariant_7_whoever_is_told_of_a_close_finds_the_descriptor_closed) {
    for (const std::size_t size : {100u, 100'000u}) {
        for (const unsigned late : {unsigned(IORING_OP_RECV), unsigned(IORING_OP_SEND)}) {
            on_this_machine([&](watched_kernel& kernel) -> task<> {
                one_end c;
                const int number = c.stream->native_handle();
                const std::string much(4 << 20, 'x');
                std::vector<int> open_when_told;
                const auto note = [&](auto wait) -> task<> {
                    (void)co_await error_from(std::move(wait));
                    open_when_told.push_back(::fcntl(number, F_GETFD) != -1);
                };
                const auto reader = spawn([&] { return note(read_some(*c.stream, size)); });
                const auto one = spawn([&] { return note(c.stream->write_all(bytes_of(much))); });
                const auto other = spawn([&] { return note(c.stream->write_all(bytes_of(much))); });
                co_await laps(4);
                kernel.delay = [late](unsigned opcode, int) { return opcode == late ? 5U : 0U; };
                c.stream->close();
                EXPECT_NE(::fcntl(number, F_GETFD), -1) << "closed under a request in flight";
                co_await reader.get();
                co_await one.get();
                co_await other.get();
                EXPECT_EQ(open_when_told, (std::vector<int>{0, 0, 0}));
            });
        }
    }
}

TEST(socket, invariant_7_whoever_gives_up_while_the_close_is_under_way_leaves_it_in_order) {
    for (const std::size_t size : {100u, 100'000u}) {
        on_this_machine([&](watched_kernel& kernel) -> task<> {
            one_end c;
            const std::string much(4 << 20, 'x');
            kernel.delay = [](unsigned opcode, int) { return opcode == IORING_OP_RECV ? 5U : 0U; };
            const auto reader = spawn([&]() -> task<> { co_await read_some(*c.stream, size); });
            const auto one = spawn([&]() -> task<> { co_await c.stream->write_all(bytes_of(much)); });
            const auto other = spawn([&]() -> task<> { co_await c.stream->write_all(bytes_of(much)); });
            co_await laps(4);
            c.stream.reset();
            co_await laps(2);  // the send has ended, the receive has not
            for (const auto& g : {reader, one, other})
                g.kill();
            for (const auto& g : {reader, one, other}) {
                co_await g.join();
                EXPECT_FALSE(g.exception());
                EXPECT_FALSE(g.successful()) << "nothing was read, and not all was sent";
            }
        });
    }
}

}  // namespace net_socket_invariants_test

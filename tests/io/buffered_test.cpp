// Reading by lines, delimiters and counts, in virtual time over a stream in memory: whole, in pieces of
// every size, up to the limit and past it, and cut short anywhere.

#include "support/interrupted_kernel.hpp"
#include "support/story.hpp"

#include <ringlet/core/timeout.hpp>
#include <ringlet/io/buffered.hpp>
#include <ringlet/io/memory_stream.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace io_buffered_test {

using namespace ringlet;
using io::buffered;
using io::bytes_of;
using io::memory_stream;
using story::in_virtual_time;
using testing::ElementsAre;
using testing::HasSubstr;

std::span<std::byte> room_in(std::string& text) { return std::as_writable_bytes(std::span(text)); }

/// Writes `text` in pieces of `size`, each in a lap of its own, and the end after it.
task<> trickle(memory_stream& to, std::string text, std::size_t size) {
    for (std::size_t at = 0; at < text.size(); at += size) {
        co_await to.write_all(bytes_of(std::string_view(text).substr(at, size)));
        co_await story::settle(2);
    }
    co_await to.shutdown();
}

/// Runs `story(buffered<memory_stream&>&)` on what a peer sends of `text` in pieces of `size`.
template <class Story>
void on_text(const std::string& text, std::size_t size, Story story) {
    in_virtual_time([&]() -> task<> {
        auto ends = io::duplex();
        const auto writer = spawn([&] { return trickle(ends.first, text, size); });
        buffered in(ends.second);
        static_assert(std::is_same_v<decltype(in), buffered<memory_stream&>>, "borrows an lvalue");
        co_await story(in);
        ends.second.close();
        co_await writer.join();
        (void)writer.exception();
    });
}

template <class X>
task<std::string> error_from(X x) {
    try {
        co_await std::move(x);
    } catch (const std::exception& e) {
        co_return e.what();
    }
    co_return "";
}

TEST(buffered, gives_lines_without_their_ends_however_they_arrive) {
    for (const std::size_t size : {1u, 2u, 3u, 5u, 1000u}) {
        on_text("one\r\ntwo\n\n\r\nlast", size, [](auto& in) -> task<> {
            std::vector<std::string> lines;
            while (auto line = co_await in.read_line())
                lines.push_back(*line);
            EXPECT_THAT(lines, ElementsAre("one", "two", "", "", "last"));
            const auto after_the_end = co_await in.read_line();
            EXPECT_FALSE(after_the_end);
        });
    }
}

TEST(buffered, a_lone_carriage_return_belongs_to_its_line) {
    on_text("a\rb\n\r", 1, [](auto& in) -> task<> {
        const auto first = co_await in.read_line();
        EXPECT_EQ(first, "a\rb");
        const auto second = co_await in.read_line();
        EXPECT_EQ(second, "\r");
    });
}

TEST(buffered, a_line_may_be_as_long_as_the_limit_and_not_longer) {
    for (const std::size_t size : {1u, 7u, 1000u}) {
        for (const std::string end : {"\n", "\r\n"}) {
            on_text("12345678" + end + "123456789" + end, size, [](auto& in) -> task<> {
                const auto line = co_await in.read_line(8);
                EXPECT_EQ(line, "12345678");
                EXPECT_EQ(co_await error_from(in.read_line(8)),
                          "read from memory:right: no end of line within 8 bytes: Message too long");
                EXPECT_TRUE(in.peek_text().starts_with("123456789")) << "what was received is still there";
                const auto again = co_await in.read_line(9);
                EXPECT_EQ(again, "123456789");
            });
        }
    }
}

TEST(buffered, a_peer_that_sends_no_end_of_line_costs_no_more_than_the_limit) {
    on_text(std::string(1'000'000, 'x'), 60'000, [](auto& in) -> task<> {
        EXPECT_THAT(co_await error_from(in.read_line(1'000)), HasSubstr("within 1000 bytes"));
        EXPECT_LE(in.unread(), 4'096u);
        EXPECT_THAT(co_await error_from(in.read_until("\r\n\r\n")), HasSubstr("no delimiter within 65536 bytes"));
        EXPECT_LE(in.unread(), 2u * 65'536);
    });
}

TEST(buffered, reads_until_a_delimiter_that_is_cut_anywhere) {
    for (std::size_t size = 1; size < 12; ++size) {
        on_text("GET /\r\n\r\n\r\r\n\r\nrest", size, [](auto& in) -> task<> {
            const std::string head = co_await in.read_until("\r\n\r\n");
            EXPECT_EQ(head, "GET /\r\n\r\n");
            const std::string next = co_await in.read_until("\r\n\r\n");
            EXPECT_EQ(next, "\r\r\n\r\n");
            EXPECT_EQ(co_await error_from(in.read_until("\r\n")),
                      "read from memory:right: the stream ended early: Connection reset by peer");
            EXPECT_EQ(in.peek_text(), "rest") << "what was received stays";
        });
    }
}

TEST(buffered, counts_the_delimiter_into_the_limit) {
    on_text("1234||1234||", 3, [](auto& in) -> task<> {
        const std::string text = co_await in.read_until("||", 6);
        EXPECT_EQ(text, "1234||");
        EXPECT_THAT(co_await error_from(in.read_until("||", 5)), HasSubstr("no delimiter within 5 bytes"));
    });
}

TEST(buffered, reads_exact_counts_across_its_buffer_and_the_stream) {
    std::string text;
    for (int i = 0; i < 100'000; ++i)
        text += static_cast<char>('a' + i * 7 % 26);
    for (const std::size_t size : {1'000u, 33'333u, 60'000u}) {
        on_text("line\n" + text + "tail", size, [&](auto& in) -> task<> {
            const auto line = co_await in.read_line();
            EXPECT_EQ(line, "line");
            std::string exact(text.size(), '\0');
            co_await in.read_exact(room_in(exact));
            EXPECT_TRUE(exact == text);
            std::string more(5, '\0');
            EXPECT_THAT(co_await error_from(in.read_exact(room_in(more))), HasSubstr("the stream ended early"));
        });
    }
}

TEST(buffered, is_a_stream_itself) {
    in_virtual_time([]() -> task<> {
        auto ends = io::duplex();
        buffered a(std::move(ends.first));
        static_assert(std::is_same_v<decltype(a), buffered<memory_stream>>, "owns an rvalue");
        io::any_stream b(buffered<memory_stream>(std::move(ends.second)));
        co_await a.write_all(bytes_of("through\nand on"));
        buffered in(b);
        const auto line = co_await in.read_line();
        EXPECT_EQ(line, "through");
        std::string rest(100, '\0');
        const std::size_t count = co_await in.read(room_in(rest));
        EXPECT_EQ(rest.substr(0, count), "and on");
        EXPECT_EQ(co_await in.read({}), 0u);
        co_await a.shutdown();
        EXPECT_EQ(co_await in.read(room_in(rest)), 0u);
        EXPECT_EQ(in.name(), "memory:right");
        in.close();
        EXPECT_THAT(co_await error_from(in.read_line()), HasSubstr("it was closed here"));
    });
}

TEST(buffered, shows_a_parser_what_is_there_and_takes_what_it_consumed) {
    on_text("abcdef", 2, [](auto& in) -> task<> {
        EXPECT_EQ(in.unread(), 0u);
        EXPECT_TRUE(co_await in.fill());
        EXPECT_EQ(in.peek_text(), "ab");
        in.consume(1);
        EXPECT_TRUE(co_await in.fill());
        EXPECT_EQ(in.peek_text(), "bcd");
        EXPECT_EQ(in.peek().size(), in.unread());
        EXPECT_THAT(co_await error_from(in.fill(3)), HasSubstr("no end within 3 bytes"));
        in.consume(3);
        EXPECT_TRUE(co_await in.fill());
        EXPECT_FALSE(co_await in.fill());
        EXPECT_EQ(in.peek_text(), "ef");
    });
}

TEST(buffered, holds_little_memory_while_it_waits_whatever_it_has_read_before) {
    in_virtual_time([]() -> task<> {
        // A stream that tells how much room it was given.
        struct spy {
            std::vector<std::size_t> rooms;
            std::size_t much = 0;
            task<std::size_t> read(std::span<std::byte> into) {
                rooms.push_back(into.size());
                const std::size_t count = std::min(into.size(), much);
                std::memset(into.data(), 'x', count);
                much -= count;
                co_return count;
            }
            task<> write_all(std::span<const std::byte>) { co_return; }
            task<> shutdown() { co_return; }
            void close() noexcept {}
            std::string name() const { return "spy"; }
        } stream;
        buffered in(stream);
        const auto drain = [&]() -> task<> {
            while (stream.much > 0) {
                co_await in.fill();
                in.consume(in.unread());
            }
        };
        stream.much = 200'000;
        co_await drain();
        EXPECT_EQ(stream.rooms.front(), 1'024u);
        EXPECT_EQ(*std::max_element(stream.rooms.begin(), stream.rooms.end()), 16u * 1'024) << "large while it flows";
        stream.rooms.clear();
        stream.much = 10;
        co_await drain();
        EXPECT_THAT(stream.rooms, ElementsAre(1'024u)) << "small while it waits";
    });
}

TEST(buffered, a_second_reader_is_refused_before_it_moves_the_buffer) {
    in_virtual_time([]() -> task<> {
        auto ends = io::duplex();
        buffered in(ends.second);
        const auto first = spawn(spawn_options().name("first"), [&] { return in.read_line(); });
        co_await yield();
        const auto second = spawn(spawn_options().name("second"), [&] { return error_from(in.read_line()); });
        EXPECT_EQ(co_await second.get(), "read from memory:right: second wants to read while first already does");
        co_await ends.first.write_all(bytes_of("for the first\n"));
        EXPECT_EQ(co_await first.get(), "for the first");
    });
}

TEST(buffered, a_timeout_loses_nothing) {
    in_virtual_time([]() -> task<> {
        auto ends = io::duplex();
        buffered in(ends.second);
        co_await ends.first.write_all(bytes_of("half a "));
        EXPECT_THAT(co_await error_from(with_timeout(1s, in.read_line())), HasSubstr("timed out after 1 s"));
        co_await ends.first.write_all(bytes_of("line\n"));
        const auto line = co_await in.read_line();
        EXPECT_EQ(line, "half a line");
    });
}

TEST(buffered, a_killed_reader_loses_no_byte_whenever_it_dies) {
    std::size_t blows = 0;
    for (std::size_t turn = 1;; ++turn) {
        bool struck = false;
        for (const bool before : {true, false}) {
            auto k = std::make_unique<story::interrupted_kernel>(io::make_virtual_time(), turn, before);
            auto& kernel = *k;
            run(std::move(k), [&]() -> task<> {
                auto ends = io::duplex(1'000);
                std::string sent;
                for (int i = 0; i < 400; ++i)
                    sent += std::to_string(i) + "\n";
                const auto writer = spawn([&] { return trickle(ends.first, sent, 7); });
                buffered in(ends.second);
                std::string got;
                const auto read = [&]() -> task<> {
                    while (auto line = co_await in.read_line())
                        got += *line + "\n";
                };
                const auto victim = spawn(read);
                kernel.strike = [&] {
                    struck |= !victim.ready();
                    victim.kill();
                };
                co_await victim.join();
                kernel.strike = nullptr;
                if (!victim.successful())
                    co_await read();
                EXPECT_TRUE(got == sent) << "killed at turn " << turn;
                co_await writer.get();
            });
            blows += struck;
        }
        if (!struck || HasFailure())
            break;
    }
    EXPECT_GT(blows, 100u);
}

}  // namespace io_buffered_test

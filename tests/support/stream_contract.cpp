#include "stream_contract.hpp"

#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

namespace story {

std::string kind_name(const testing::TestParamInfo<stream_kind>& kind) { return kind.param.name; }

TEST_P(stream_contract, bytes_arrive_in_order_and_whole) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        const std::string sent = numbered_bytes(1 << 20);
        std::string got;
        const auto writer = spawn([&] { return write_and_finish(a, sent, sizes(1, 100'000, 17, 4096, 250'000)); });
        co_await read_to_end(b, got, sizes(1, 5000, 100, 200'000, 65536, 3));
        co_await writer.get();
        EXPECT_EQ(got.size(), sent.size());
        EXPECT_TRUE(got == sent);
    });
}

TEST_P(stream_contract, what_comes_is_received_whole_in_whatever_buffer_it_came) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        EXPECT_FALSE(
            co_await ringlet::as_result(ringlet::with_timeout(std::chrono::milliseconds(1), b.stream.receive(100))))
            << "nothing came";
        const std::string sent = numbered_bytes(300'000);
        std::string got;
        const auto writer = spawn([&] { return write_and_finish(a, sent, sizes(1, 100'000, 17, 4096)); });
        for (;;) {
            const ringlet::io::received some = co_await b.stream.receive(100);
            if (some.empty())
                break;
            EXPECT_LE(some.size(), ringlet::io::buffer_lender::size);
            got.append(reinterpret_cast<const char*>(some.bytes().data()), some.size());
        }
        co_await writer.get();
        EXPECT_TRUE(got == sent);
        EXPECT_TRUE((co_await b.stream.receive(100)).empty()) << "the end comes again";
        b.close();
        EXPECT_FALSE(
            co_await ringlet::as_result(ringlet::with_timeout(std::chrono::seconds(1), b.stream.receive(100))));
    });
}

TEST_P(stream_contract, whoever_receives_and_offers_no_room_waits_for_a_byte_all_the_same) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        std::string got;
        const auto receive_more = [&b, &got]() -> task<bool> {
            const ringlet::io::received some = co_await b.stream.receive(0);
            got.append(reinterpret_cast<const char*>(some.bytes().data()), some.size());
            co_return !some.empty();
        };
        const auto first = spawn(receive_more);
        co_await laps(3);
        EXPECT_FALSE(first.ready()) << "nothing came";
        co_await write_text(a, "few words");
        EXPECT_TRUE(co_await first.get()) << "it looked like the end";
        for (bool more = true; more && got.size() < 9;)
            more = co_await receive_more();
        EXPECT_EQ(got, "few words");
        co_await a.shutdown();
        EXPECT_FALSE(co_await receive_more());
    });
}

TEST_P(stream_contract, both_directions_flow_at_once) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        const std::string sent = numbered_bytes(600'000);
        std::string to_a, to_b;
        const auto one = spawn([&] { return write_and_finish(a, sent, sizes(60'000)); });
        const auto other = spawn([&] { return write_and_finish(b, sent, sizes(7'000)); });
        const auto reader = spawn([&] { return read_to_end(a, to_a); });
        co_await read_to_end(b, to_b);
        co_await reader.get();
        co_await one.get();
        co_await other.get();
        EXPECT_TRUE(to_a == sent);
        EXPECT_TRUE(to_b == sent);
    });
}

TEST_P(stream_contract, the_end_comes_after_what_was_sent_and_comes_again) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        co_await write_text(a, "last words");
        co_await a.shutdown();
        EXPECT_EQ(co_await read_count(b, 10), "last words");
        EXPECT_EQ(co_await read_some(b), "");
        EXPECT_EQ(co_await read_some(b), "");
    });
}

TEST_P(stream_contract, the_end_wakes_who_waits_for_bytes) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        const auto small = spawn([&b] { return read_some(b); });
        co_await laps(3);
        co_await a.shutdown();
        EXPECT_EQ(co_await small.get(), "");
    });
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        const auto large = spawn([&b] { return read_some(b, 100'000); });
        co_await laps(3);
        co_await a.shutdown();
        EXPECT_EQ(co_await large.get(), "");
    });
}

TEST_P(stream_contract, after_a_shutdown_the_other_direction_goes_on) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        co_await a.shutdown();
        EXPECT_EQ(co_await read_some(b), "");
        co_await write_text(b, "still here");
        EXPECT_EQ(co_await read_count(a, 10), "still here");
        EXPECT_THAT(co_await error_from(write_text(a, "x")),
                    testing::StartsWith("write to " + std::string(a.name()) + ": "));
    });
}

TEST_P(stream_contract, read_exact_that_meets_the_end_says_so) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        co_await write_text(a, "abc");
        co_await a.shutdown();
        EXPECT_EQ(co_await error_from(read_count(b, 4)),
                  "read from " + std::string(b.name()) + ": the stream ended early: Connection reset by peer");
    });
}

TEST_P(stream_contract, a_lost_connection_is_an_error_or_the_end_and_never_a_hang) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        co_await write_text(b, "unread");
        const auto reader = spawn([&b] { return error_from(read_some(b)); });
        co_await laps(3);
        a.reset();
        const std::string error = co_await reader.get();
        if (GetParam().tells_resets) {
            EXPECT_EQ(error, "read from " + std::string(b.name()) + ": Connection reset by peer");
        }
        std::error_code failed;
        for (int i = 0; i < 100 && !failed; ++i) {
            const auto written = co_await as_result(b.write_all(bytes_of("anybody?")));
            failed = written.error();
            co_await yield();
        }
        EXPECT_TRUE(failed == std::errc::broken_pipe || failed == std::errc::connection_reset) << failed;
    });
}

TEST_P(stream_contract, a_writer_who_waits_for_a_peer_that_goes_gets_an_error) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        const std::string much(8 << 20, 'x');
        const auto writer = spawn([&a, &much] { return error_from(a.write_all(bytes_of(much))); });
        co_await laps(20);
        EXPECT_FALSE(writer.ready()) << "8 MiB fit somewhere";
        b.close();
        const std::string error = co_await writer.get();
        EXPECT_THAT(error, testing::AllOf(testing::StartsWith("write to " + std::string(a.name()) + ": "),
                                          testing::AnyOf(testing::HasSubstr("Broken pipe"),
                                                         testing::HasSubstr("Connection reset by peer"))));
    });
}

TEST_P(stream_contract, a_slow_reader_holds_the_writer_back) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        constexpr std::size_t total = 50 << 20;
        std::size_t written = 0, read = 0, most = 0;
        const auto writer = spawn([&]() -> task<> {
            const std::string piece(64 * 1024, 'x');
            for (; written < total; written += piece.size())
                co_await a.write_all(bytes_of(piece));
            co_await a.shutdown();
        });
        std::string buffer(32 * 1024, '\0');
        for (int i = 0;; ++i) {
            const std::size_t count = co_await b.read(room_in(buffer));
            if (count == 0)
                break;
            read += count;
            most = std::max(most, written - std::min(read, written));
            if (i < 200)
                co_await laps(5);
        }
        co_await writer.get();
        EXPECT_EQ(read, total);
        EXPECT_LE(most, std::size_t(4 << 20)) << "this much was on the way at once";
    });
}

TEST_P(stream_contract, a_second_reader_is_refused_by_an_error_that_names_both) {
    for (const std::size_t size : {100u, 100'000u}) {
        on_this_machine([&]() -> task<> {
            auto [a, b] = co_await GetParam().make();
            const auto first =
                spawn(ringlet::spawn_options().name("first"), [&b, size] { return read_some(b, size); });
            co_await laps(2);
            const auto second =
                spawn(ringlet::spawn_options().name("second"), [&b] { return error_from(read_some(b)); });
            EXPECT_EQ(co_await second.get(),
                      "read from " + std::string(b.name()) + ": second wants to read while first already does");
            co_await write_text(a, "for the first");
            const std::string begin = co_await first.get();
            EXPECT_EQ(begin + co_await read_count(b, 13 - begin.size()), "for the first")
                << "the first is undisturbed";
        });
    }
}

TEST_P(stream_contract, several_writers_take_turns_in_the_order_of_asking) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        constexpr std::size_t each = 300'000;
        std::string expected;
        std::vector<greenlet<>> writers;
        for (const char letter : {'a', 'b', 'c', 'd'}) {
            expected.append(each, letter);
            writers.push_back(spawn([&a, letter] { return write_text(a, std::string(each, letter)); }));
        }
        std::string got;
        const auto reader = spawn([&b, &got] { return read_to_end(b, got); });
        for (const auto& g : writers)
            co_await g.get();
        co_await a.shutdown();
        co_await reader.get();
        EXPECT_TRUE(got == expected);
    });
}

TEST_P(stream_contract, a_writer_who_gives_up_before_its_turn_sends_nothing) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        constexpr std::size_t each = 4'000'000;
        const auto first = spawn([&a] { return write_text(a, std::string(each, '1')); });
        const auto second = spawn([&a] { return write_text(a, std::string(each, '2')); });
        const auto third = spawn([&a] { return write_text(a, std::string(each, '3')); });
        co_await laps(3);
        second.kill();
        co_await second.join();
        std::string got;
        const auto reader = spawn([&b, &got] { return read_to_end(b, got, sizes(100'000)); });
        co_await first.get();
        co_await third.get();
        co_await a.shutdown();
        co_await reader.get();
        EXPECT_TRUE(got == std::string(each, '1') + std::string(each, '3'));
    });
}

TEST_P(stream_contract, close_wakes_everybody_with_an_error_that_says_so) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        const std::string much(8 << 20, 'x');
        const auto reader = spawn([&a] { return error_from(read_some(a)); });
        std::vector<greenlet<std::string>> writers;
        for (int i = 0; i < 3; ++i)
            writers.push_back(spawn([&a, &much] { return error_from(a.write_all(bytes_of(much))); }));
        co_await laps(5);
        a.close();
        const std::string says = ": it was closed here: Operation canceled";
        EXPECT_THAT(co_await reader.get(),
                    testing::AllOf(testing::StartsWith("read from "), testing::EndsWith(says)));
        for (const auto& g : writers)
            EXPECT_THAT(co_await g.get(), testing::AllOf(testing::StartsWith("write to "), testing::EndsWith(says)));
    });
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        const auto large = spawn([&a] { return error_from(read_some(a, 100'000)); });
        co_await laps(2);
        a.close();
        EXPECT_THAT(co_await large.get(), testing::HasSubstr("it was closed here"));
    });
}

TEST_P(stream_contract, what_is_closed_stays_closed) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        co_await write_text(b, "unread");
        const std::string some = co_await read_some(a, 2);
        EXPECT_FALSE(some.empty());
        a.close();
        a.close();
        EXPECT_THAT(co_await error_from(read_some(a)), testing::HasSubstr("it was closed here"));
        EXPECT_THAT(co_await error_from(write_text(a, "x")), testing::HasSubstr("it was closed here"));
        const auto refused = co_await as_result(a.read({}));
        EXPECT_EQ(refused.error(), std::errc::operation_canceled);
    });
}

TEST_P(stream_contract, a_stream_may_be_destroyed_while_somebody_reads_and_writes) {
    if (GetParam().stays_put)
        GTEST_SKIP() << "this kind must stay where it is";
    for (const std::size_t size : {100u, 100'000u}) {
        on_this_machine([&]() -> task<> {
            auto [a, b] = co_await GetParam().make();
            const std::string much(8 << 20, 'x');
            const auto reader = spawn([&a, size] { return error_from(read_some(a, size)); });
            const auto writer = spawn([&a, &much] { return error_from(a.write_all(bytes_of(much))); });
            co_await laps(5);
            a.destroy();
            EXPECT_THAT(co_await reader.get(), testing::HasSubstr("it was closed here"));
            EXPECT_THAT(co_await writer.get(), testing::HasSubstr("it was closed here"));
        });
    }
}

TEST_P(stream_contract, a_stream_may_be_moved_while_somebody_reads_and_writes) {
    if (GetParam().stays_put)
        GTEST_SKIP() << "this kind must stay where it is";
    for (const std::size_t size : {100u, 100'000u}) {
        on_this_machine([&]() -> task<> {
            auto [a, b] = co_await GetParam().make();
            const std::string much = numbered_bytes(4 << 20);
            const auto reader = spawn([&a, size] { return read_some(a, size); });
            const auto writer = spawn([&a, &much] { return error_from(a.write_all(bytes_of(much))); });
            co_await laps(5);
            a.move();
            co_await write_text(b, "hello");
            const std::string begin = co_await reader.get();
            EXPECT_EQ(begin + co_await read_count(a, 5 - begin.size()), "hello");
            std::string got;
            const auto drain = spawn([&b, &got] { return read_to_end(b, got, sizes(100'000)); });
            EXPECT_EQ(co_await writer.get(), "");
            co_await a.shutdown();
            co_await drain.get();
            EXPECT_TRUE(got == much);
        });
    }
}

TEST_P(stream_contract, nothing_to_read_or_write_takes_no_time) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        EXPECT_EQ(co_await a.read({}), 0u);
        co_await a.write_all({});
        co_await write_text(b, "x");
        EXPECT_EQ(co_await a.read({}), 0u);
        EXPECT_EQ(co_await read_some(a), "x");
    });
}

TEST_P(stream_contract, a_read_that_timed_out_loses_nothing) {
    for (const std::size_t size : {100u, 100'000u}) {
        on_this_machine([&](watched_kernel& kernel) -> task<> {
            kernel.hurried = true;
            auto [a, b] = co_await GetParam().make();
            for (int i = 0; i < 3; ++i) {
                EXPECT_THAT(co_await error_from(ringlet::with_timeout(std::chrono::seconds(1), read_some(b, size))),
                            testing::HasSubstr("timed out after 1 s"));
                co_await write_text(a, "late");
                EXPECT_EQ(co_await read_count(b, 4), "late");
            }
        });
    }
}

TEST_P(stream_contract, as_result_gives_errors_as_values) {
    on_this_machine([]() -> task<> {
        auto [a, b] = co_await GetParam().make();
        std::string buffer(10, '\0');
        co_await write_text(b, "four");
        const auto count = co_await as_result(a.read(room_in(buffer)));
        EXPECT_GE(count.value(), 1u);
        a.close();
        const auto read = co_await as_result(a.read(room_in(buffer)));
        EXPECT_EQ(read.error(), std::errc::operation_canceled);
        const auto written = co_await as_result(a.write_all(bytes_of("x")));
        EXPECT_EQ(written.error(), std::errc::operation_canceled);
    });
}

TEST_P(stream_contract, its_own_type_is_the_same_stream) { on_this_machine(GetParam().plainly); }

TEST_P(stream_contract, a_killed_reader_loses_no_byte_whenever_it_dies) {
    const std::string sent = numbered_bytes(500'000);
    const std::size_t blows = kill_at_every_turn([&](auto strike) -> task<> {
        auto [a, b] = co_await GetParam().make();
        std::string got;
        const auto writer = spawn([&a, &sent] { return write_and_finish(a, sent, sizes(3, 70'000, 500, 20'000)); });
        const sizes pieces(70'000, 10, 3'000, 100'000, 16'384);
        const auto victim = spawn([&b, &got, &pieces] { return read_to_end(b, got, pieces); });
        strike(victim);
        co_await victim.join();
        if (!victim.successful())
            co_await read_to_end(b, got);
        co_await writer.get();
        EXPECT_EQ(got.size(), sent.size());
        EXPECT_TRUE(got == sent);
    });
    EXPECT_GT(blows, 10u);
}

TEST_P(stream_contract, a_killed_writer_has_sent_a_beginning_whenever_it_dies) {
    const std::string sent = numbered_bytes(800'000);
    const std::size_t blows = kill_at_every_turn([&](auto strike) -> task<> {
        auto [a, b] = co_await GetParam().make();
        std::string got;
        const auto victim = spawn([&a, &sent] { return write_and_finish(a, sent, sizes(3, 300'000, 60'000)); });
        strike(victim);
        const auto reader = spawn([&b, &got] { return read_to_end(b, got, sizes(100'000, 10'000)); });
        co_await victim.join();
        const bool whole = victim.successful();
        if (!whole)
            co_await a.shutdown();
        co_await reader.get();
        EXPECT_TRUE(got == sent.substr(0, got.size())) << "what arrived is not how it began";
        if (whole) {
            EXPECT_EQ(got.size(), sent.size());
        }
    });
    EXPECT_GT(blows, 10u);
}

TEST_P(stream_contract, whoever_dies_with_the_stream_leaves_nothing_behind) {
    const std::size_t blows = kill_at_every_turn([&](auto strike) -> task<> {
        auto ends = co_await GetParam().make();
        const auto victim = spawn(
            [](stream_end mine) -> task<> {
                co_await write_text(mine, "hello");
                EXPECT_EQ(co_await read_count(mine, 5), "hello");
                const auto echo = co_await read_count(mine, 100'000);
                co_await write_text(mine, echo);
                co_await mine.shutdown();
                EXPECT_EQ(co_await read_some(mine), "");
            },
            std::move(ends.first));
        strike(victim);
        auto& peer = ends.second;
        const auto other = spawn([&peer]() -> task<> {
            const auto talk = [](stream_end& s) -> task<> {
                EXPECT_EQ(co_await read_count(s, 5), "hello");
                co_await write_text(s, "hello" + std::string(100'000, 'x'));
                const std::string echo = co_await read_count(s, 100'000);
                co_await s.shutdown();
            };
            (void)co_await error_from(talk(peer));
        });
        co_await victim.join();
        co_await other.join();
    });
    EXPECT_GT(blows, 5u);
}

}  // namespace story

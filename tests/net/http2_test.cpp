// HTTP/2 between a client and a server at the two ends of a memory stream, in virtual time.
#include <ringlet/net/http2.hpp>

#include "support/machine.hpp"
#include "support/story.hpp"
#include "support/stream_stories.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/io/memory_stream.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace story {

using namespace ringlet;
using http::response;
using testing::HasSubstr;

/// A server that answers like this, and a client of it.
template <class Body>
task<> with_server(http2::handler answer, Body body, http2::options how = {}, std::size_t capacity = 64 * 1024) {
    auto [near, far] = io::duplex(capacity);
    const auto server = spawn(http2::serve, io::any_stream(std::move(far)), std::move(answer), how);
    {
        http2::client client(io::any_stream(std::move(near)));
        co_await body(client);
    }
    co_await server.join();
    if (const auto error = server.exception())
        std::rethrow_exception(error);
}

task<response> echo(http2::incoming& asked) {
    response said(
        200, std::string(asked.method()) + " " + std::string(asked.authority()) + std::string(asked.target()) + " ");
    said.body += co_await asked.read_all();
    said.fields.add("X-Was", asked.fields().get_or("x-is", "nothing"));
    co_return said;
}

task<response> get(http2::client& c, std::string target) {
    return c.fetch("GET", "https", "a.org", std::move(target));
}

TEST(http2, asks_and_answers) {
    in_virtual_time([]() -> task<> {
        const auto body = [](http2::client& c) -> task<> {
            const response got = co_await get(c, "/x?y");
            EXPECT_EQ(got.status, 200);
            EXPECT_EQ(got.body, "GET a.org/x?y ");
            http::fields fields;
            fields.add("X-Is", "something");
            fields.add("Connection", "close");
            auto asked = c.fetch("POST", "https", "a.org", "/", fields, "a body");
            const response posted = co_await std::move(asked);
            EXPECT_EQ(posted.body, "POST a.org/ a body");
            EXPECT_EQ(posted.fields.get("x-was"), "something");
            EXPECT_EQ(posted.fields.get("content-length"), "18");
        };
        co_await with_server(echo, body);
    });
}

TEST(http2, carries_many_at_once_and_answers_in_any_order) {
    in_virtual_time([]() -> task<> {
        const auto late_first = [](http2::incoming& asked) -> task<response> {
            const int number = std::stoi(std::string(asked.target().substr(1)));
            co_await sleep_for(1ms * (50 - number));
            co_return response(std::to_string(number));
        };
        const auto body = [](http2::client& c) -> task<> {
            std::vector<int> order;
            const auto one = [&](int number) -> task<> {
                const response got = co_await get(c, "/" + std::to_string(number));
                EXPECT_EQ(got.body, std::to_string(number));
                order.push_back(number);
            };
            std::vector<task<>> all_of_them;
            for (int i = 0; i < 50; ++i)
                all_of_them.push_back(one(i));
            co_await all(std::move(all_of_them));
            EXPECT_EQ(order.front(), 49);
            EXPECT_EQ(order.back(), 0);
        };
        co_await with_server(late_first, body);
    });
}

TEST(http2, lets_no_more_be_under_way_than_allowed) {
    in_virtual_time([]() -> task<> {
        int now = 0, most = 0;
        const auto counting = [&](http2::incoming&) -> task<response> {
            most = std::max(most, ++now);
            co_await sleep_for(1ms);
            --now;
            co_return response("done");
        };
        const auto body = [&](http2::client& c) -> task<> {
            (void)co_await get(c, "/");  // by now the client knows the limit
            std::vector<task<response>> asked;
            for (int i = 0; i < 20; ++i)
                asked.push_back(get(c, "/"));
            EXPECT_EQ((co_await all(std::move(asked))).size(), 20u);
            EXPECT_EQ(most, 3);
        };
        co_await with_server(counting, body, http2::options().streams(3));
    });
}

TEST(http2, carries_large_bodies_both_ways_in_pieces_of_any_size) {
    for (const std::size_t capacity : {1000U, 100'000U})
        in_virtual_time([&]() -> task<> {
            const auto body = [](http2::client& c) -> task<> {
                const std::string much = numbered_bytes(1'000'000);
                auto asked = c.fetch("PUT", "https", "a.org", "/", {}, much);
                const response got = co_await std::move(asked);
                EXPECT_EQ(got.body.size(), much.size() + 11);
                EXPECT_TRUE(got.body.ends_with(much));
            };
            co_await with_server(echo, body, {}, capacity);
        });
}

TEST(http2, a_body_that_nobody_reads_holds_up_nobody_else) {
    in_virtual_time([]() -> task<> {
        const auto sized = [](http2::incoming& asked) -> task<response> {
            co_return response(std::string(asked.target() == "/large" ? 5'000'000 : 10, 'x'));
        };
        const auto body = [](http2::client& c) -> task<> {
            auto asked = c.open("GET", "https", "a.org", "/large");
            http2::incoming large = co_await std::move(asked);
            for (int i = 0; i < 5; ++i)
                EXPECT_EQ((co_await get(c, "/small")).body.size(), 10u);
            EXPECT_EQ((co_await large.read_all()).size(), 5'000'000u);
            auto again = c.open("GET", "https", "a.org", "/large");
            http2::incoming refused = co_await std::move(again);
            EXPECT_THAT(co_await error_from(refused.read_all(1000)), HasSubstr("larger than 1000 bytes"));
            EXPECT_EQ((co_await get(c, "/small")).body.size(), 10u);
        };
        co_await with_server(sized, body);
    });
}

TEST(http2, a_request_that_is_given_up_has_its_handler_killed) {
    in_virtual_time([]() -> task<> {
        int ended = 0;
        const auto slow = [&](http2::incoming&) -> task<response> {
            struct at_end {
                int& count;
                ~at_end() { ++count; }
            } const guard{ended};
            co_await sleep_for(1h);
            co_return response("too late");
        };
        const auto body = [&](http2::client& c) -> task<> {
            EXPECT_THAT(co_await error_from(with_timeout(1s, get(c, "/"))), HasSubstr("timed out"));
            co_await sleep_for(1s);
            EXPECT_EQ(ended, 1);
            EXPECT_TRUE(c.usable());
        };
        co_await with_server(slow, body);
    });
}

TEST(http2, a_handler_that_fails_answers_500_and_one_that_answers_early_needs_no_more) {
    in_virtual_time([]() -> task<> {
        const auto failing = [](http2::incoming& asked) -> task<response> {
            if (asked.method() == "GET")
                throw std::runtime_error("no");
            co_return response(413, "enough");
        };
        const auto body = [](http2::client& c) -> task<> {
            EXPECT_EQ((co_await get(c, "/")).status, 500);
            auto asked = c.fetch("PUT", "https", "a.org", "/", {}, std::string(1'000'000, 'x'));
            const response got = co_await std::move(asked);
            EXPECT_EQ(got.status, 413);
            EXPECT_EQ(got.body, "enough");
        };
        co_await with_server(failing, body);
    });
}

TEST(http2, a_lost_connection_is_an_error_for_everybody) {
    in_virtual_time([]() -> task<> {
        auto [near, far] = io::duplex();
        http2::client c(io::any_stream(std::move(near)));
        const auto first = spawn([&] { return error_from(get(c, "/1")); });
        const auto second = spawn([&] { return error_from(get(c, "/2")); });
        co_await settle();
        far.close();
        EXPECT_THAT(co_await first.get(), HasSubstr("memory:left"));
        EXPECT_THAT(co_await second.get(), HasSubstr("memory:left"));
        EXPECT_FALSE(c.usable());
        EXPECT_NE(co_await error_from(get(c, "/3")), "");
    });
}

std::string served(std::string bytes, http2::options how = {}) {
    std::string got;
    in_virtual_time([&]() -> task<> {
        auto [peer, here] = io::duplex(1 << 20);
        const auto server = spawn(http2::serve, io::any_stream(std::move(here)), http2::handler(echo), how);
        co_await write_text(peer, std::move(bytes));
        try {
            co_await read_to_end(peer, got);
        } catch (const std::system_error&) {}
        co_await server.join();
    });
    return got;
}

TEST(http2, nonsense_ends_the_connection) {
    const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
    (void)served("GET / HTTP/1.1\r\n\r\n");
    (void)served(preface + numbered_bytes(100'000));
    EXPECT_THAT(served(preface + std::string("\xff\xff\xff\0\0\0\0\0\1", 9)), HasSubstr("\7\0\0\0\0\0")) << "GOAWAY";
}

/// CVE-2023-44487: streams that are opened and reset as fast as they can be.
TEST(http2, a_peer_that_resets_for_ever_is_sent_away) {
    std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
    for (int i = 0; i < 1000; ++i) {
        const int id = 2 * i + 1;
        const std::string stream{'\0', '\0', static_cast<char>(id >> 8), static_cast<char>(id & 0xff)};
        // :method GET, :scheme https, :path /, from the static table
        bytes += std::string("\0\0\3\1\5", 5) + stream + "\x82\x87\x84";
        bytes += std::string("\0\0\4\3\0", 5) + stream + std::string("\0\0\0\x08", 4);
    }
    EXPECT_THAT(served(bytes), HasSubstr(std::string("\0\0\0\x0b", 4))) << "GOAWAY, ENHANCE_YOUR_CALM";
}

TEST(http2, a_silent_peer_is_not_waited_for) {
    const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
    EXPECT_NE(served(preface), "") << "and the test ends, in virtual time";
    // A request that never becomes whole.
    EXPECT_NE(served(preface + std::string("\0\0\3\1\4\0\0\0\1", 9) + "\x82\x87\x84"), "");
}

TEST(http2, leaves_nothing_behind_whenever_it_is_killed) {
    const std::size_t moments = sweep([]() -> task<> {
        auto [near, far] = io::duplex(300);
        http2::client c(io::any_stream(std::move(near)));
        auto serving = http2::serve(io::any_stream(std::move(far)), http2::handler(echo));
        const auto ask = [&]() -> task<> {
            auto asked = c.fetch("PUT", "https", "a.org", "/", {}, std::string(3000, 'x'));
            EXPECT_EQ((co_await std::move(asked)).status, 200);
            c.close();
        };
        auto both = all(std::move(serving), ask());
        co_await std::move(both);
    });
    EXPECT_GT(moments, 5u);
}

}  // namespace story

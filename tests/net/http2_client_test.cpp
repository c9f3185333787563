// http::client with a server that says frames of the story's own making, in virtual time.

#include "support/client_world.hpp"
#include "support/http2_frames.hpp"
#include "support/stream_stories.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

namespace net_http2_client_test {

using namespace story;
using namespace ringlet;
using testing::HasSubstr;

const std::string ok_head = h2::frame(h2::headers, h2::end_headers, 1, "\x88");
const std::string ok_end = h2::frame(h2::data, h2::end_stream, 1, "hello");

/// What a client makes of a connection on which this is said after its request; and how many it made.
struct outcome {
    std::string said;
    std::size_t connections = 0;
};
outcome ask(const std::string& method, std::vector<std::string> texts) {
    return in_virtual_time([&]() -> task<outcome> {
        http::client_options o;
        o.limits.body = 1000;
        world w(by_http2(o));
        const auto serving = spawn([&]() -> task<> {
            for (const std::string& text : texts) {
                auto end = co_await w.accept();
                co_await say(end, h2::server_begins);
                std::string heard;
                while (heard.find("\x84") == heard.npos) {  // ":path: /"
                    std::string some = co_await read_some(end);
                    if (some.empty())
                        break;
                    heard += some;
                }
                co_await say(end, text);
                co_await end.shutdown();
                std::string rest;
                co_await read_to_end(end, rest);
            }
        });
        outcome came;
        try {
            const http::reply r = co_await w.client.fetch(method, "http://h/");
            came.said = std::to_string(r.status) + " " + r.body;
        } catch (const http::request_error& e) {
            came.said = e.what();
        }
        came.connections = w.connections;
        serving.kill();
        co_await serving.join();
        co_return came;
    });
}

TEST(http2_client, answers_are_judged) {
    using namespace h2;
    const std::string fields = frame(headers, end_headers, 1, "\x88" + block({{"content-length", "7"}}));
    EXPECT_EQ(ask("GET", {ok_head + ok_end}).said, "200 hello");
    EXPECT_EQ(ask("GET", {frame(headers, end_headers, 1, block({{":status", "103"}})) + ok_head + ok_end}).said,
              "200 hello");
    EXPECT_EQ(
        ask("HEAD", {frame(headers, end_headers | end_stream, 1, "\x88" + block({{"content-length", "7000"}}))}).said,
        "200 ");
    EXPECT_THAT(ask("POST", {fields + ok_end}).said, HasSubstr("PROTOCOL_ERROR")) << "two bytes are missing";
    EXPECT_THAT(ask("GET", {frame(headers, end_headers, 1, "\x88" + block({{"Bad", "x"}}))}).said,
                HasSubstr("GET http://h/: "));
    EXPECT_THAT(ask("GET", {ok_head + frame(data, end_stream, 1, std::string(2000, 'x'))}).said, HasSubstr("body"));
    std::vector<std::pair<std::string, std::string>> many;
    for (int i = 0; i < 1001; ++i)
        many.emplace_back("x" + std::to_string(i), "y");
    EXPECT_THAT(
        ask("POST", {ok_head + frame(data, 0, 1, "hel") + frame(headers, end_headers | end_stream, 1, block(many))})
            .said,
        HasSubstr("more header fields than the limit"))
        << "trailers";
    EXPECT_THAT(ask("POST", {ok_head + frame(data, 0, 1, "hel")}).said, HasSubstr("the connection ended"));
    EXPECT_THAT(ask("POST", {frame(reset, 0, 1, number(2))}).said, HasSubstr("the stream was reset: INTERNAL_ERROR"));
    EXPECT_THAT(ask("POST", {std::string("\xff\xff\xff\0\0\0\0\0\1", 9)}).said, HasSubstr("http/2 with memory:left"));
    EXPECT_THAT(ask("POST", {"HTTP/1.1 200 OK\r\n\r\n"}).said, HasSubstr("http/2 with memory:left"));
    EXPECT_THAT(ask("POST", {""}).said, HasSubstr("the connection ended"));
}

TEST(http2_client, a_server_that_only_ever_says_that_an_answer_will_come_is_left) {
    using namespace h2;
    const std::string hint = frame(headers, end_headers, 1, block({{":status", "103"}}));
    const auto after_hints = [&](std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i)
            text += hint;
        return ask("POST", {text + ok_head + ok_end}).said;
    };
    const std::size_t most = http::limits().interim_responses;
    EXPECT_EQ(after_hints(most), "200 hello");
    EXPECT_THAT(after_hints(most + 1), HasSubstr("more 1xx responses than the limit"));
}

TEST(http2_client, what_the_server_did_not_touch_is_sent_again_whatever_it_is) {
    using namespace h2;
    const std::string refused = frame(reset, 0, 1, number(7));
    const std::string gone = frame(goaway, 0, 0, number(0) + number(0));
    for (const std::string& no : {refused, gone}) {
        const outcome came = ask("POST", {no, ok_head + ok_end});
        EXPECT_EQ(came.said, "200 hello");
        EXPECT_EQ(came.connections, 2u);
    }
    EXPECT_THAT(ask("POST", {refused, refused, refused, refused, refused}).said, HasSubstr("REFUSED_STREAM"));
    EXPECT_EQ(ask("POST", {frame(goaway, 0, 0, number(1) + number(0)) + ok_head + ok_end}).said, "200 hello")
        << "this one it still answers";
}

TEST(http2_client, an_answer_that_comes_instead_of_room_for_a_small_body_is_heard) {
    using namespace h2;
    const std::string refused = "\x8d";  // 404
    for (const auto& [head, last] :
         {std::pair(std::string("\x88"), frame(reset, 0, 3, number(0))), {refused, std::string()}})
        in_virtual_time([&]() -> task<> {
            world w(by_http2());
            const auto serving = spawn([&]() -> task<> {
                auto end = co_await w.accept();
                co_await say(end,
                             frame(settings, 0, 0, std::string("\0\4", 2) + number(0)) + frame(settings, ack, 0));
                std::string heard;
                while (heard.find("\x84") == heard.npos)  // ":path: /"
                    heard += co_await read_some(end);
                co_await say(end, ok_head + ok_end);
                (void)co_await read_some(end);
                co_await sleep_for(1s);
                co_await say(
                    end, frame(headers, end_headers, 3, head) + frame(data, end_stream, 3, "no body, please") + last);
                co_await read_to_end(end, heard);
            });
            EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
            EXPECT_EQ((co_await w.client.post("http://h/", "a little")).body, "no body, please");
            EXPECT_EQ(w.connections, 1u);
            serving.kill();
            co_await serving.join();
        });
}

TEST(http2_client, a_connection_that_ended_while_idle_is_replaced) {
    for (const char* method : {"GET", "POST"})
        in_virtual_time([&]() -> task<> {
            world w(by_http2());
            const auto serving = spawn([&]() -> task<> {
                for (int i = 0; i < 2; ++i) {
                    auto end = co_await w.accept();
                    co_await say(end, h2::server_begins);
                    (void)co_await read_some(end);
                    co_await say(end, ok_head + ok_end);
                    co_await sleep_for(1s);
                }
            });
            for (int i = 0; i < 2; ++i) {
                EXPECT_EQ((co_await w.client.fetch(method, "http://h/")).body, "hello");
                co_await sleep_for(2s);
            }
            EXPECT_EQ(w.connections, 2u);
            co_await serving.join();
        });
}

TEST(http2_client, many_that_cannot_connect_are_told_at_the_same_time) {
    in_virtual_time([]() -> task<> {
        http::client_options o = by_http2();
        o.connect = [](const net::url&) -> task<io::any_stream> {
            co_await sleep_for(1h);
            co_return io::any_stream();
        };
        http::client client(o);
        std::vector<task<std::string>> asked;
        for (int i = 0; i < 20; ++i)
            asked.push_back(error_from(client.get("http://h/")));
        const time_point start = loop::current().now();
        for (const std::string& error : co_await all(std::move(asked)))
            EXPECT_THAT(error, HasSubstr("timed out after 10 s"));
        EXPECT_EQ(since(start), "20 s") << "one alone, and then all the others";
        EXPECT_EQ(client.in_use(), 0u);
    });
}

TEST(http2_client, who_has_what_it_waited_for_leaves_the_reading_to_others) {
    using namespace h2;
    in_virtual_time([]() -> task<> {
        world w(by_http2({}));
        const auto serving = spawn([&]() -> task<> {
            auto end = co_await w.accept();
            co_await say(end, server_begins);
            co_await sleep_for(1s);  // all have asked
            co_await say(end, ok_head + frame(headers, end_headers, 5, "\x88"));
            co_await sleep_for(1s);
            co_await say(end, frame(headers, end_headers, 3, "\x88") + frame(data, end_stream, 3, "hello"));
            std::string rest;
            co_await read_to_end(end, rest);
        });
        const auto hold = [&]() -> task<> {
            const auto in = co_await w.client.open("GET", "http://h/");
            co_await sleep_for(1h);
        };
        const auto first = spawn(hold);
        co_await sleep_for(100ms);
        const auto waiting =
            spawn([&]() -> task<std::string> { co_return (co_await w.client.get("http://h/")).body; });
        co_await sleep_for(100ms);
        const auto third = spawn(hold);
        const std::string body = co_await with_timeout(10s, waiting.get());
        EXPECT_EQ(body, "hello");
        for (const auto& each : {first, third, serving}) {
            each.kill();
            co_await each.join();
        }
    });
}

/// The connection has failed, but another exchange keeps it, and what was on its way goes on leaving.
TEST(http2_client, nothing_more_is_taken_from_an_upload_whose_connection_has_ended) {
    using namespace h2;
    in_virtual_time([]() -> task<> {
        world w(by_http2({}));
        ringlet::event uploading, failed;
        const auto serving = spawn([&]() -> task<> {
            auto end = co_await w.accept();
            const std::string wide = frame(settings, 0, 0, std::string("\0\4", 2) + number(1 << 20)) +
                                     frame(settings, ack, 0) + frame(window, 0, 0, number(1 << 20));
            co_await say(end, wide + ok_head);
            co_await uploading.wait();
            co_await end.shutdown();
            co_await failed.wait();
            std::string rest;
            co_await read_to_end(end, rest);
            EXPECT_THAT(rest, HasSubstr(frame(reset, 0, 3, number(2))));
        });
        {
            const auto held = co_await w.client.open("GET", "http://h/");
            const auto upload = spawn([&]() -> task<std::string> {
                http::request_options o;
                o.body = std::string(1 << 20, 'x');
                try {
                    co_await w.client.fetch("POST", "http://h/", o);
                } catch (const http::request_error& e) {
                    co_return e.what();
                }
                co_return "";
            });
            co_await sleep_for(1s);
            uploading.set();
            EXPECT_THAT(co_await upload.get(), HasSubstr("the connection ended"));
            failed.set();
            co_await sleep_for(1s);
        }
        co_await serving.join();
        EXPECT_EQ(w.connections, 1u);
    });
}

}  // namespace net_http2_client_test

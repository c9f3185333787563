// Replies from odd, old and hostile servers: read as curl reads them, or refused with an error that says
// why. However the bytes are cut, and never with a hang or without bounds. What curl 7.88 does where we do
// something else stands beside the line.

#include "support/client_world.hpp"

#include <ringlet/net/http_server.hpp>

#include <gmock/gmock.h>

namespace net_http_odd_replies_test {

using namespace ringlet;
using story::in_virtual_time;
using story::world;

/// "200 body", or the error without the part that all of them have. In pieces of `step` bytes, the first of
/// `first`, with time for each to be read.
std::string told(const std::string& reply, std::size_t first, std::size_t step, const std::string& method = "GET") {
    return in_virtual_time([&]() -> task<std::string> {
        world w;
        const auto server = spawn([&]() -> task<> {
            auto end = co_await w.accept();
            (void)co_await story::hear(end);
            for (std::size_t at = 0, size = first; at < reply.size(); at += size, size = step) {
                auto said = co_await as_result(end.write_all(io::bytes_of(std::string_view(reply).substr(at, size))));
                if (!said)
                    co_return;
                co_await story::settle(4);
            }
            co_await end.shutdown();
        });
        std::string answer;
        try {
            const http::reply r = co_await w.client.fetch(method, "http://h/");
            answer = std::to_string(r.status) + " " + r.body;
            if (const auto folded = r.fields.get("x"))
                answer += " x=" + std::string(*folded);
        } catch (const http::request_error& e) {
            answer = std::string(e.what()).substr(method.size() + std::string_view(" http://h/: ").size());
        }
        answer += w.client.idle() > 0 ? " kept" : "";
        server.kill();
        co_await server.join();
        co_return answer;
    });
}

struct line {
    const char* reply;
    const char* means;  // a beginning
};

/// What does not depend on when the bytes come: not how much of a line was there when it was refused, nor
/// whether what follows the response was seen before its connection went back.
std::string verdict(std::string text, const std::string& whole) {
    if (const std::size_t quote = text.find('\''); quote != text.npos)
        text.erase(quote, text.rfind('\'') - quote);
    if (text.ends_with(" kept") && !whole.ends_with(" kept"))
        text.resize(text.size() - 5);
    return text;
}

void check_all(std::initializer_list<line> table, const std::string& method = "GET") {
    for (const auto& [reply, means] : table) {
        const std::string whole = told(reply, SIZE_MAX, 1, method);
        EXPECT_THAT(whole, testing::StartsWith(means)) << reply;
        EXPECT_EQ(verdict(told(reply, 1, 1, method), whole), verdict(whole, whole)) << "byte by byte: " << reply;
        for (std::size_t cut = 1; cut < std::string_view(reply).size(); ++cut)
            ASSERT_EQ(verdict(told(reply, cut, SIZE_MAX / 2, method), whole), verdict(whole, whole))
                << "cut at " << cut << ": " << reply;
    }
}

TEST(http_odd_replies, old_and_careless_servers_are_understood) {
    check_all({
        {"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "200 hello kept"},
        {"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "200 hello kept"},
        {"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello", "200 hello kept"},
        {"\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello kept"},
        {"HTTP/1.0 200 OK\r\n\r\nhello", "200 hello"},
        {"HTTP/1.1 200 OK\r\n\r\n", "200 "},
        {"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\nContent-Length: 5\r\n\r\nhello", "200 hello x=a b c kept"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
         "5\r\n\r\nhello",
         "200 hello kept"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", "200 hello"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "200 hello"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
         "200 hello"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n00\r\n\r\n", "200 hello kept"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n", "200 hello kept"},
        {"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "204  kept"},
        {"HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n", "304  kept"},
        {"HTTP/1.1 299 \xe4\xf6\r\nContent-Length: 0\r\n\r\n", "299  kept"},
        {"HTTP/1.1 301 Moved\r\nLocation:\r\nContent-Length: 5\r\n\r\nhello", "301 hello kept"},
        {"HTTP/1.1 200 OK\r\nServer\xff: x\r\nContent-Length: 5\r\n\r\nhello", "200 hello"},
    });
}

TEST(http_odd_replies, what_has_two_meanings_or_none_is_refused) {
    check_all({
        {"", "http response: connection closed before the first byte"},
        {"\r\n\r\n", "http response"},
        {"hello", "http response, line 1 'hello': not of the form"},  // curl too: HTTP/0.9 is off
        {"ICY 200 OK\r\n\r\n", "http response, line 1 'ICY 200 OK"},
        {"HTTP/1.1 OK\r\n\r\n", "http response, line 1"},
        {"HTTP/1.1 20\r\n\r\n", "http response, line 1"},
        {"HTTP/1.1 2000 OK\r\n\r\n", "http response, line 1"},
        {"HTTP/3.0 200 OK\r\n\r\n", "http response, line 1"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "http response"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "http response"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello", "http response"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello", "http response"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
         "http response, body after 5 of 6 bytes: connection closed"},
        {"HTTP/1.1 200 OK\r\nContent-Le", "http response, line 2"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
         "http response, body after 3 bytes: connection closed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
         "http response, body after 5 bytes: connection closed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
         "http response, body after 5 bytes"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "http response"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "http response"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: frobbed\r\n\r\nhello", "http response"},
        {"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\nhello", "http response"},
    });
}

TEST(http_odd_replies, a_head_may_be_as_large_as_curl_takes_it) {
    const std::string end = "Content-Length: 5\r\n\r\nhello", ok = "HTTP/1.1 200 OK\r\n";
    std::string many = ok;
    for (int i = 0; i < 900; ++i)
        many += "A: " + std::to_string(i) + "\r\n";
    EXPECT_EQ(told(many + end, SIZE_MAX, 1), "200 hello kept");
    const std::string long_one = "A: " + std::string(99'000, 'x') + "\r\n";
    EXPECT_EQ(told(ok + long_one + long_one + end, SIZE_MAX, 1), "200 hello kept");
}

TEST(http_odd_replies, an_answer_to_head_ends_with_its_head) {
    check_all(
        {
            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200  kept"},
            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200  kept"},
            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 "},
        },
        "HEAD");
}

TEST(http_odd_replies, what_is_said_unasked_is_no_answer_to_the_next_request) {
    const std::string late = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for (const std::string& unasked : {std::string("Error: idle for too long\r\n"), late, story::ok})
        in_virtual_time([&]() -> task<> {
            world w;
            const auto server = spawn([&]() -> task<> {
                auto end = co_await w.accept();
                (void)co_await story::hear(end);
                co_await story::say(end, story::ok);
                co_await sleep_for(1s);
                co_await story::say(end, unasked);
                auto again = co_await w.accept();
                (void)co_await story::hear(again);
                co_await story::say(again, story::ok);
            });
            EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
            co_await sleep_for(2s);
            EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
            EXPECT_EQ(w.connections, 2u);
            co_await server.join();
        });
}

/// Says `text` again and again, as long as the client listens.
std::pair<std::string, std::size_t> told_for_ever(const std::string& begin, const std::string& text) {
    return in_virtual_time([&]() -> task<std::pair<std::string, std::size_t>> {
        world w;
        std::size_t said = 0;
        const auto server = spawn([&]() -> task<> {
            auto end = co_await w.accept();
            (void)co_await story::hear(end);
            co_await story::say(end, begin);
            for (;; said += text.size())
                if (!co_await as_result(end.write_all(io::bytes_of(text))))
                    co_return;
        });
        std::string error;
        try {
            (void)co_await w.client.get("http://h/");
        } catch (const http::request_error& e) {
            error = e.what();
        }
        co_await server.join();
        co_return std::pair(error, said);
    });
}

TEST(http_odd_replies, whatever_never_ends_is_left_at_a_limit) {
    const std::string ok = "HTTP/1.1 200 OK\r\n", chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string kilobyte(1000, 'x');
    struct endless {
        std::string begin, text, error;
        std::size_t most;
    };
    const endless table[] = {
        {"HTTP/1.1 200 ", kilobyte, "the first line is longer than the limit", 200'000},
        {"", "\r\n", "not of the form", 200'000},
        {"", "HTTP/1.1 100 Continue\r\n\r\n", "more 1xx responses than the limit", 200'000},
        {ok, "A: b\r\n", "more header fields than the limit", 200'000},
        {ok + "A: ", kilobyte, "a header line is longer than the limit", 300'000},
        {ok + "A: b\r\n", " c\r\n", "the header fields together are larger than the limit", 500'000},
        {ok + "\r\n", kilobyte, "the body is larger than the limit", 70'000'000},
        {chunked + "1;", kilobyte, "chunk extensions are longer than the limit", 200'000},
        {chunked + "0\r\n", "A: b\r\n", "more header fields than the limit", 200'000},
    };
    for (const auto& [begin, text, error, most] : table) {
        const auto [what, said] = told_for_ever(begin, text);
        EXPECT_THAT(what, testing::HasSubstr(error)) << begin;
        EXPECT_LT(said, most) << begin;
    }
}

}  // namespace net_http_odd_replies_test

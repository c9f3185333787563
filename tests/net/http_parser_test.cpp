// The parser as a pure function of bytes, which tells the same however they come (support/parser_story.hpp): good
// messages, and odd responses that are read all the same. What is refused: http_parser_hostile_test.cpp.

#include "support/parser_story.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace net_http_parser_test {

using namespace ringlet;
using namespace story::parsing;
using namespace std::string_view_literals;

// ---- both ----

/// Lines that come whole are taken by a shorter way than those that come in pieces, and llhttp is not asked.
TEST(http_parser, says_the_same_of_a_line_that_comes_whole_whatever_byte_is_in_it) {
    const std::pair<world, std::string> messages[] = {
        {{}, "GET /a?b=c HTTP/1.1\r\nHost: h\r\nA-b:  c d \r\n\r\n"},
        {{}, "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"},
        {responses(), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA-b:  c d \r\n\r\nx"},
    };
    for (const auto& [w, message] : messages)
        for (std::size_t at = 0; at < message.size(); ++at)
            for (int byte = 0; byte < 256; ++byte) {
                std::string changed = message;
                changed[at] = static_cast<char>(byte);
                transcript whole(w), single(w);
                whole.feed(changed);
                for (const char& c : changed)
                    single.feed({&c, 1});
                ASSERT_EQ(whole.end(), single.end()) << changed;
            }
}

// ---- requests ----

TEST(http_parser, reads_simple_requests) {
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "GET / 1.1 {Host=h;} keep <>\nend");
    EXPECT_EQ(read("GET /a?b HTTP/1.0\r\n\r\n"), "GET /a?b 1.0 {} <>\nend");
    EXPECT_EQ(read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
              "GET / 1.0 {Connection=Keep-Alive;} keep <>\nend");
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\n\r\n"),
              "GET / 1.1 {Host=h;Connection=x, close;} <>\nend");
    EXPECT_EQ(read("\r\n\r\nGET / HTTP/1.1\r\nhost:h:80\r\nA: \t b c\t \r\nEmpty:\r\n\r\n"),
              "GET / 1.1 {host=h:80;A=b c;Empty=;} keep <>\nend");
    EXPECT_EQ(read("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "OPTIONS * 1.1 {Host=h;} keep <>\nend");
    EXPECT_EQ(read("GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n"), "GET http://h/x 1.1 {Host=h;} keep <>\nend");
    EXPECT_EQ(read("GET HTTP://i:8?x HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n"),
              "GET HTTP://i:8?x 1.1 {Host=i:8;A=b;} keep <>\nend")
        << "the target's host holds";
    EXPECT_EQ(read("GET http://h/ HTTP/1.0\r\n\r\n"), "GET http://h/ 1.0 {Host=h;} <>\nend");
    EXPECT_EQ(read("M-SEARCH / HTTP/1.1\r\nHost: [::1]:8\r\n\r\n"), "M-SEARCH / 1.1 {Host=[::1]:8;} keep <>\nend");
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nx: \xc3\xa4\r\n\r\n"),
              "GET / 1.1 {Host=h;x=\xc3\xa4;} keep <>\nend");
    EXPECT_EQ(read(""), "end");
    EXPECT_EQ(read("\r\n"), "end");
}

TEST(http_parser, reads_bodies_of_requests) {
    EXPECT_EQ(read("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"),
              "PUT / 1.1 {Host=h;Content-Length=5;} keep length=5 <hello>\nend");
    EXPECT_EQ(read("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
              "PUT / 1.1 {Host=h;Content-Length=0;} keep length=0 <>\nend");
    EXPECT_EQ(read("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                   "Chunked\r\n\r\n5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n"),
              "POST / 1.1 {Host=h;Transfer-Encoding=Chunked;} keep chunked <hello0123456789>\nend");
    EXPECT_EQ(read("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n1;a;b=c ; "
                   "d=\"e\\\";\"\r\nx\r\n0\r\nT: u\r\nV: w\r\n\r\n"),
              "POST / 1.1 {Host=h;Transfer-Encoding=chunked;Trailer=T;} keep chunked <x> {T=u;V=w;}\nend");
    EXPECT_EQ(read("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n\n"),
              "PUT / 1.1 {Host=h;Expect=100-Continue;Content-Length=1;} keep length=1 expects <\n>\nend");
}

TEST(http_parser, reads_pipelined_requests_one_by_one) {
    EXPECT_EQ(read("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                   "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab\r\n"
                   "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n"
                   "GET /4 HTTP/1.1\r\nHost: h\r\n\r\n"),
              "GET /1 1.1 {Host=h;} keep <>\n"
              "POST /2 1.1 {Host=h;Content-Length=2;} keep length=2 <ab>\n"
              "POST /3 1.1 {Host=h;Transfer-Encoding=chunked;} keep chunked <c>\n"
              "GET /4 1.1 {Host=h;} keep <>\nend");
}

TEST(http_parser, stops_where_another_protocol_begins) {
    EXPECT_EQ(read("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n\x16\x03\x01"),
              "CONNECT h:443 1.1 {Host=h:443;} keep upgrade <>\nupgraded");
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81"),
              "GET / 1.1 {Host=h;Connection=Upgrade;Upgrade=websocket;} keep upgrade <>\nupgraded");
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n"),
              "GET / 1.1 {Host=h;Upgrade=websocket;} keep <>\nend");
}

// ---- responses ----

TEST(http_parser, reads_responses_also_odd_ones) {
    const std::pair<std::string_view, std::string_view> table[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "200 OK 1.1 {Content-Length=2;} keep length=2 <ab>\nend"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} keep chunked <ab>\nend"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
         "200 OK 1.1 {Content-Length=0;Connection=close;} length=0 <>\nend"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
         "200 OK 1.0 {Content-Length=0;Connection=keep-alive;} keep length=0 <>\nend"},
        // until the connection closes
        {"HTTP/1.1 200 OK\r\n\r\nall\r\n\r\nof it", "200 OK 1.1 {} <all\r\n\r\nof it>\nclosed"},
        {"HTTP/1.1 200 OK\r\n\r\n", "200 OK 1.1 {} <>\nclosed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nx",
         "200 OK 1.1 {Transfer-Encoding=identity;} <x>\nclosed"},
        // never a body
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
         "204 No Content 1.1 {Content-Length=5;} keep length=5 <>\nend"},
        {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
         "304 Not Modified 1.1 {Transfer-Encoding=chunked;} keep <>\nend"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
         "1\r\n\r\na",
         "100 Continue 1.1 {} keep <>\n103 Early Hints 1.1 {Link=x;} keep <>\n200 OK 1.1 {Content-Length=1;} keep "
         "length=1 <a>\nend"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nnot http",
         "101 Switching Protocols 1.1 {Upgrade=x;} keep upgrade <>\nupgraded"},
        // bare LF, alone and mixed
        {"HTTP/1.1 200 OK\nContent-Length: 1\n\na", "200 OK 1.1 {Content-Length=1;} keep length=1 <a>\nend"},
        {"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\n",
         "200 OK 1.1 {A=b;Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\nT: u\n\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} keep chunked <a> {T=u;}\nend"},
        {"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 OK 1.1 {Content-Length=0;} keep length=0 <>\nend"},
        // reasons
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200  1.1 {Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200  1.1 {Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 299 A: b \xe4\r\nContent-Length: 0\r\n\r\n",
         "299 A: b \xe4 1.1 {Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", "999 x 1.1 {Content-Length=0;} keep length=0 <>\nend"},
        // fields
        {"HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\td \r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {A=b c d;Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\r\nA:\r\n b\r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {A=b;Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {A=b;Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\r\nA b: c\r\n folded\r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\r\nA: \x01\r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {A=\x01;Content-Length=0;} keep length=0 <>\nend"},
        // lengths that can only mean one thing
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
         "200 OK 1.1 {Content-Length=1;Content-Length=1;} keep length=1 <a>\nend"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
         "200 OK 1.1 {Content-Length=1, 1;} keep length=1 <a>\nend"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} chunked <a>\nend"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=identity, chunked;} keep chunked <>\nend"},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "200 OK 1.0 {Connection=keep-alive;Transfer-Encoding=chunked;} chunked <>\nend"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1  \r\na\r\n0 ;anything at all\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} keep chunked <a>\nend"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\nT: u\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} keep chunked <> {T=u;}\nend"},
    };
    for (const auto& [bytes, wanted] : table)
        EXPECT_EQ(read(bytes, responses()), wanted) << bytes;
}

TEST(http_parser, answers_to_head_and_connect_end_with_their_head) {
    const auto head = responses([](http::parser& p) { p.expect_no_body(); });
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", head),
              "200 OK 1.1 {Content-Length=999999999999;} keep length=999999999999 <>\nend");
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", head),
              "200 OK 1.1 {Transfer-Encoding=gzip, chunked;} <>\nend");
    EXPECT_EQ(read("HTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 "
                   "OK\r\nContent-Length: 1\r\n\r\na",
                   head),
              "103 x 1.1 {} keep <>\n200 OK 1.1 {Content-Length=5;} keep length=5 <>\n200 OK 1.1 {Content-Length=1;} "
              "keep length=1 <a>\nend");

    const auto connect = responses([](http::parser& p) { p.expect_tunnel(); });
    EXPECT_EQ(read("HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n\x16\x03", connect),
              "200 Connected 1.1 {Content-Length=5;} keep length=5 upgrade <>\nupgraded");
    EXPECT_EQ(read("HTTP/1.1 407 Auth\r\nContent-Length: 2\r\n\r\nno", connect),
              "407 Auth 1.1 {Content-Length=2;} keep length=2 <no>\nend");
}

// ---- the object ----

TEST(http_parser, errors_are_thrown_with_place_and_cause) {
    const auto why = [](reads what, std::string_view bytes) -> std::string {
        http::parser p(what);
        try {
            for (auto s = p.feed(bytes); s.kind != http::event::need_more; s = p.feed(bytes))
                bytes.remove_prefix(s.consumed);
            p.finish();
        } catch (const http::protocol_error& error) {
            EXPECT_EQ(error.error(), p.error());
            return error.what();
        }
        return "no error";
    };
    EXPECT_EQ(why(reads::requests, "GET / HTTP/1.1\r\nHost : h\r\n"),
              "http request, line 2 'Host : h': white space before the colon");
    EXPECT_EQ(why(reads::responses, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
              "http response, body after 3 of 10 bytes: connection closed in the middle of the body");
    EXPECT_EQ(why(reads::responses, ""), "http response: connection closed before the first byte");
}

TEST(http_parser, stays_failed_until_reset_and_can_be_moved_at_any_time) {
    http::parser p(reads::requests);
    EXPECT_EQ(p.try_feed("\x01").kind, http::event::failed);
    EXPECT_EQ(p.try_feed("GET / HTTP/1.1\r\n").kind, http::event::failed);
    EXPECT_EQ(p.try_finish().kind, http::event::failed);
    p.reset();
    EXPECT_TRUE(p.idle());
    EXPECT_EQ(p.head().method(), "");
    EXPECT_EQ(p.head().target(), "");
    EXPECT_EQ(p.feed("POST /x HTTP/1.1\r\nHost: h\r\nContent-Len").kind, http::event::need_more);
    EXPECT_FALSE(p.idle());
    auto q = std::move(p);
    EXPECT_EQ(q.feed("gth: 3\r\n\r\n").kind, http::event::head);
    auto r = std::move(q);
    EXPECT_EQ(r.head().target(), "/x");
    EXPECT_EQ(r.head().get("content-length"), "3");
    EXPECT_EQ(r.feed("abc").body_piece, "abc");
    EXPECT_EQ(r.feed("").kind, http::event::done);
    EXPECT_EQ(r.feed("next").consumed, 0u);
}

TEST(http_parser, keeps_its_memory_from_message_to_message) {
    http::parser p(reads::requests);
    const std::string bytes =
        "GET /a/longer/target/than/fits/inline HTTP/1.1\r\nHost: example.org\r\nAccept: text/html, and so on\r\n\r\n";
    const auto where = [&] {
        p.reset();
        EXPECT_EQ(p.feed(bytes).kind, http::event::head);
        return std::pair(p.head().target().data(), p.head().fields()[0].name.data());
    };
    const auto first = where();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(where(), first);
}

}  // namespace net_http_parser_test

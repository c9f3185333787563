// What the parser refuses, however the bytes come: tables of hostile requests and broken responses, each with its
// error, and the limits.

#include "support/parser_story.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace net_http_parser_hostile_test {

using namespace ringlet;
using namespace story::parsing;
using namespace std::string_view_literals;

TEST(http_parser_hostile, refuses_hostile_requests) {
    const std::string get = "GET / HTTP/1.1\r\n", host = "Host: h\r\n", post = "POST / HTTP/1.1\r\nHost: h\r\n";
    const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
    const std::pair<std::string, errc> table[] = {
        // the request line
        {"\x16\x03\x01\x02", errc::bad_request_line},
        {" GET / HTTP/1.1\r\n", errc::bad_request_line},
        {"GET  / HTTP/1.1\r\n", errc::bad_request_line},
        {"GET /  HTTP/1.1\r\n", errc::bad_request_line},
        {"GET / HTTP/1.1 \r\n", errc::bad_request_line},
        {"GET /\r\n", errc::bad_request_line},
        {"GET\r\n", errc::bad_request_line},
        {"GET\t/\tHTTP/1.1\r\n", errc::bad_request_line},
        {"G(T / HTTP/1.1\r\n", errc::bad_request_line},
        {"GET / http/1.1\r\n", errc::bad_request_line},
        {"GET / HTTP/1.1x\r\n", errc::bad_request_line},
        {"GET / HTTP/11\r\n", errc::bad_request_line},
        {"GET / HTTP/1.\r\n", errc::bad_request_line},
        {"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", errc::bad_request_line},
        {"GET / HTTP/1.2\r\n", errc::unsupported_version},
        {"GET / HTTP/0.9\r\n", errc::unsupported_version},
        {"GET / HTTP/2.0\r\n", errc::unsupported_version},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", errc::unsupported_version},
        {"FROB / HTTP/1.1\r\n", errc::unknown_method},
        {"get / HTTP/1.1\r\n", errc::unknown_method},
        {"GETX / HTTP/1.1\r\n", errc::unknown_method},
        {"GET x HTTP/1.1\r\n", errc::bad_target},
        {"GET * HTTP/1.1\r\n", errc::bad_target},
        {"GET /\x7f HTTP/1.1\r\n", errc::bad_target},
        {"GET /\xc3\xa4 HTTP/1.1\r\n", errc::bad_target},
        {"GET /a#b HTTP/1.1\r\n", errc::bad_target},
        {"GET h:80 HTTP/1.1\r\n", errc::bad_target},
        {"GET ftp://h/ HTTP/1.1\r\n", errc::bad_target},
        {"CONNECT / HTTP/1.1\r\n", errc::bad_target},
        {"CONNECT h HTTP/1.1\r\n", errc::bad_target},
        {"CONNECT h:99999999 HTTP/1.1\r\n", errc::bad_target},
        // line ends and bytes that have no place in a head
        {"GET / HTTP/1.1\n", errc::bare_lf},
        {"\nGET / HTTP/1.1\r\n", errc::bare_lf},
        {get + "Host: h\n\r\n", errc::bare_lf},
        {get + host + "\n", errc::bare_lf},
        {get + "Host: h\rX: y\r\n\r\n", errc::lone_cr},
        {get + "Host: h\r\r\n\r\n", errc::lone_cr},
        {get + "\rHost: h\r\n\r\n", errc::lone_cr},
        {get + host + "\r\r\n", errc::lone_cr},
        {"GET /\r HTTP/1.1\r\n", errc::lone_cr},
        {get + std::string("Host: h\0\r\n", 10), errc::nul_byte},
        {get + std::string("Ho\0st: h\r\n", 10), errc::nul_byte},
        {std::string("GET /\0 HTTP/1.1\r\n", 17), errc::nul_byte},
        // fields
        {get + "Host : h\r\n", errc::space_before_colon},
        {get + "Host\t: h\r\n", errc::space_before_colon},
        {get + host + " folded\r\n", errc::folded_field},
        {get + host + "\tfolded: x\r\n", errc::folded_field},
        {get + " Host: h\r\n", errc::folded_field},
        {get + "Host\r\n", errc::bad_field},
        {get + ": h\r\n", errc::bad_field},
        {get + "Ho st: h\r\n", errc::bad_field},
        {get + "Host;: h\r\n", errc::bad_field},
        {get + "H\xc3\xb6st: h\r\n", errc::bad_field},
        {get + host + "A: b\x01\r\n", errc::bad_field},
        {get + host + "A: \x7f\r\n", errc::bad_field},
        {get + "\r\n", errc::missing_host},
        {get + host + host + "\r\n", errc::duplicate_host},
        {"GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n", errc::duplicate_host},
        {get + "Host: a, b\r\n\r\n", errc::bad_host},
        {get + "Host: a,b\r\n\r\n", errc::bad_host},
        {get + "Host: u@h\r\n\r\n", errc::bad_host},
        {get + "Host: h/\r\n\r\n", errc::bad_host},
        {get + "Host: h:8x\r\n\r\n", errc::bad_host},
        {get + "Host: a:1:2\r\n\r\n", errc::bad_host},
        {get + "Host: [::1\r\n\r\n", errc::bad_host},
        {get + "Host: [::1]x\r\n\r\n", errc::bad_host},
        {get + "Host: http://h\r\n\r\n", errc::bad_host},
        // the length, in all its disguises
        {post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n", errc::ambiguous_length},
        {post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", errc::ambiguous_length},
        {post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", errc::ambiguous_length},
        {post + "Content-Length: 1, 1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length:\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: +1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: -1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 0x1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 1 1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 1.0\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 9223372036854775808\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 18446744073709551617\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 1048577\r\n\r\n", errc::body_too_large},
        {post + "Content-Length : 1\r\n\r\n", errc::space_before_colon},
        {post + "Content_Length: 1\r\n\r\n", errc::bad_field},
        {post + "Transfer_Encoding: chunked\r\n\r\n", errc::bad_field},
        {post + "Transfer-Encoding : chunked\r\n\r\n", errc::space_before_colon},
        {post + "Transfer-Encoding\x0b: chunked\r\n\r\n", errc::bad_field},
        {post + "Transfer-Encoding: \x0b"
                "chunked\r\n\r\n",
         errc::bad_field},
        {post + "Transfer-Encoding: xchunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked-x\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked;q=1\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: \"chunked\"\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked, chunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked, identity\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked,\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: identity, chunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: identity\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding:\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: gzip\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: gzip, chunked\r\n\r\n", errc::unsupported_coding},
        {post + "Transfer-Encoding:\r\n chunked\r\n\r\n", errc::folded_field},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        {"CONNECT h:1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n", errc::ambiguous_length},
        {"CONNECT h:1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        // chunks
        {chunked + "x", errc::bad_chunk},
        {chunked + "\r\n", errc::bad_chunk},
        {chunked + " 1\r\na\r\n", errc::bad_chunk},
        {chunked + "-1\r\n", errc::bad_chunk},
        {chunked + "0x1\r\n", errc::bad_chunk},
        {chunked + "1 \r\na\r\n", errc::bad_chunk},
        {chunked + "1 1\r\na\r\n", errc::bad_chunk},
        {chunked + "1\na\r\n", errc::bare_lf},
        {chunked + "1\r\na\n", errc::bare_lf},
        {chunked + "1\r\nab\r\n", errc::bad_chunk},
        {chunked + "1\r\na\rb", errc::bad_chunk},
        {chunked + "1\r\na0\r\n", errc::bad_chunk},
        {chunked + "1\rX\r\na\r\n", errc::lone_cr},
        {chunked + "1;\r\n", errc::bad_chunk},
        {chunked + "1;a=\r\n", errc::bad_chunk},
        {chunked + "1;a=\"b\r\n", errc::bad_chunk},
        {chunked + "1;a b\r\n", errc::bad_chunk},
        {chunked + "1;a\x01\r\n", errc::bad_chunk},
        {chunked + "1;a\r\r\nx", errc::lone_cr},
        {chunked + "1;a\nx\r\n", errc::bare_lf},
        {chunked + "00000000000000001\r\n", errc::bad_chunk},
        {chunked + "10000000000000000\r\n", errc::bad_chunk},
        {chunked + "ffffffffffffffff\r\n", errc::body_too_large},
        {chunked + "100001\r\n", errc::body_too_large},
        // trailers
        {chunked + "0\r\nContent-Length: 5\r\n\r\n", errc::ambiguous_length},
        {chunked + "0\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        {chunked + "0\r\nHost: x\r\n\r\n", errc::ambiguous_length},
        {chunked + "0\r\nA : b\r\n\r\n", errc::space_before_colon},
        {chunked + "0\r\nA: b\n\r\n", errc::bare_lf},
        {chunked + "0\r\n A: b\r\n\r\n", errc::folded_field},
        {chunked + "0\r\nGET / HTTP/1.1\r\n\r\n", errc::bad_field},
        // endings
        {"GET", errc::closed_in_head},
        {get + host, errc::closed_in_head},
        {post + "Content-Length: 2\r\n\r\na", errc::closed_in_body},
        {chunked + "5\r\nhel", errc::closed_in_body},
        {chunked + "5\r\nhello\r\n", errc::closed_in_body},
        {chunked + "5\r\nhello\r\n0\r\n", errc::closed_in_body},
    };
    for (const auto& [bytes, wanted] : table) {
        const auto told = read(bytes);
        EXPECT_TRUE(ends_with_error(told, wanted))
            << bytes << "\n  wanted" << error_of(wanted) << "\n  got    " << told;
    }
}

TEST(http_parser_hostile, refuses_before_the_line_is_over_what_cannot_begin_well) {
    http::parser p(reads::requests);
    EXPECT_EQ(p.try_feed("\x16").kind, http::event::failed);
    EXPECT_EQ(p.error_text(), "http request, line 1 '\\x16'");
    http::parser q(reads::responses);
    EXPECT_EQ(q.try_feed("SSH-2.0").kind, http::event::failed);
    EXPECT_EQ(q.error(), errc::bad_status_line);
}

TEST(http_parser_hostile, refuses_broken_responses_clearly) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const std::pair<std::string, errc> table[] = {
        {"<html>", errc::bad_status_line},
        {"ICY 200 OK\r\n", errc::bad_status_line},
        {"HTTP/1.1\r\n", errc::bad_status_line},
        {"HTTP/1.1 20\r\n", errc::bad_status_line},
        {"HTTP/1.1 2000 OK\r\n", errc::bad_status_line},
        {"HTTP/1.1  200 OK\r\n", errc::bad_status_line},
        {"HTTP/1.1 099 OK\r\n", errc::bad_status_line},
        {"HTTP/1.1 200OK\r\n", errc::bad_status_line},
        {"HTTP 200 OK\r\n", errc::bad_status_line},
        {"HTTP/2 200\r\n", errc::bad_status_line},
        {"HTTP/2.0 200\r\n", errc::unsupported_version},
        {"HTTP/1.1 200 OK\rX: y\r\n", errc::lone_cr},
        {ok + "A: b\rContent-Length: 5\r\n", errc::lone_cr},
        {ok + std::string("A: b\0\r\n", 7), errc::nul_byte},
        {ok + "no colon\r\n", errc::bad_field},
        {ok + " folded at once\r\n", errc::bad_field},
        {ok + "Content-Length : 1\r\n", errc::space_before_colon},
        {ok + "Transfer-Encoding : chunked\r\n", errc::space_before_colon},
        {ok + "Content-Length: 1\r\n 0\r\n", errc::ambiguous_length},
        {ok + "Transfer-Encoding:\r\n chunked\r\n", errc::ambiguous_length},
        {ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", errc::ambiguous_length},
        {ok + "Content-Length: 1, 2\r\n\r\n", errc::ambiguous_length},
        {ok + "Content-Length: -1\r\n\r\n", errc::bad_content_length},
        {ok + "Content-Length:\r\n\r\n", errc::bad_content_length},
        {ok + "Content-Length: 67108865\r\n\r\n", errc::body_too_large},
        {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", errc::unsupported_coding},
        {ok + "Transfer-Encoding: gzip\r\n\r\n", errc::unsupported_coding},
        {ok + "Transfer-Encoding: chunked, chunked\r\n\r\n", errc::ambiguous_length},
        {ok + "Transfer-Encoding: chunked;x\r\n\r\n", errc::ambiguous_length},
        {chunked + "zz\r\n", errc::bad_chunk},
        {chunked + "5 garbage\r\n", errc::bad_chunk},
        {chunked + "1\r\nab\r\n", errc::bad_chunk},
        {chunked + "ffffffffffffffffff\r\n", errc::bad_chunk},
        {"HTTP/1.", errc::closed_in_head},
        {ok, errc::closed_in_head},
        {ok + "Content-Length: 2\r\n\r\na", errc::closed_in_body},
        {chunked + "2\r\nab\r\n", errc::closed_in_body},
        {ok + "Content-Length: 1\r\n\r\nagarbage", errc::bad_status_line},
    };
    for (const auto& [bytes, wanted] : table) {
        const auto told = read(bytes, responses());
        EXPECT_TRUE(ends_with_error(told, wanted))
            << bytes << "\n  wanted" << error_of(wanted) << "\n  got    " << told;
    }
}

// ---- limits ----

TEST(http_parser_hostile, each_limit_has_its_own_error_and_is_exact) {
    world w;
    w.most.start_line = 20;
    w.most.field_line = 12;
    w.most.fields = 40;
    w.most.field_count = 3;
    w.most.body = 10;
    w.most.chunk_extensions = 4;
    const auto fits = [&](const std::string& bytes) {
        EXPECT_TRUE(read(bytes, w).ends_with("end")) << read(bytes, w);
    };
    const auto fails = [&](const std::string& bytes, errc e) {
        EXPECT_TRUE(ends_with_error(read(bytes, w), e)) << bytes << '\n' << read(bytes, w);
    };
    const std::string get = "GET / HTTP/1.1\r\n", put = "PUT / HTTP/1.1\r\nHost: h\r\n";

    fits("GET /123456 HTTP/1.1\r\nHost: h\r\n\r\n");
    fails("GET /1234567 HTTP/1.1\r\nHost: h\r\n\r\n", errc::start_line_too_long);
    fails("GET /" + std::string(1000, 'a'), errc::start_line_too_long);
    fits(get + "Host: 123456\r\n\r\n");
    fails(get + "Host: 1234567\r\n\r\n", errc::field_line_too_long);
    fails(get + std::string(1000, 'a'), errc::field_line_too_long);
    w.most.field_line = 100;
    fits(get + "Host: 12\r\nA: 456789012345678901234567\r\n\r\n");
    fails(get + "Host: 12\r\nA: 4567890123456789012345678901\r\n\r\n", errc::fields_too_large);
    fails(get + "Host: h\r\n" + std::string(1000, 'a'), errc::fields_too_large);
    fits(get + "Host: h\r\nA:\r\nB:\r\n\r\n");
    fails(get + "Host: h\r\nA:\r\nB:\r\nC:\r\n\r\n", errc::too_many_fields);

    w.most.fields = 100;
    fits(put + "Content-Length: 10\r\n\r\n0123456789");
    fails(put + "Content-Length: 11\r\n\r\n", errc::body_too_large);
    const auto chunked = put + "Transfer-Encoding: chunked\r\n\r\n";
    fits(chunked + "5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n");
    fails(chunked + "5\r\n01234\r\n6\r\n", errc::body_too_large);
    fits(chunked + "1;a\r\nx\r\n0;b\r\n\r\n");
    fails(chunked + "1;a\r\nx\r\n0;bc\r\n\r\n", errc::chunk_extension_too_long);
    fails(chunked + "1;" + std::string(1000, 'a'), errc::chunk_extension_too_long);
    fails(chunked + "0\r\nA:\r\nB:\r\n", errc::too_many_fields);
    fails(chunked + "0\r\nA: " + std::string(100, 'a'), errc::fields_too_large);
}

TEST(http_parser_hostile, limits_hold_for_responses_too) {
    auto w = responses();
    w.most.body = 4;
    w.most.interim_responses = 2;
    EXPECT_EQ(read("HTTP/1.0 200 OK\r\n\r\nabcd", w), "200 OK 1.0 {} <abcd>\nclosed");
    EXPECT_EQ(read("HTTP/1.0 200 OK\r\n\r\nabcde", w), "200 OK 1.0 {} <abcd" + error_of(errc::body_too_large));
    const std::string interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    EXPECT_TRUE(read(interim + interim + "HTTP/1.1 204 No Content\r\n\r\n" + interim, w).ends_with("end"));
    EXPECT_TRUE(ends_with_error(read(interim + interim + interim, w), errc::too_many_interim_responses));
}

}  // namespace net_http_parser_hostile_test

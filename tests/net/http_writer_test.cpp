// What we send: the exact bytes, the right framing, and nothing that breaks out of its line. What the
// writer writes, the parser reads back.
#include <ringlet/net/http_parser.hpp>
#include <ringlet/net/http_writer.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace net_http_writer_test {

using namespace ringlet;
using namespace std::string_view_literals;
using http::body_size;

std::string request(std::string_view method, const http::fields& f = {}, body_size body = body_size::none()) {
    std::string out;
    http::append_request(out, method, "/x?y", "h:81", f, body);
    return out;
}

std::string response(int status, const http::fields& f = {}, body_size body = body_size::none()) {
    std::string out;
    http::append_response(out, status, f, body);
    return out;
}

TEST(http_writer, requests) {
    EXPECT_EQ(request("GET"), "GET /x?y HTTP/1.1\r\nHost: h:81\r\n\r\n");
    EXPECT_EQ(request("GET", {{"Accept", "*/*"}, {"host", "other"}}),
              "GET /x?y HTTP/1.1\r\nAccept: */*\r\nhost: other\r\n\r\n");
    EXPECT_EQ(request("POST"), "POST /x?y HTTP/1.1\r\nHost: h:81\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(request("PUT", {}, body_size::exactly(12)),
              "PUT /x?y HTTP/1.1\r\nHost: h:81\r\nContent-Length: 12\r\n\r\n");
    EXPECT_EQ(request("POST", {}, body_size::chunked()),
              "POST /x?y HTTP/1.1\r\nHost: h:81\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(http_writer, responses) {
    EXPECT_EQ(response(200, {{"Server", "s"}}, body_size::exactly(5)),
              "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(response(404), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(response(299), "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(response(200, {}, body_size::chunked()), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(response(200, {}, body_size::until_close()), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(response(200, {{"connection", "close"}}, body_size::until_close()),
              "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    for (const int status : {100, 101, 103, 204, 304}) {
        EXPECT_EQ(response(status).find("Content-Length"), std::string::npos) << status;
        EXPECT_THROW(response(status, {}, body_size::exactly(1)), std::invalid_argument);
        EXPECT_THROW(response(status, {}, body_size::chunked()), std::invalid_argument);
    }
    std::string out;
    http::append_response(out, 200, "Fine", {});
    EXPECT_TRUE(out.starts_with("HTTP/1.1 200 Fine\r\n"));
}

TEST(http_writer, the_callers_own_framing_must_agree) {
    EXPECT_EQ(request("PUT", {{"content-length", "3"}}, body_size::exactly(3)),
              request("PUT", {}, body_size::exactly(3)));
    EXPECT_EQ(request("PUT", {{"transfer-encoding", "Chunked"}}, body_size::chunked()),
              request("PUT", {}, body_size::chunked()));
    EXPECT_EQ(request("GET", {{"Content-Length", "0"}}), request("GET"));
    EXPECT_THROW(request("PUT", {{"Content-Length", "4"}}, body_size::exactly(3)), std::invalid_argument);
    EXPECT_THROW(request("PUT", {{"Content-Length", "3"}}, body_size::chunked()), std::invalid_argument);
    EXPECT_THROW(request("PUT", {{"Transfer-Encoding", "gzip"}}, body_size::chunked()), std::invalid_argument);
    EXPECT_THROW(request("GET", {{"Transfer-Encoding", "chunked"}}), std::invalid_argument);
    EXPECT_THROW(response(200, {{"Content-Length", "1"}}, body_size::until_close()), std::invalid_argument);
    EXPECT_EQ(response(304, {{"Content-Length", "9"}}), response(304));
}

TEST(http_writer, refuses_injection_and_leaves_the_buffer_alone) {
    std::string out = "before";
    for (const auto bad : {""sv, "GET /"sv, "G\r\nX"sv, "GET\0"sv})
        EXPECT_THROW(http::append_request(out, bad, "/", "h", {}), std::invalid_argument);
    for (const auto bad : {""sv, "/ x"sv, "/\r\n"sv, "/\n"sv, "/#f"sv, "/\0"sv, "/\xc3\xa4"sv, "/\x7f"sv})
        EXPECT_THROW(http::append_request(out, "GET", bad, "h", {}), std::invalid_argument);
    for (const auto bad : {"h\r\nX: y"sv, "h x"sv, "h,i"sv, "u@h"sv, "h/x"sv, "\xc3\xa4"sv})
        EXPECT_THROW(http::append_request(out, "GET", "/", bad, {}), std::invalid_argument);
    EXPECT_THROW(http::append_request(out, "PUT", "/", "h", {}, body_size::until_close()), std::invalid_argument);
    for (const auto bad : {"a\r\nb"sv, "a\n"sv, "\0"sv})
        EXPECT_THROW(http::append_response(out, 200, bad, {}), std::invalid_argument);
    for (const int bad : {-1, 0, 99, 1000})
        EXPECT_THROW(http::append_response(out, bad, {}), std::invalid_argument);
    EXPECT_THROW(http::append_last_chunk(out, {{"Content-Length", "1"}}), std::invalid_argument);
    EXPECT_THROW(http::append_chunk_size(out, 0), std::invalid_argument);
    EXPECT_EQ(out, "before");
}

TEST(http_writer, chunks) {
    std::string out;
    http::append_chunk(out, "hello");
    http::append_chunk(out, "");
    http::append_chunk(out, std::string(26, 'x'));
    http::append_chunk_size(out, 0xabcdef0123);
    http::append_last_chunk(out, {{"Digest", "1"}});
    EXPECT_EQ(out, "5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\nabcdef0123\r\n0\r\nDigest: 1\r\n\r\n");
}

TEST(http_writer, is_understood_by_the_parser) {
    std::string out;
    http::append_request(out, "POST", "/p", "[::1]:81", {{"A", "b"}}, body_size::chunked());
    http::append_chunk(out, "hel");
    http::append_chunk(out, "lo");
    http::append_last_chunk(out, {{"T", "u"}});
    http::parser reader(http::reads::requests);
    std::string_view rest = out;
    std::string body;
    for (auto s = reader.feed(rest); s.kind != http::event::done; s = reader.feed(rest)) {
        rest.remove_prefix(s.consumed);
        body += s.body_piece;
        ASSERT_NE(s.kind, http::event::need_more);
    }
    EXPECT_EQ(reader.head().method(), "POST");
    EXPECT_EQ(reader.head().get("host"), "[::1]:81");
    EXPECT_EQ(body, "hello");
    EXPECT_EQ(reader.trailers(), (http::fields{{"T", "u"}}));
}

}  // namespace net_http_writer_test

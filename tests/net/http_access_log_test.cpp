// What a server tells of the requests that it has answered.

#include "support/http_world.hpp"

namespace net_http_access_log_test {

using namespace ringlet;
using namespace story;

std::string line_of(const http::log_entry& e, http::log_format format) {
    std::string line;
    http::append_log_line(line, e, format, 784111777);
    return line;
}

TEST(http_access_log, lines_are_of_the_formats_that_tools_read) {
    http::log_entry e;
    e.peer = "10.0.0.1:51234";
    e.method = "GET";
    e.target = "/a?b";
    e.status = 200;
    e.body_bytes = 13;
    e.user_agent = "curl/7";
    EXPECT_EQ(line_of(e, http::log_format::common),
              "10.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 13");
    EXPECT_EQ(line_of(e, http::log_format::combined),
              "10.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 13 \"-\" \"curl/7\"");
    e.peer = "[2001:db8::1]:80";
    e.version = 10;
    EXPECT_EQ(line_of(e, http::log_format::common),
              "2001:db8::1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.0\" 200 13");
}

TEST(http_access_log, no_client_can_forge_a_line) {
    http::log_entry e;
    e.status = 400;
    e.target = "/\"x";
    e.referer = "a\" 200\n10.0.0.2";
    e.user_agent = "\\\xc3\xa4\x7f";
    EXPECT_EQ(line_of(e, http::log_format::combined),
              "- - - [06/Nov/1994:08:49:37 +0000] \"-\" 400 0 \"a\\x22 200\\x0a10.0.0.2\" \"\\x5c\\xc3\\xa4\\x7f\"");
    e.method = "GET";
    EXPECT_EQ(line_of(e, http::log_format::common),
              "- - - [06/Nov/1994:08:49:37 +0000] \"GET /\\x22x HTTP/1.1\" 400 0");
}

TEST(http_access_log, every_answer_is_told_with_what_was_sent_and_how_long_it_took) {
    std::vector<std::string> seen;
    http::server_options options;
    options.access_log = [&](const http::log_entry& e) {
        seen.push_back(std::string(e.peer) + ' ' + std::string(e.method) + ' ' + std::string(e.target) + ' ' +
                       std::to_string(e.status) + ' ' + std::to_string(e.body_bytes) + ' ' +
                       std::to_string(std::chrono::duration_cast<std::chrono::seconds>(e.took).count()) + "s " +
                       std::string(e.user_agent));
    };
    const std::string host = " HTTP/1.1\r\nHost: a\r\n";
    const heard_reports reports;
    answers("GET /" + host + "User-Agent: me\r\n\r\n" + "HEAD /length" + host + "\r\n" + "GET /pieces" + host +
                "\r\n" + "GET /large" + host + "\r\n" + "GET /throws" + host + "\r\n" + "GARBAGE\r\n\r\n",
            options);
    EXPECT_EQ(seen, (std::vector<std::string>{
                        "memory:right GET / 200 5 0s me",
                        "memory:right HEAD /length 201 0 0s ",
                        "memory:right GET /pieces 200 6 1s ",
                        "memory:right GET /large 200 1048576 0s ",
                        "memory:right GET /throws 500 26 0s ",
                        "memory:right   400 90 0s ",
                    }));
}

TEST(http_access_log, one_that_throws_is_reported_and_costs_no_answer) {
    http::server_options options;
    options.access_log = [](const http::log_entry&) { throw std::runtime_error("disk full"); };
    const heard_reports reports;
    const std::string asked = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(answers(asked + asked, options), answer("GET /") + answer("GET /"));
    const std::string line = "http server: GET / from memory:right: the access log: std::runtime_error: disk full";
    EXPECT_EQ(reports.all, (std::vector{line, line}));
}

TEST(http_access_log, lines_go_where_one_wants_them) {
    std::vector<std::string> lines;
    http::server_options options;
    options.access_log =
        http::log_lines([&](std::string_view line) { lines.emplace_back(line); }, http::log_format::common);
    answers("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", options);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_TRUE(lines[0].starts_with("memory - - [")) << lines[0];
    EXPECT_TRUE(lines[1].ends_with("+0000] \"GET / HTTP/1.1\" 200 5")) << lines[1];
}

}  // namespace net_http_access_log_test

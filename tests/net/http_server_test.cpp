// What a well-mannered client gets: whole answers and pieces, bodies both ways, one request after the
// other on one connection.

#include "support/http_world.hpp"
#include "support/stream_stories.hpp"

#include <ringlet/net/http_date.hpp>

namespace net_http_server_test {

using namespace ringlet;
using namespace story;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string request_for(const std::string& path, const std::string& fields = {}, const std::string& method = "GET") {
    return method + " " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

TEST(http_server, a_request_is_answered) { EXPECT_EQ(answers(get), answer("GET /")); }

TEST(http_server, an_answer_has_the_date_of_now_and_the_name_of_the_server) {
    in_virtual_time([]() -> task<> {
        http::server_options options;
        options.server_name = "ringlet";
        http::server server(options);
        add_pages(server);
        visit v(server);
        co_await v.say(get);
        std::byte raw[1000];
        const auto size = co_await v.end.read(raw);
        const std::string text(reinterpret_cast<const char*>(raw), size);
        EXPECT_THAT(text, testing::ContainsRegex("\r\nDate: [A-Z][a-z]+, [0-9 ]+[A-Z][a-z]+ [0-9: ]+ GMT\r\n"));
        EXPECT_THAT(text, testing::HasSubstr("\r\nServer: ringlet\r\n"));
    });
    EXPECT_EQ(http::format_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(http_server, options_that_would_serve_nobody_are_refused) {
    http::server_options no_connections, no_streams;
    no_connections.connections = 0;
    no_streams.streams = 0;
    EXPECT_THROW(http::server{no_connections}, std::invalid_argument);
    EXPECT_THROW(http::server{no_streams}, std::invalid_argument);
}

TEST(http_server, a_connection_serves_one_request_after_the_other) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        visit v(server);
        for (int i = 0; i < 3; ++i) {
            co_await v.say(get);
            EXPECT_EQ(co_await v.hear_until("GET /"), answer("GET /"));
            co_await sleep_for(10s);
        }
        co_await v.leave();
        EXPECT_EQ(co_await v.hear(), "");
        co_await v.serving.get();
    });
}

// Where a connection waits for the first bytes there is room for short requests only.
TEST(http_server, a_request_of_any_length_is_read_whole_also_with_another_behind_it) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        visit v(server);
        const std::string body = std::string(199, 'y') + 'z';
        for (std::size_t padding = 0; padding < 300; ++padding) {
            const std::string padded = request_for("/", "X: " + std::string(padding, 'x') + "\r\n");
            co_await v.say(padded);
            EXPECT_EQ(co_await v.hear_until("GET /"), answer("GET /")) << padded.size();
            co_await v.say(padded + request_for("/echo", "Content-Length: 200\r\n", "PUT") + body);
            EXPECT_EQ(co_await v.hear_until("GET /"), answer("GET /")) << padded.size();
            EXPECT_EQ(co_await v.hear_until("yz"), answer(body)) << padded.size();
        }
    });
}

TEST(http_server, a_handler_may_read_while_another_greenlet_of_it_writes) {
    for (const bool slow_before : {false, true})  // whose answer leaves meanwhile
        in_virtual_time([&]() -> task<> {
            http::server server;
            add_pages(server);
            std::string got;
            const std::string sent = numbered_bytes(100'000);
            server.handle("/both", [&](http::request& asked, http::response_writer& out) -> task<> {
                const auto reading = spawn([&]() -> task<> { got = co_await asked.read_all(); });
                co_await out.length(sent.size()).write(sent);
                co_await reading.join();
            });
            visit v(server, 1000);
            const std::string request = request_for("/both", "Content-Length: 6\r\nConnection: close\r\n", "POST");
            std::string expected = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n" + sent;
            if (slow_before) {
                co_await v.say(request_for("/slow"));
                expected.insert(0, answer("slow"));
            }
            co_await v.say(request);
            co_await sleep_for(2s);
            co_await v.say("abc");
            co_await settle();
            co_await v.say("def");
            const std::string heard = co_await v.hear();
            EXPECT_EQ(got, "abcdef");
            EXPECT_TRUE(heard == expected) << heard.size();
            co_await v.serving.get();
        });
}

TEST(http_server, pipelined_requests_are_answered_in_order) {
    const std::string sent = request_for("/slow") + get + request_for("/echo", "Content-Length: 3\r\n", "PUT") +
                             "abc" + request_for("/pieces") + request_for("/nowhere/else") + get;
    const std::string expected =
        answer("slow") + answer("GET /") + answer("abc") +
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nSum: 6\r\n\r\n" +
        answer("GET /nowhere/else") + answer("GET /");
    EXPECT_EQ(answers(sent), expected);
}

TEST(http_server, however_the_bytes_are_cut_the_answers_are_the_same) {
    const std::string sent = get + request_for("/echo", "Transfer-Encoding: chunked\r\n", "POST") +
                             "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nSum: 5\r\n\r\n" + get;
    const std::string expected = answer("GET /") + answer("abcde") + answer("GET /");
    for (std::size_t cut = 0; cut <= sent.size(); ++cut) {
        in_virtual_time([&]() -> task<> {
            http::server server;
            add_pages(server);
            visit v(server);
            co_await v.say(std::string_view(sent).substr(0, cut));
            co_await settle();
            co_await v.say(std::string_view(sent).substr(cut));
            co_await v.leave();
            EXPECT_EQ(co_await v.hear(), expected) << "cut at " << cut;
        });
    }
    in_virtual_time([&]() -> task<> {
        http::server server;
        add_pages(server);
        visit v(server);
        for (const char& c : sent) {
            co_await v.say({&c, 1});
            co_await settle(5);
        }
        co_await v.leave();
        EXPECT_EQ(co_await v.hear(), expected) << "byte by byte";
    });
}

TEST(http_server, the_answers_to_pipelined_requests_leave_together) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        visit v(server);
        std::string sent, expected;
        for (int i = 0; i < 5; ++i) {
            sent += get;
            expected += answer("GET /");
        }
        co_await v.say(sent);
        std::byte raw[4096];
        const auto size = co_await v.end.read(raw);
        EXPECT_GT(size, expected.size()) << "all five in one piece";
    });
}

TEST(http_server, an_answer_does_not_wait_for_the_next_one_which_is_slow) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        visit v(server);
        const time_point start = loop::current().now();
        co_await v.say(get + request_for("/slow") + get);
        EXPECT_EQ(co_await v.hear_until("GET /"), answer("GET /"));
        EXPECT_EQ(loop::current().now(), start);
        EXPECT_EQ(co_await v.hear_until("GET /"), answer("slow") + answer("GET /"));
        EXPECT_GE(loop::current().now(), start + 1s);
    });
}

TEST(http_server, who_is_slow_to_read_an_answer_gets_the_next_one_too) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        const std::string sent = get + request_for("/slow");
        visit v(server, sent.size());  // less than an answer, so that its sending is under way when the next is made
        co_await v.say(sent);
        co_await sleep_for(3s);
        co_await v.leave();
        EXPECT_EQ(co_await v.hear(), answer("GET /") + answer("slow"));
    });
}

TEST(http_server, http_1_0_closes_unless_it_asks_not_to) {
    EXPECT_EQ(answers("GET / HTTP/1.0\r\n\r\n" + get), answer("GET /", "200 OK", "Connection: close\r\n"));
    EXPECT_EQ(answers("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get),
              answer("GET /", "200 OK", "Connection: keep-alive\r\n") + answer("GET /"));
    EXPECT_EQ(answers("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get),
              "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonetwo")
        << "it knows no chunks";
}

TEST(http_server, close_closes_after_the_answer) {
    EXPECT_EQ(answers(request_for("/", "Connection: close\r\n") + get),
              answer("GET /", "200 OK", "Connection: close\r\n"));
}

TEST(http_server, head_is_get_without_the_body) {
    const std::string whole = answer("HEAD /");
    EXPECT_EQ(answers(request_for("/", "", "HEAD") + get), whole.substr(0, whole.size() - 6) + answer("GET /"));
    EXPECT_EQ(answers(request_for("/pieces", "", "HEAD") + get),
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + answer("GET /"));
    EXPECT_EQ(answers(request_for("/length", "", "HEAD") + get),
              "HTTP/1.1 201 Made\r\nX-A: b\r\nContent-Length: 6\r\n\r\n" + answer("GET /"));
}

TEST(http_server, an_answer_in_pieces) {
    EXPECT_EQ(answers(request_for("/length")), "HTTP/1.1 201 Made\r\nX-A: b\r\nContent-Length: 6\r\n\r\nabcdef");
    EXPECT_EQ(answers(request_for("/blocks/pieces")),
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
}

TEST(http_server, a_large_answer_arrives_whole_through_a_small_buffer) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        visit v(server, 1000);
        co_await v.say(request_for("/large") + get);
        const std::string heard = co_await v.hear_until("GET /");
        EXPECT_EQ(std::count(heard.begin(), heard.end(), 'x'), (1 << 20) + 2);  // text/plain has one
    });
}

TEST(http_server, a_plain_function_may_block_and_read) {
    EXPECT_EQ(answers(request_for("/blocks", "Content-Length: 2\r\n", "POST") + "ab" + get),
              answer("ab") + answer("GET /"));
}

TEST(http_server, a_body_is_read_by_pieces_with_its_trailers) {
    in_virtual_time([]() -> task<> {
        http::server server;
        server.handle("/", [](http::request& asked) -> task<http::response> {
            std::string heard;
            char buffer[2];
            while (const auto count = co_await asked.read(std::as_writable_bytes(std::span(buffer))))
                heard.append(buffer, count).append("|");
            EXPECT_EQ(co_await asked.read(std::as_writable_bytes(std::span(buffer))), 0u);
            co_return heard + std::string(asked.trailers().get_or("sum", "none"));
        });
        visit v(server);
        co_await v.say(request_for("/", "Transfer-Encoding: chunked\r\n", "POST") +
                       "3\r\nabc\r\n1\r\nd\r\n0\r\nSum: 4\r\n\r\n");
        co_await v.leave();
        EXPECT_EQ(co_await v.hear(), answer("ab|c|d|4"));
    });
}

TEST(http_server, continue_is_sent_when_the_body_is_wanted) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        visit v(server);
        const std::string wish = "Content-Length: 3\r\nExpect: 100-continue\r\n";
        co_await v.say(request_for("/echo", wish, "PUT"));
        EXPECT_EQ(co_await v.hear_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        co_await v.say("abc");
        EXPECT_EQ(co_await v.hear_until("abc"), answer("abc"));

        co_await v.say(request_for("/echo", wish, "PUT") + "abc");
        EXPECT_EQ(co_await v.hear_until("abc"), answer("abc")) << "it did not wait";

        co_await v.say(request_for("/ignore", wish, "PUT"));
        co_await v.leave();
        EXPECT_EQ(co_await v.hear(), answer("ignored", "200 OK", "Connection: close\r\n"))
            << "whether the body still comes, nobody knows";
    });
}

TEST(http_server, continue_is_not_sent_into_an_answer) {
    in_virtual_time([]() -> task<> {
        http::server server;
        server.handle("/", [](http::request& asked, http::response_writer& out) -> task<> {
            co_await out.write("begun");
            co_await out.write(co_await asked.read_all());
        });
        visit v(server);
        co_await v.say(request_for("/", "Content-Length: 3\r\nExpect: 100-continue\r\n", "PUT"));
        EXPECT_EQ(co_await v.hear_until("begun\r\n"),
                  "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n");
        co_await v.say("abc");
        co_await v.leave();
        EXPECT_EQ(co_await v.hear(), "3\r\nabc\r\n0\r\n\r\n");
    });
}

TEST(http_server, a_little_body_that_nobody_read_does_not_cost_the_connection) {
    EXPECT_EQ(answers(request_for("/ignore", "Content-Length: 3\r\n", "PUT") + "abc" + get),
              answer("ignored") + answer("GET /"));
    EXPECT_EQ(
        answers(request_for("/ignore", "Transfer-Encoding: chunked\r\n", "PUT") + "3\r\nabc\r\n0\r\n\r\n" + get),
        answer("ignored") + answer("GET /"));
}

TEST(http_server, the_longest_path_answers) {
    in_virtual_time([]() -> task<> {
        http::server server;
        const auto page = [&](const std::string& path) {
            server.handle(path, [path](http::request& asked) -> task<http::response> {
                co_return path + " for " + std::string(asked.path()) + " with " + std::string(asked.query());
            });
        };
        page("/a");
        page("/a/");
        page("/a/b/");
        page("*");
        const std::vector<std::array<std::string, 2>> pages{
            {"/a?x=1", "/a for /a with x=1"},
            {"/a/", "/a/ for /a/ with "},
            {"/a/b?", "/a/ for /a/b with "},
            {"/a/b/c/d?e?f", "/a/b/ for /a/b/c/d with e?f"},
            {"http://other/a/b/c?q", "/a/b/ for /a/b/c with q"},
        };
        visit v(server);
        for (const auto& [target, text] : pages) {
            co_await v.say(request_for(target));
            EXPECT_EQ(co_await v.hear_until(text), answer(text));
        }
        for (const std::string target : {"/", "/b", "http://other", "http://other?a"}) {
            co_await v.say(request_for(target));
            EXPECT_EQ(co_await v.hear_until("Found\n"), answer("404 Not Found\n", "404 Not Found")) << target;
        }
        co_await v.say(request_for("*", "", "OPTIONS"));
        EXPECT_EQ(co_await v.hear_until("with "), answer("* for * with "));
    });
}

}  // namespace net_http_server_test

// What a hostile, slow or broken client gets, and what its neighbours notice of it: nothing.

#include "support/http_world.hpp"

#include <ringlet/core/loop.hpp>

namespace net_http_server_hostile_test {

using namespace ringlet;
using namespace story;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";

std::string first_line(const std::string& text) { return text.substr(0, text.find("\r\n")); }

/// In virtual time: what is heard, and after how long the server has closed.
struct ending {
    std::string heard;
    duration after;
};

/// Says `sent` and then nothing more, but does not leave.
ending silence_after(std::string_view sent, const http::server_options& options) {
    return in_virtual_time([&]() -> task<ending> {
        http::server server(options);
        add_pages(server);
        visit v(server);
        const time_point start = loop::current().now();
        co_await v.say(sent);
        std::string heard = co_await v.hear();
        const duration after = loop::current().now() - start;
        co_await v.leave();
        co_await v.serving.get();
        co_return ending{std::move(heard), after};
    });
}

http::server_options each_phase_its_time() {
    http::server_options o;
    o.idle = 100s;
    o.head = 20s;
    o.body = 3s;
    o.write = 50s;
    o.linger = 1s;
    o.least_rate = 0;
    return o;
}

void expect_about(duration measured, duration wanted) {
    EXPECT_GE(measured, wanted);
    EXPECT_LE(measured, wanted + 10ms);
}

// --- what is wrong with it ---------------------------------------------------------------------------

TEST(http_server_hostile, what_is_no_request_is_refused_with_the_reason) {
    const std::string close = "Connection: close\r\n";
    EXPECT_EQ(answers("GARBAGE\r\n\r\n" + get),
              answer("400 Bad Request: http request, line 1 'GARBAGE': not of the form 'METHOD target HTTP/1.1'\n",
                     "400 Bad Request", close));
    EXPECT_EQ(answers(get + "GET / HTTP/1.1\r\n\r\n" + get),
              answer("GET /") + answer("400 Bad Request: http request, line 2: the Host field is missing\n",
                                       "400 Bad Request", close))
        << "what came before is answered";
    const std::vector<std::array<std::string, 2>> bad{
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
        {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501"},
        {"\x16\x03\x01\x02", "400"},  // TLS
        {"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
    };
    for (const auto& [text, status] : bad)
        EXPECT_TRUE(first_line(answers(text)).starts_with("HTTP/1.1 " + status)) << text << answers(text);
}

TEST(http_server_hostile, every_limit_has_its_answer) {
    http::server_options small;
    small.limits.start_line = 100;
    small.limits.field_line = 100;
    small.limits.fields = 300;
    small.limits.field_count = 5;
    small.limits.body = 10;
    const std::string line(80, 'x');
    const std::vector<std::array<std::string, 2>> large{
        {"GET /" + std::string(100, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 414 URI Too Long"},
        {"GET / HTTP/1.1\r\nHost: a\r\nA: " + line + line + "\r\n\r\n",
         "HTTP/1.1 431 Request Header Fields Too Large"},
        {"GET / HTTP/1.1\r\nHost: a\r\nA: " + line + "\r\nB: " + line + "\r\nC: " + line + "\r\nD: " + line +
             "\r\n\r\n",
         "HTTP/1.1 431 Request Header Fields Too Large"},
        {"GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\n\r\n",
         "HTTP/1.1 431 Request Header Fields Too Large"},
        {"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901", "HTTP/1.1 413 Content Too Large"},
        {"PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n",
         "HTTP/1.1 413 Content Too Large"},
    };
    for (const auto& [text, status] : large) {
        const std::string heard = answers(text + get, small);
        EXPECT_EQ(first_line(heard), status) << text;
        EXPECT_NE(heard.find("Connection: close"), heard.npos);
        EXPECT_EQ(heard.rfind("HTTP/1.1"), 0u) << "what follows is not read";
    }
}

TEST(http_server_hostile, a_handler_has_a_limit_of_its_own) {
    in_virtual_time([]() -> task<> {
        http::server server;
        server.handle("/",
                      [](http::request& asked) -> task<http::response> { co_return co_await asked.read_all(4); });
        visit v(server);
        co_await v.say("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd");
        EXPECT_EQ(co_await v.hear_until("abcd"), answer("abcd"));
        co_await v.say("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde");
        co_await v.leave();
        EXPECT_EQ(co_await v.hear(),
                  answer("413 Content Too Large\n", "413 Content Too Large", "Connection: close\r\n"));
    });
}

TEST(http_server_hostile, a_header_of_a_gigabyte_is_refused_and_not_stored) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        visit v(server);
        std::size_t taken = 0;
        const auto flood = spawn([&]() -> task<> {
            const std::string block(64 * 1024, 'x');
            co_await v.say("GET / HTTP/1.1\r\nHost: a\r\nA: ");
            for (; taken < (1U << 30); taken += block.size())
                if (!co_await as_result(v.end.write_all(io::bytes_of(block))))
                    break;
        });
        const std::string heard = co_await v.hear();
        EXPECT_EQ(first_line(heard), "HTTP/1.1 431 Request Header Fields Too Large");
        co_await flood.join();
        EXPECT_LT(taken, 32U << 20) << "it is read for a while, so that the peer can see the answer, and then cut";
        co_await v.serving.get();
    });
}

// --- too slow ----------------------------------------------------------------------------------------

TEST(http_server_hostile, an_idle_connection_is_closed_without_a_word) {
    for (const std::string& before : {std::string(), get}) {
        const ending e = silence_after(before, each_phase_its_time());
        EXPECT_EQ(e.heard, before.empty() ? "" : answer("GET /"));
        expect_about(e.after, 100s);
    }
}

TEST(http_server_hostile, half_a_head_is_waited_for_a_while) {
    const ending e = silence_after(get.substr(0, 20), each_phase_its_time());
    EXPECT_EQ(e.heard, answer("408 Request Timeout\n", "408 Request Timeout", "Connection: close\r\n"));
    expect_about(e.after, 20s);
}

/// What becomes of a client that sends `first`, and then a piece now and then for as long as it can.
ending dripping(const std::string& first, const std::string& piece, duration pause) {
    return in_virtual_time([&]() -> task<ending> {
        http::server server(each_phase_its_time());
        add_pages(server);
        visit v(server);
        const time_point start = loop::current().now();
        const auto drip = spawn([&]() -> task<> {
            co_await v.say(first);
            while (co_await as_result(v.end.write_all(io::bytes_of(piece))))
                co_await sleep_for(pause);
        });
        std::string heard = co_await v.hear();
        const duration after = loop::current().now() - start;
        co_await drip.join();
        co_return ending{std::move(heard), after};
    });
}

TEST(http_server_hostile, a_byte_now_and_then_does_not_keep_a_connection) {
    const ending e = dripping("GET / HTTP/1.1\r\nHost: a\r\nA: ", "x", 1s);
    EXPECT_EQ(first_line(e.heard), "HTTP/1.1 408 Request Timeout");
    expect_about(e.after, 20s);
}

TEST(http_server_hostile, an_empty_line_now_and_then_does_not_keep_a_connection) {
    const ending e = dripping("", "\r\n", 30s);
    EXPECT_EQ(e.heard, "");
    expect_about(e.after, 100s);
}

TEST(http_server_hostile, a_body_may_pause_only_so_long) {
    const ending e = silence_after(post + "abc", each_phase_its_time());
    EXPECT_EQ(e.heard, answer("408 Request Timeout\n", "408 Request Timeout", "Connection: close\r\n"));
    expect_about(e.after, 3s);
    const ending unread =
        silence_after("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", each_phase_its_time());
    EXPECT_EQ(unread.heard, answer("ignored"));
    expect_about(unread.after, 3s);
}

TEST(http_server_hostile, a_slow_body_that_goes_on_is_waited_for) {
    in_virtual_time([]() -> task<> {
        http::server server(each_phase_its_time());
        add_pages(server);
        visit v(server);
        co_await v.say(post);
        for (const char c : std::string("1234567890")) {
            co_await sleep_for(2s);
            co_await v.say({&c, 1});
        }
        EXPECT_EQ(co_await v.hear_until("1234567890"), answer("1234567890"));
    });
}

TEST(http_server_hostile, times_too_long_to_be_counted_never_pass) {
    in_virtual_time([]() -> task<> {
        http::server_options patient;
        patient.idle = patient.head = patient.body = patient.write = patient.request = std::chrono::hours::max();
        http::server server(patient);
        add_pages(server);
        visit v(server);
        for (const char c : post + "1234567890") {
            co_await sleep_for(1h);
            co_await v.say({&c, 1});
        }
        EXPECT_EQ(co_await v.hear_until("1234567890"), answer("1234567890"));
    });
}

TEST(http_server_hostile, a_body_must_not_trickle_for_ever) {
    in_virtual_time([]() -> task<> {
        http::server_options options = each_phase_its_time();
        options.least_rate = 1;
        http::server server(options);
        add_pages(server);
        visit v(server);
        const time_point start = loop::current().now();
        co_await v.say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
        const auto drip = spawn([&]() -> task<> {
            while (co_await as_result(v.end.write_all(io::bytes_of("x"))))
                co_await sleep_for(2s);
        });
        EXPECT_EQ(first_line(co_await v.hear()), "HTTP/1.1 408 Request Timeout");
        // Each byte costs two seconds and earns one, so that the first three are spent in about six.
        EXPECT_GE(loop::current().now() - start, 4s);
        EXPECT_LE(loop::current().now() - start, 9s);
        co_await drip.join();
    });
}

TEST(http_server_hostile, a_handler_that_takes_its_time_is_no_fault_of_the_sender) {
    in_virtual_time([]() -> task<> {
        http::server_options options = each_phase_its_time();
        options.least_rate = 1;
        http::server server(options);
        server.handle("/", [](http::request& asked) -> task<http::response> {
            std::string all;
            char byte[1];
            while (co_await asked.read(std::as_writable_bytes(std::span(byte)))) {
                co_await sleep_for(100s);
                all += byte[0];
            }
            co_return all;
        });
        visit v(server);
        co_await v.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        EXPECT_EQ(co_await v.hear_until("abc"), answer("abc"));
    });
}

TEST(http_server_hostile, a_request_may_have_a_time_in_all) {
    http::server_options options = each_phase_its_time();
    options.request = 500ms;
    heard_reports reports;
    EXPECT_EQ(answers("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + get, options),
              answer("503 Service Unavailable\n", "503 Service Unavailable", "Connection: close\r\n"));
    EXPECT_EQ(answers("GET /blocks HTTP/1.1\r\nHost: a\r\n\r\n", options),
              answer("503 Service Unavailable\n", "503 Service Unavailable", "Connection: close\r\n"));
    EXPECT_EQ(answers("GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n" + get, options),
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        << "broken off";
    EXPECT_THAT(reports.all,
                testing::ElementsAre("http server: GET /slow from memory:right: not answered in time",
                                     "http server: GET /blocks from memory:right: not answered in time",
                                     "http server: GET /pieces from memory:right: not answered in time"));
}

TEST(http_server_hostile, who_does_not_read_is_cut) {
    for (const std::string path : {"/large", "/pieces"}) {
        heard_reports reports;
        in_virtual_time([&]() -> task<> {
            http::server server(each_phase_its_time());
            add_pages(server);
            visit v(server, 20);
            const time_point start = loop::current().now();
            co_await v.say("GET " + path + " HTTP/1.0\r\n\r\n");
            co_await v.serving.get();
            expect_about(loop::current().now() - start, 50s);
        });
        EXPECT_THAT(reports.all, testing::IsEmpty()) << "the peer's fault";
    }
}

TEST(http_server_hostile, the_last_answer_has_a_moment_to_be_read) {
    in_virtual_time([]() -> task<> {
        http::server server(each_phase_its_time());
        add_pages(server);
        visit v(server);
        co_await v.say("GARBAGE\r\n\r\n");
        co_await settle();
        EXPECT_FALSE(v.serving.ready());
        co_await v.say("and more of it");
        co_await sleep_for(2s);
        EXPECT_TRUE(v.serving.ready());
    });
}

// --- gone --------------------------------------------------------------------------------------------

TEST(http_server_hostile, a_client_that_leaves_in_the_middle_gets_no_answer) {
    heard_reports reports;
    EXPECT_EQ(answers(""), "");
    EXPECT_EQ(answers(get.substr(0, 10)), "");
    EXPECT_EQ(answers(post + "abc"), "");
    EXPECT_EQ(answers("PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), "");
    EXPECT_THAT(reports.all, testing::IsEmpty());
}

TEST(http_server_hostile, a_reset_ends_that_connection_only) {
    heard_reports reports;
    for (const std::string& sent :
         {std::string(), get.substr(0, 10), post + "abc", "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(),
          "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n" + std::string()}) {
        in_virtual_time([&]() -> task<> {
            http::server server;
            add_pages(server);
            visit v(server), other(server);
            co_await v.say(sent);
            co_await settle();
            v.end.reset();
            co_await other.say(get);
            EXPECT_EQ(co_await other.hear_until("GET /"), answer("GET /"));
            co_await v.serving.get();
            EXPECT_EQ(server.connections(), 1u);
        });
    }
    EXPECT_THAT(reports.all, testing::IsEmpty());
}

TEST(http_server_hostile, a_large_body_that_nobody_wants_ends_the_connection) {
    const std::string body(100'000, 'x');
    const std::string put = "PUT /ignore HTTP/1.1\r\nHost: a\r\n";
    EXPECT_EQ(answers(put + "Content-Length: 100000\r\n\r\n" + body + get),
              answer("ignored", "200 OK", "Connection: close\r\n"));
    EXPECT_EQ(answers(put + "Transfer-Encoding: chunked\r\n\r\n186a0\r\n" + body + "\r\n0\r\n\r\n" + get),
              answer("ignored"));
}

// --- the handler's fault -----------------------------------------------------------------------------

TEST(http_server_hostile, an_exception_is_told_once_and_the_connection_goes_on) {
    heard_reports reports;
    EXPECT_EQ(answers("GET /throws HTTP/1.1\r\nHost: a\r\n\r\n" + get),
              answer("500 Internal Server Error\n", "500 Internal Server Error") + answer("GET /"));
    ASSERT_EQ(reports.all.size(), 1u);
    EXPECT_EQ(reports.all[0], "http server: GET /throws from memory:right: std::runtime_error: boom");
}

TEST(http_server_hostile, an_exception_in_the_middle_of_an_answer_breaks_it_off) {
    heard_reports reports;
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(answers("GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n" + get), head + "5\r\nbegun\r\n") << "no last chunk";
    EXPECT_EQ(answers("GET /short HTTP/1.1\r\nHost: a\r\n\r\n" + get),
              "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    ASSERT_EQ(reports.all.size(), 2u);
    EXPECT_THAT(reports.all[1], testing::HasSubstr("3 bytes written of 6 announced"));
}

TEST(http_server_hostile, answers_that_cannot_be_are_mistakes_of_the_handler) {
    heard_reports reports;
    in_virtual_time([]() -> task<> {
        http::server server;
        server.handle("/long", [](http::request&, http::response_writer& out) -> task<> {
            out.length(2);
            co_await out.write("abc");
        });
        server.handle("/status", [](http::request&) -> task<http::response> { co_return http::response(7); });
        server.handle("/204", [](http::request&) -> task<http::response> { co_return http::response(204, "text"); });
        server.handle("/field", [](http::request&) -> task<http::response> {
            http::response r;
            r.fields.add("A", "b\r\nC: d");
            co_return r;
        });
        server.handle("/twice", [](http::request&, http::response_writer& out) -> task<> {
            out.send("one");
            out.send("two");
            co_return;
        });
        visit v(server);
        for (const std::string path : {"/long", "/status", "/204", "/field", "/twice"}) {
            co_await v.say("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
            EXPECT_EQ(first_line(co_await v.hear_until("Error\n")), "HTTP/1.1 500 Internal Server Error") << path;
        }
    });
    EXPECT_EQ(reports.all.size(), 5u);
}

}  // namespace net_http_server_hostile_test

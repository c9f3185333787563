// The client against servers that are late, or say nothing: each phase of a request has its time. Each connection is a
// memory stream, and time is virtual.

#include "support/client_world.hpp"

#include <ringlet/core/timeout.hpp>

#include <gtest/gtest.h>

namespace net_http_client_times_test {

using namespace ringlet;
using story::hear;
using story::in_virtual_time;
using story::say;
using story::world;

http::client_options each_phase_its_time() {
    http::client_options o;
    o.timeouts.connect = 5s;
    o.timeouts.first_byte = 20s;
    o.timeouts.between_bytes = 3s;
    o.timeouts.total = 60s;
    return o;
}

/// What a request says that waits for `pace` between two of these texts, and when.
std::pair<std::string, duration> wait_for(std::vector<std::string> texts, duration pace) {
    return in_virtual_time([&]() -> task<std::pair<std::string, duration>> {
        world w(each_phase_its_time());
        const time_point start = loop::current().now();
        const auto server = spawn([&]() -> task<> {
            auto end = co_await w.accept();
            (void)co_await hear(end);
            for (const std::string& text : texts) {
                co_await say(end, text);
                co_await sleep_for(pace);
            }
            co_await sleep_for(1000s);
        });
        std::string error;
        try {
            (void)co_await w.client.get("http://h/x");
        } catch (const http::request_error& e) {
            error = e.what();
            EXPECT_TRUE(e.timed_out());
        }
        co_return std::pair(error, loop::current().now() - start);
    });
}

void expect_about(duration measured, duration wanted) {
    EXPECT_GE(measured, wanted);
    EXPECT_LE(measured, wanted + 10ms);
}

TEST(http_client_times, each_phase_has_its_time) {
    const auto [first, after_first] = wait_for({}, 1s);
    EXPECT_EQ(first, "GET http://h/x: wait for the response from memory:left: timed out after 20 s");
    expect_about(after_first, 20s);

    const auto [head, after_head] = wait_for({"HTTP/1.1 200 OK\r\n"}, 1s);
    EXPECT_EQ(head, "GET http://h/x: wait for the response from memory:left: timed out after 3 s");
    expect_about(after_head, 3s);

    const auto [body, after_body] = wait_for({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}, 1s);
    EXPECT_EQ(body, "GET http://h/x: read the body of the response from memory:left: timed out after 3 s");
    expect_about(after_body, 3s);

    std::vector<std::string> drip{"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"};
    drip.resize(100, "x");
    const auto [total, after_total] = wait_for(drip, 1s);
    EXPECT_EQ(total, "GET http://h/x: read the body of the response from memory:left: timed out after 60 s");
    expect_about(after_total, 60s);

    EXPECT_EQ(wait_for({"HTTP/1.1 200 OK\r\n", "Content-Length: 2\r\n\r\n", "1", "2"}, 2s).first, "");
}

TEST(http_client_times, times_too_long_to_be_counted_never_pass) {
    in_virtual_time([]() -> task<> {
        http::client_options patient;
        http::timeouts& times = patient.timeouts;
        times.connect = times.first_byte = times.between_bytes = times.total = std::chrono::hours::max();
        world w(patient);
        const auto page = spawn([&] { return await(w.client.get("http://h/x")); });
        auto end = co_await w.accept();
        (void)co_await hear(end);
        for (const char c : std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) {
            co_await sleep_for(1h);
            co_await say(end, {&c, 1});
        }
        EXPECT_EQ((co_await page.get()).body, "hi");
    });
}

TEST(http_client_times, a_connection_has_its_time) {
    in_virtual_time([]() -> task<> {
        auto options = each_phase_its_time();
        options.connect = [](const net::url&) -> task<io::any_stream> {
            co_await sleep_for(1000s);
            co_return io::any_stream();
        };
        http::client client(options);
        try {
            (void)co_await client.get("http://h/x");
            ADD_FAILURE();
        } catch (const http::request_error& e) {
            EXPECT_STREQ(e.what(), "GET http://h/x: connect h:80: timed out after 5 s");
            EXPECT_EQ(e.at(), http::request_error::stage::connect);
        }
    });
}

TEST(http_client_times, a_server_that_does_not_read_is_given_up) {
    in_virtual_time([]() -> task<> {
        world w(each_phase_its_time());
        const time_point start = loop::current().now();
        try {
            (void)co_await w.client.post("http://h/x", std::string(1 << 20, 'x'));
            ADD_FAILURE();
        } catch (const http::request_error& e) {
            EXPECT_STREQ(e.what(), "POST http://h/x: write to memory:left: timed out after 3 s");
        }
        expect_about(loop::current().now() - start, 3s);
    });
}

}  // namespace net_http_client_times_test

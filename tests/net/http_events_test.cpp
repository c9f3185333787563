// Server-sent events: their text, and an answer that goes on until the page or the server goes.

#include "support/http_world.hpp"

#include <ringlet/core/timeout.hpp>
#include <ringlet/net/http_events.hpp>

#include <gmock/gmock.h>

namespace net_http_events_test {

using namespace ringlet;
using namespace story;
using http::server_event;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 41\r\n\r\n";

TEST(http_events, an_event_is_a_few_lines_of_text) {
    EXPECT_EQ(server_event("hello").text(), "data: hello\n\n");
    EXPECT_EQ(server_event("").text(), "data: \n\n");
    EXPECT_EQ(server_event("a\nb\r\nc\rd\n").text(), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
    EXPECT_EQ(server_event("x").name("tick").id("7").retry(1500ms).text(),
              "event: tick\nid: 7\nretry: 1500\ndata: x\n\n");
    EXPECT_EQ(server_event("x").id("").text(), "id: \ndata: x\n\n");
    EXPECT_THROW(server_event("x").name("a\nid: 9").text(), std::invalid_argument);
    EXPECT_THROW(server_event("x").id(std::string("a\0b", 3)).text(), std::invalid_argument);
}

TEST(http_events, come_as_they_happen_until_the_server_stops) {
    in_virtual_time([]() -> task<> {
        http::server server;
        server.get("/", [](http::request& asked, http::response_writer& out) -> task<> {
            http::event_stream page(asked, out);
            co_await page.send(server_event("after " + page.last_id()));
            while (!co_await as_result(with_timeout(15s, asked.stopped())))
                co_await page.keep_alive();
            co_await page.send(server_event("bye"));
        });
        visit v(server);
        const time_point start = loop::current().now();
        co_await v.say(get);
        EXPECT_EQ(co_await v.hear_until("41\n\n\r\n"),
                  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: "
                  "no-cache\r\nX-Accel-Buffering: no\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n10\r\ndata: after 41\n\n\r\n");
        EXPECT_EQ(loop::current().now(), start);
        EXPECT_EQ(co_await v.hear_until(":\n\r\n"), "2\r\n:\n\r\n");
        EXPECT_GE(loop::current().now() - start, 15s);
        const greenlet<std::size_t> stopping = spawn([&] { return server.stop(10s); });
        EXPECT_EQ(co_await v.hear(), "b\r\ndata: bye\n\n\r\n0\r\n\r\n");
        co_await v.leave();
        EXPECT_EQ(co_await stopping.get(), 0u);
    });
}

TEST(http_events, a_page_that_is_gone_ends_its_handler_quietly) {
    const heard_reports reports;
    in_virtual_time([]() -> task<> {
        http::server server;
        int sent = 0;
        server.get("/", [&](http::request& asked, http::response_writer& out) -> task<> {
            http::event_stream page(asked, out);
            for (;; ++sent) {
                co_await page.send(server_event("x"));
                co_await sleep_for(1s);
            }
        });
        visit v(server);
        co_await v.say(get);
        co_await sleep_for(5s);
        v.end.reset();
        co_await v.serving.get();
        EXPECT_GE(sent, 5);
        EXPECT_LE(sent, 7);
    });
    EXPECT_THAT(reports.all, testing::IsEmpty());
}

}  // namespace net_http_events_test

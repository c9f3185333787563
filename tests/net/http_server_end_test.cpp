// How a server ends: gently, under a deadline, at once, and at any moment; and how full it may get.

#include "support/http_world.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/group.hpp>
#include <ringlet/core/loop.hpp>

#include <gmock/gmock.h>

namespace net_http_server_end_test {

using namespace ringlet;
using namespace story;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string slow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(http_server_end, stopping_closes_who_is_idle_and_lets_finish_who_is_not) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        visit fresh(server), idle(server), busy(server);
        co_await idle.say(get);
        EXPECT_EQ(co_await idle.hear_until("GET /"), answer("GET /"));
        co_await busy.say(slow + get);
        co_await settle();
        EXPECT_EQ(server.connections(), 3u);

        const time_point start = loop::current().now();
        const auto stopping = spawn([&] { return server.stop(10s); });
        EXPECT_EQ(co_await fresh.hear(), "");
        EXPECT_EQ(co_await idle.hear(), "");
        EXPECT_EQ(loop::current().now(), start);
        EXPECT_EQ(co_await busy.hear_until("slow"), answer("slow", "200 OK", "Connection: close\r\n"));
        co_await busy.leave();
        EXPECT_EQ(co_await busy.hear(), "") << "the last request was not taken";
        EXPECT_EQ(co_await stopping.get(), 0u);
        EXPECT_EQ(server.connections(), 0u);
    });
}

TEST(http_server_end, who_is_not_done_in_time_is_cut_and_counted) {
    in_virtual_time([]() -> task<> {
        http::server server;
        server.handle("/", [](http::request&) -> task<http::response> {
            co_await sleep_for(1000s);
            co_return "";
        });
        server.handle("/blocks", [](http::request&) -> http::response {
            await(sleep_for(1000s));
            return "";
        });
        visit one(server), other(server);
        co_await one.say(get);
        co_await other.say("GET /blocks HTTP/1.1\r\nHost: a\r\n\r\n");
        co_await settle();
        const time_point start = loop::current().now();
        const heard_reports reports;
        EXPECT_EQ(co_await server.stop(10s), 2u);
        EXPECT_THAT(reports.all,
                    testing::UnorderedElementsAre(
                        "http server: GET / from memory:right: cut short, because the server stops",
                        "http server: GET /blocks from memory:right: cut short, because the server stops"));
        EXPECT_LE(loop::current().now() - start, 11s);
        EXPECT_EQ(co_await one.hear(), "");
        EXPECT_EQ(co_await other.hear(), "");
    });
}

TEST(http_server_end, a_server_that_goes_takes_its_connections_along) {
    in_virtual_time([]() -> task<> {
        greenlet<> serving;
        {
            http::server server;
            add_pages(server);
            visit v(server);
            serving = v.serving;
            co_await v.say(slow);
            co_await settle();
        }
        co_await serving.join();
        EXPECT_FALSE(serving.successful());
    });
}

TEST(http_server_end, can_be_killed_at_every_moment) {
    const auto talk = [](http::server& server, const std::string& sent, std::size_t answers) -> task<> {
        auto [near, far] = io::duplex(1000);
        co_await with_group([&](group& g) -> task<> {
            g.spawn([&]() -> task<> { co_await server.serve_stream(io::any_stream(std::move(far))); });
            g.spawn([&]() -> task<> {
                co_await near.write_all(io::bytes_of(sent));
                co_await near.shutdown();
            });
            std::string heard;
            char buffer[500];
            while (const auto count = co_await near.read(std::as_writable_bytes(std::span(buffer))))
                heard.append(buffer, count);
            std::size_t heads = 0;
            for (std::size_t at = 0; (at = heard.find("HTTP/1.1 ", at)) != heard.npos; ++at)
                ++heads;
            EXPECT_EQ(heads, answers) << heard.substr(0, 1000);
        });
    };
    const std::string body = std::string(3000, 'b');
    const std::vector<std::pair<std::string, std::size_t>> conversations{
        {get + slow + get + "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n" + get, 5},
        {"PUT /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3000\r\n\r\n" + body + get, 2},
        {"PUT /blocks HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + body +
             "PUT /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + body + get,
         3},
        {"GET /throws HTTP/1.1\r\nHost: a\r\n\r\nGET /blocks/pieces HTTP/1.1\r\nHost: a\r\n\r\n" + get +
             "GARBAGE\r\n\r\n" + body,
         4},
    };
    const heard_reports quiet;
    for (const auto& [sent, count] : conversations) {
        const std::size_t moments = sweep([&sent, &count, &talk]() -> task<> {
            http::server server;
            add_pages(server);
            co_await talk(server, sent, count);
        });
        EXPECT_GT(moments, 3u);
    }
}

}  // namespace net_http_server_end_test

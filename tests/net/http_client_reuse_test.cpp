// One connection for many requests: when it is used again, when not, what is sent once more on another, and how many
// are kept. Each connection is a memory stream, and time is virtual.

#include "support/client_world.hpp"

#include <ringlet/core/result.hpp>
#include <ringlet/net/http_server.hpp>

#include <gtest/gtest.h>

namespace net_http_client_reuse_test {

using namespace ringlet;
using story::hear;
using story::in_virtual_time;
using story::ok;
using story::say;
using story::serve;
using story::world;

TEST(http_client_reuse, a_connection_is_used_again) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto server = spawn([&]() -> task<> {
            auto end = co_await w.accept();
            while (!(co_await hear(end)).empty())
                co_await say(end, ok);
        });
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
        EXPECT_EQ((co_await w.client.post("http://h/", "")).body, "hello");
        EXPECT_EQ(w.connections, 1u);
        EXPECT_EQ(w.client.idle(), 1u);
        w.client.close_idle();
        co_await server.join();
    });
}

TEST(http_client_reuse, a_connection_is_not_used_again_when_something_is_wrong_with_it) {
    for (const std::string& reply :
         {std::string("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"), ok + "more",
          std::string("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")}) {
        in_virtual_time([&]() -> task<> {
            world w;
            const auto server = spawn(serve, std::ref(w), std::vector{reply, reply});
            EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
            EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
            EXPECT_EQ(w.connections, 2u) << reply;
            co_await server.join();
        });
    }
}

TEST(http_client_reuse, an_origin_keeps_its_connections_to_itself) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto server = spawn(serve, std::ref(w), std::vector{ok, ok});
        EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
        EXPECT_EQ((co_await w.client.get("http://h:81/")).body, "hello");
        EXPECT_EQ(w.connections, 2u);
        co_await server.join();
    });
}

TEST(http_client_reuse, a_request_that_meets_a_closed_connection_is_sent_once_more) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto server = spawn(serve, std::ref(w), std::vector{ok, ok});
        EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
        EXPECT_EQ(w.client.idle(), 1u);  // the server has closed it, but nobody looked
        EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
        EXPECT_EQ(w.connections, 2u);
        co_await server.join();
    });
}

TEST(http_client_reuse, once_more_is_once) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto server = spawn(serve, std::ref(w), std::vector<std::string>{ok, "", ok});
        EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
        EXPECT_FALSE(co_await as_result(w.client.get("http://h/")));
        EXPECT_EQ(w.connections, 2u);
        server.kill();
    });
}

TEST(http_client_reuse, what_must_not_be_done_twice_is_not_sent_twice) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto server = spawn(serve, std::ref(w), std::vector{ok, ok});
        EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
        EXPECT_EQ((co_await w.client.post("http://h/", "x")).body, "hello") << "that it was closed is seen before";
        EXPECT_EQ(w.connections, 2u);
        co_await server.join();

        // This server closes when the request has come: had it acted on it already?
        std::size_t heard = 0;
        const auto liar = spawn([&]() -> task<> {
            auto end = co_await w.accept();
            (void)co_await hear(end);
            co_await say(end, ok);
            heard += !(co_await hear(end)).empty();
            end.close();
        });
        w.client.close_idle();
        EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
        EXPECT_FALSE(co_await as_result(w.client.post("http://h/", "")));
        co_await liar.join();
        EXPECT_EQ(heard, 1u);
        EXPECT_EQ(w.connections, 3u);
    });
}

TEST(http_client_reuse, idle_connections_are_few_and_young) {
    in_virtual_time([]() -> task<> {
        http::client_options options;
        options.idle_per_origin = 2;
        options.idle_in_all = 3;
        options.idle = 10s;
        world w(options);
        http::server server;
        server.handle("/", [](http::request&) -> task<http::response> {
            co_await sleep_for(1s);
            co_return "hello";
        });
        const auto accepting = spawn([&]() -> task<> {
            for (;;) {
                auto serve_it = [&server](io::memory_stream end) {
                    return server.serve_stream(io::any_stream(std::move(end)));
                };
                spawn(serve_it, co_await w.accept());
            }
        });
        const auto fetch_five = [&](std::string url) -> task<> {
            std::vector<greenlet<http::reply>> pages;
            for (int i = 0; i < 5; ++i)
                pages.push_back(spawn([&w, url] { return w.client.get(url); }));
            for (const auto& page : pages)
                EXPECT_EQ((co_await page.get()).body, "hello");
        };
        co_await fetch_five("http://a/");
        EXPECT_EQ(w.client.idle(), 2u);
        co_await fetch_five("http://b/");
        EXPECT_EQ(w.client.idle(), 3u);
        EXPECT_EQ(w.connections, 10u);
        (void)co_await w.client.get("http://a/");
        EXPECT_EQ(w.connections, 10u);
        co_await sleep_for(11s);
        (void)co_await w.client.get("http://a/");
        EXPECT_EQ(w.connections, 11u);
        EXPECT_EQ(co_await server.stop(), 0u);
        accepting.kill();
        co_await accepting.join();
    });
}

}  // namespace net_http_client_reuse_test

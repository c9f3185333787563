// The connections of a client, of which there is a limit: who waits for one, in which order, what becomes of it when
// they give up, and when it cannot be kept. In virtual time.

#include "support/allocations.hpp"
#include "support/client_world.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/group.hpp>
#include <ringlet/core/sanitizer.hpp>
#include <ringlet/net/http_server.hpp>

#include <gmock/gmock.h>

namespace net_http_pool_test {

using namespace ringlet;
using story::in_virtual_time;
using story::ok;
using story::serve;
using story::world;
using testing::ElementsAre;

/// A client with these limits before a server that takes a second for each page, and notes their order.
struct crowd {
    explicit crowd(std::size_t per_origin, std::size_t in_all) : w(limited(per_origin, in_all)) {
        server.handle("/", [this](http::request& asked) -> task<http::response> {
            busiest = std::max(busiest, ++busy);
            order.emplace_back(asked.path());
            co_await sleep_for(1s);
            --busy;
            co_return "hello";
        });
        accepting = spawn([this]() -> task<> {
            for (;;) {
                auto serve_it = [this](io::memory_stream end) {
                    return server.serve_stream(io::any_stream(std::move(end)));
                };
                spawn(serve_it, co_await w.accept());
            }
        });
    }
    static http::client_options limited(std::size_t per_origin, std::size_t in_all) {
        http::client_options o;
        o.per_origin = per_origin;
        o.in_all = in_all;
        return o;
    }
    task<> fetch_all(std::vector<std::string> urls) {
        std::vector<greenlet<http::reply>> pages;
        for (const std::string& url : urls)
            pages.push_back(spawn([this, url] { return w.client.get(url); }));
        for (const auto& page : pages)
            EXPECT_EQ((co_await page.get()).body, "hello");
    }
    task<> leave() {
        w.client.close_idle();
        (void)co_await server.stop();
        accepting.kill();
        co_await accepting.join();
    }

    http::server server;
    world w;
    greenlet<> accepting;
    std::size_t busy = 0, busiest = 0;
    std::vector<std::string> order;
};

std::vector<std::string> pages(int first, int last) {
    std::vector<std::string> urls;
    for (int i = first; i <= last; ++i)
        urls.push_back("http://h/" + std::to_string(i));
    return urls;
}

TEST(http_pool, who_finds_no_free_connection_waits_in_the_order_of_coming) {
    in_virtual_time([]() -> task<> {
        crowd c(2, 100);
        co_await c.fetch_all(pages(1, 5));
        EXPECT_THAT(c.order, ElementsAre("/1", "/2", "/3", "/4", "/5"));
        EXPECT_EQ(c.busiest, 2u);
        EXPECT_EQ(c.w.connections, 2u) << "those who waited got connections that were used before";
        EXPECT_EQ(c.w.client.in_use(), 0u);
        EXPECT_EQ(c.w.client.idle(), 2u);
        co_await c.leave();
    });
}

TEST(http_pool, there_are_never_more_connections_than_allowed_in_all) {
    in_virtual_time([]() -> task<> {
        crowd c(2, 3);
        std::vector<std::string> urls;
        for (int i = 0; i < 12; ++i)
            urls.push_back("http://h" + std::to_string(i % 4) + "/");
        co_await c.fetch_all(urls);
        EXPECT_EQ(c.busiest, 3u);
        EXPECT_LE(c.w.client.idle(), 3u);
        co_await c.leave();
    });
}

TEST(http_pool, who_gives_up_waiting_takes_nothing) {
    in_virtual_time([]() -> task<> {
        crowd c(1, 10);
        const auto first = spawn([&] { return c.w.client.get("http://h/1"); });
        co_await story::settle();
        const auto second = spawn([&] { return c.w.client.get("http://h/2"); });
        http::request_options hurried;
        http::timeouts limits;
        limits.total = 500ms;
        hurried.timeouts = limits;
        co_await story::settle();
        second.kill();
        try {
            (void)co_await c.w.client.get("http://h/3", hurried);
            ADD_FAILURE();
        } catch (const http::request_error& e) {
            EXPECT_STREQ(e.what(), "GET http://h/3: wait for a free connection to http://h: timed out after 500 ms");
        }
        EXPECT_EQ((co_await first.get()).body, "hello");
        co_await c.fetch_all(pages(4, 5));
        EXPECT_THAT(c.order, ElementsAre("/1", "/4", "/5"));
        co_await c.leave();
    });
}

TEST(http_pool, a_connection_that_cannot_be_kept_for_lack_of_memory_is_closed) {
    if (built_with_sanitizer)
        GTEST_SKIP() << "sanitizers have an operator new of their own";
    in_virtual_time([]() -> task<> {
        world w;
        const auto server = spawn(serve, std::ref(w), std::vector<std::string>{ok, ok});
        {
            http::incoming first = co_await w.client.open("GET", "http://h/");
            EXPECT_EQ(co_await first.read_all(), "hello");
            const story::memory_for nothing(0);
            { const http::incoming gone = std::move(first); }
        }
        EXPECT_EQ(w.client.idle(), 0u);
        EXPECT_EQ((co_await w.client.get("http://h/")).body, "hello");
        server.kill();
        co_await server.join();
    });
}

TEST(http_pool, can_be_killed_at_every_moment_of_redirects_and_waiting) {
    const std::size_t moments = story::sweep([]() -> task<> {
        world w(crowd::limited(1, 1));
        http::server server;
        server.handle("/", [](http::request&) -> task<http::response> {
            co_await sleep_for(1s);
            co_return "hello";
        });
        server.handle("/moved", [](http::request&) -> task<http::response> {
            http::response r(302);
            r.fields.add("Location", "/there");
            r.fields.add("Set-Cookie", "a=b");
            co_return r;
        });
        const auto fetch = [&]() -> task<> { EXPECT_EQ((co_await w.client.get("http://h/moved")).body, "hello"); };
        co_await with_group([&](group& g) -> task<> {
            g.spawn(story::serve_all, std::ref(w), std::ref(server), std::ref(g));
            co_await with_group([&](group& fetching) -> task<> {
                for (int i = 0; i < 3; ++i)
                    fetching.spawn(fetch);
                co_return;
            });
            EXPECT_EQ(w.client.in_use(), 0u);
            g.cancel();
        });
    });
    EXPECT_GT(moments, 5u);
}

}  // namespace net_http_pool_test

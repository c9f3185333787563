// What a keep-alive request costs in allocations: none on the server, whatever the handler runs on; in
// the client the text of the url, and the body. And how many bytes a connection has that waits for one. Counted over
// loopback by an operator new of this program; sanitizers have their own, and coroutine frames without a pool.

#include "support/allocations.hpp"
#include "support/plain_socket.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/core/sanitizer.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/io/uring.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

namespace net_http_allocations_test {

using namespace ringlet;

class http_allocations : public testing::Test {
    void SetUp() override {
        if (built_with_sanitizer)
            GTEST_SKIP() << "sanitizers have an operator new of their own";
    }
};

task<> hello(http::request&, http::response_writer& out) {
    out.set("Content-Type", "text/plain");
    out.send("Hello, World! How are you?");
    co_return;
}

/// Awaitable: what a hundred of these allocate, after a hundred others. The least of some: how bytes arrive is the
/// kernel's business, and what has not happened before may allocate once.
template <class Fn>
task<std::size_t> allocated_by_a_hundred(Fn once) {
    std::size_t least = SIZE_MAX;
    for (int round = 0; round < 5; ++round) {
        const std::size_t before = story::allocations();
        for (int i = 0; i < 100; ++i)
            co_await once();
        if (round > 0)
            least = std::min(least, story::allocations() - before);
    }
    co_return least;
}

/// Allocations of the server in a hundred requests for /some/page.
task<std::size_t> count_allocations(http::server& server) {
    auto client = co_await net::tcp_stream::connect(server.start(net::address::loopback(0)));
    const std::string request =
        "GET /some/page HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: test\r\n\r\n";
    std::byte buffer[1000];
    const auto ask = [&]() -> task<> {
        co_await client.write_all(io::bytes_of(request));
        (void)co_await client.read(buffer);
    };
    const std::size_t count = co_await allocated_by_a_hundred(ask);
    client.close();
    co_await server.stop();
    co_return count;
}

TEST_F(http_allocations, a_request_on_a_warm_connection_allocates_nothing_in_the_server) {
    run([]() -> task<> {
        http::server server;
        server.get("/some/{name}", &hello);
        server.use([](http::request& asked, http::response_writer& out, http::next go_on) {
            out.set("X-Frame-Options", "DENY");
            return go_on(asked, out);
        });
        EXPECT_EQ(co_await count_allocations(server), 0u);
    });
}

TEST_F(http_allocations, nor_does_it_when_its_handler_may_block) {
    run([]() -> task<> {
        http::server server;
        server.get("/some/{name}", [](http::request&) -> http::response { return "Hello, World!"; });
        EXPECT_EQ(co_await count_allocations(server), 0u);
    });
}

TEST_F(http_allocations, a_connection_that_waits_for_its_next_request_takes_less_than_six_hundred_bytes) {
    // On a thread of its own, whose pools are empty: what is taken from them is not counted. And on io_uring: the
    // readiness kernel keeps books of what is in flight.
    bool refused = false;
    std::thread([&] {
        std::unique_ptr<kernel> ring;
        try {
            ring = io::make_uring();
        } catch (const std::system_error&) {
            refused = true;
            return;
        }
        run(std::move(ring), []() -> task<> {
            http::server server;
            server.handle("/", &hello);
            const net::address where = server.start(net::address::loopback(0));
            std::vector<io::fd> clients;
            clients.reserve(500);
            const auto use_once = [&](std::size_t count) -> task<> {
                for (std::size_t i = 0; i < count; ++i) {
                    clients.push_back(story::connect_plainly(where));
                    story::send_plainly(clients.back(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
                    char answer[1000];
                    while (::recv(clients.back().get(), answer, sizeof answer, MSG_DONTWAIT) < 0)
                        co_await sleep_for(100us);
                }
            };
            co_await use_once(300);  // after which an exchange is there, a text, and room for the timers of 512
            const std::size_t before = story::allocated();
            co_await use_once(200);
            EXPECT_EQ(server.connections(), 500u);
            // A greenlet, its frame, a socket, and what makes that one any stream.
            EXPECT_LT((story::allocated() - before) / 200, 600u);
            co_await server.stop();
        });
    }).join();
    if (refused)
        GTEST_SKIP() << "this machine refuses io_uring";
}

TEST_F(http_allocations, a_put_on_a_new_connection_allocates_no_more_than_a_get) {
    run([]() -> task<> {
        http::server_options options;
        options.http2_in_clear = true;  // which begins with a 'P', too
        http::server server(options);
        server.handle("/", &hello);
        const net::address where = server.start(net::address::loopback(0));
        const auto ask_with = [&](const std::string& method) {
            return allocated_by_a_hundred(
                [&where, &server,
                 request = method + " / HTTP/1.1\r\nHost: localhost\r\n" + "Content-Length: 0\r\n\r\n"]() -> task<> {
                    io::fd client = story::connect_plainly(where);
                    story::send_plainly(client, request);
                    char answer[1000];
                    while (::recv(client.get(), answer, sizeof answer, MSG_DONTWAIT) < 0)
                        co_await sleep_for(100us);
                    client.reset();
                    while (server.connections() > 0)
                        co_await sleep_for(100us);
                });
        };
        const std::size_t by_get = co_await ask_with("GET");
        EXPECT_LT(co_await ask_with("PUT"), by_get + 50);
        co_await server.stop();
    });
}

TEST_F(http_allocations, a_fetch_on_a_warm_connection_allocates_url_and_body) {
    run([]() -> task<> {
        http::server server;
        server.handle("/", &hello);
        const std::string url = "http://" + server.start(net::address::loopback(0)).to_string() + "/";
        http::client client;
        const auto fetch = [&]() -> task<> { (void)co_await client.get(url); };
        EXPECT_LE(co_await allocated_by_a_hundred(fetch), 200u);
        client.close_idle();
        co_await server.stop();
    });
}

}  // namespace net_http_allocations_test

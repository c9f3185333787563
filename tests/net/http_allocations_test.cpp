// What a keep-alive request costs in allocations: none on the server, whatever the handler runs on; in
// the client the text of the url, and the body. Counted over loopback by an operator new of this program;
// sanitizers have their own, and coroutine frames without a pool.

#include "support/plain_socket.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/core/sanitizer.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#if !defined(RINGLET_ASAN) && !defined(RINGLET_TSAN)

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size))
        return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace ringlet;

namespace {

task<> hello(http::request&, http::response_writer& out) {
    out.set("Content-Type", "text/plain");
    out.send("Hello, World! How are you?");
    co_return;
}

/// Allocations of the server in a hundred requests for /some/page, after a hundred others.
task<std::size_t> count_allocations(http::server& server) {
    auto client = co_await net::tcp_stream::connect(server.start(net::address::loopback(0)));
    const std::string request =
        "GET /some/page HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: test\r\n\r\n";
    std::byte buffer[1000];
    std::size_t before = 0;
    for (int i = 0; i < 200; ++i) {
        if (i == 100)
            before = allocations;
        co_await client.write_all(io::bytes_of(request));
        (void)co_await client.read(buffer);
    }
    const std::size_t after = allocations;
    client.close();
    co_await server.stop();
    co_return after - before;
}

TEST(http_allocations, a_request_on_a_warm_connection_allocates_nothing_in_the_server) {
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

TEST(http_allocations, nor_does_it_when_its_handler_may_block) {
    run([]() -> task<> {
        http::server server;
        server.get("/some/{name}", [](http::request&) -> http::response { return "Hello, World!"; });
        EXPECT_EQ(co_await count_allocations(server), 0u);
    });
}

TEST(http_allocations, a_fetch_on_a_warm_connection_allocates_url_and_body) {
    run([]() -> task<> {
        http::server server;
        server.handle("/", &hello);
        const std::string url = "http://" + server.start(net::address::loopback(0)).to_string() + "/";
        http::client client;
        std::size_t before = 0;
        for (int i = 0; i < 200; ++i) {
            if (i == 100)
                before = allocations;
            (void)co_await client.get(url);
        }
        const double each = static_cast<double>(allocations - before) / 100;
        RecordProperty("allocations", std::to_string(each));
        EXPECT_LE(each, 2);
        client.close_idle();
        co_await server.stop();
    });
}

}  // namespace

#endif

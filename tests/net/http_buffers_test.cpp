// Who waits for HTTP over loopback TCP, and what they hold meanwhile: neither large buffers of their own, nor any of
// those that all receives of a loop share, of which there are few.

#include "support/machine.hpp"
#include "support/plain_socket.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/io/receive_buffers.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <utility>

namespace net_http_buffers_test {

using namespace ringlet;
using story::on_this_machine;

std::string url_of(const net::address& where, const std::string& path = "/") {
    return "http://" + where.to_string() + path;
}

/// How many of the shared buffers somebody holds. A kernel may have none to lend.
unsigned lent_buffers() {
    const io::buffer_lender* lender = loop::current().service<io::receive_buffers>().lender();
    return lender != nullptr ? lender->lent() : 0;
}

TEST(http_buffers, whoever_waits_for_a_long_answer_holds_no_buffer_for_it) {
    on_this_machine([](story::watched_kernel& kernel) -> task<> {
        const auto receives = std::make_shared<std::size_t>(0);
        kernel.edit = [receives](io_uring_sqe& sqe) -> std::optional<int> {
            *receives += sqe.opcode == IORING_OP_RECV && sqe.addr != 0 && sqe.len > 16 * 1024;
            return std::nullopt;
        };
        const std::size_t many = 50;
        const std::string text(40'000, 'x');
        http::server server;
        event go, all_there;
        std::size_t there = 0;
        server.handle("/", [&](http::request&) -> task<http::response> {
            if (++there == many)
                all_there.set();
            co_await go.wait();
            co_return text;
        });
        const std::string url = url_of(server.start(net::address::loopback(0)));
        http::client_options options;
        options.idle_per_origin = options.idle_in_all = many;
        http::client client(options);
        for (int round = 0; round < 3; ++round) {
            there = 0;
            go.clear();
            all_there.clear();
            std::vector<greenlet<http::reply>> pages;
            for (std::size_t i = 0; i < many; ++i)
                pages.push_back(spawn([&] { return client.get(url); }));
            co_await all_there.wait();
            go.set();
            for (const auto& page : pages)
                EXPECT_TRUE((co_await page.get()).body == text);
        }
        EXPECT_EQ(client.idle(), many);
        EXPECT_EQ(*receives, 0u) << "with a buffer for as much as could come";
        EXPECT_GE(kernel.pushed(IORING_OP_POLL_ADD), 2 * many);
    });
}

TEST(http_buffers, answers_that_nobody_reads_on_keep_the_shared_buffers_from_nobody) {
    on_this_machine([](story::watched_kernel& kernel) -> task<> {
        const auto without_buffer = std::make_shared<std::size_t>(0);  // still counts when the story is over
        kernel.on_answer = [without_buffer](unsigned, int res, unsigned) { *without_buffer += res == -ENOBUFS; };
        const std::size_t many = 150;
        http::server server;
        server.handle("/", [](http::request&) -> task<http::response> { co_return std::string(2'000, 'x') + "end"; });
        const std::string url = url_of(server.start(net::address::loopback(0)));
        http::client_options options;
        options.idle_per_origin = options.idle_in_all = many + 1;
        http::client client(options);
        std::vector<http::incoming> slow;
        for (int round = 0; round < 2; ++round) {  // the first answer of a connection may be a long one
            for (std::size_t i = 0; i < many; ++i) {
                slow.push_back(co_await client.open("GET", url));
                std::array<std::byte, 10> beginning;
                EXPECT_EQ(co_await slow.back().read(beginning), beginning.size());
            }
            for (int i = 0; i < 3; ++i)
                EXPECT_EQ((co_await client.get(url)).body.size(), 2'003u);
            for (http::incoming& each : slow)
                EXPECT_TRUE((co_await each.read_all()).ends_with("xend"));
            slow.clear();
        }
        EXPECT_EQ(client.idle(), many + 1);
        EXPECT_EQ(*without_buffer, 0u) << "all of the shared buffers were lent";
    });
}

TEST(http_buffers, a_server_holds_none_while_bodies_come_and_handlers_wait) {
    on_this_machine([]() -> task<> {
        http::server_options options;
        options.linger = 10ms;
        http::server server(options);
        event go, changed;
        std::size_t reading = 0, waiting = 0;
        server.handle("/reads", [&](http::request& asked) -> task<http::response> {
            ++reading;
            changed.set();
            co_return co_await asked.read_all();
        });
        server.handle("/waits", [&](http::request& asked) -> task<http::response> {
            ++waiting;
            changed.set();
            co_await go.wait();
            co_return co_await asked.read_all();
        });
        server.handle("/", [](http::request&) -> task<http::response> { co_return "hello"; });
        const net::address where = server.start(net::address::loopback(0));
        const std::size_t many = io::buffer_lender::count;
        const std::string half(3'000, 'x');
        std::vector<story::fd> clients;
        const auto post = [&](const std::string& path) {
            clients.push_back(story::connect_plainly(where));
            story::send_plainly(clients.back(),
                                "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 6000\r\n\r\n" + half);
        };
        const auto until = [&](const std::size_t& count) -> task<> {
            while (count < many) {
                changed.clear();
                co_await changed.wait();
            }
        };
        for (std::size_t i = 0; i < many; ++i)
            post("/reads");
        co_await until(reading);
        EXPECT_EQ(lent_buffers(), 0u) << "they are held while the rest of a body is to come";
        for (std::size_t i = 0; i < many; ++i)
            post("/waits");
        co_await until(waiting);
        EXPECT_EQ(lent_buffers(), 0u) << "they are held while a handler waits";
        http::client client;
        EXPECT_EQ((co_await client.get(url_of(where))).body, "hello");
        go.set();
        for (const story::fd& each : clients)
            story::send_plainly(each, half);
        client.close_idle();
        EXPECT_EQ(co_await server.stop(5s), 0u);
    });
}

TEST(http_buffers, a_client_holds_none_while_it_reads_long_bodies) {
    on_this_machine([]() -> task<> {
        const std::size_t many = io::buffer_lender::count;
        const std::string beginning(1'000, 'x'), rest(200'000, 'y');
        http::server server;
        event go;
        std::size_t there = 0;
        server.handle("/short", [](http::request&) -> task<http::response> { co_return "short"; });
        server.handle("/long", [&](http::request&, http::response_writer& out) -> task<> {
            out.length(beginning.size() + rest.size());
            co_await out.write(beginning);
            ++there;
            co_await go.wait();
            co_await out.write(rest);
        });
        const net::address where = server.start(net::address::loopback(0));
        http::client_options options;
        options.idle_per_origin = options.idle_in_all = many;
        http::client client(options);
        std::vector<greenlet<http::reply>> pages;
        const auto ask_for = [&](const std::string& path) {
            pages.push_back(spawn([&client, url = url_of(where, path)] { return client.get(url); }));
        };
        // After a short answer a connection expects another, and has its beginning lent.
        for (std::size_t i = 0; i < many; ++i)
            ask_for("/short");
        for (const auto& page : std::exchange(pages, {}))
            EXPECT_EQ((co_await page.get()).body, "short");
        // One after the other, or the beginnings that come at a time take all buffers, and none is lent.
        for (std::size_t i = 0; i < many; ++i) {
            ask_for("/long");
            while (there <= i)
                co_await yield();
        }
        for (int lap = 0; lap < 20; ++lap)
            co_await yield();
        EXPECT_EQ(lent_buffers(), 0u) << "they are held while the rest of a body is to come";
        go.set();
        for (const auto& page : pages)
            EXPECT_TRUE((co_await page.get()).body == beginning + rest);
        EXPECT_EQ(client.idle(), many);
    });
}

}  // namespace net_http_buffers_test

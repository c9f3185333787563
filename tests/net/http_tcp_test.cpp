// Server, client and requests together over loopback TCP: what only sockets and many of them show.

#include "support/machine.hpp"
#include "support/plain_socket.hpp"
#include "support/scratch.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

#include <gmock/gmock.h>

#include <array>
#include <csignal>
#include <optional>

namespace net_http_tcp_test {

using namespace ringlet;
using story::on_this_machine;

http::server hello() {
    http::server server;
    server.handle("/", [](http::request&) -> task<http::response> { co_return "hello"; });
    server.handle("/echo", [](http::request& asked) -> task<http::response> { co_return co_await asked.read_all(); });
    return server;
}

std::string url_of(const net::address& where, const std::string& path = "/") {
    return "http://" + where.to_string() + path;
}

TEST(http_tcp, many_connections_at_once) {
    on_this_machine([]() -> task<> {
        const std::size_t many = 300;
        http::server server = hello();
        const std::string url = url_of(server.start(net::address::loopback(0)));
        http::client_options options;
        options.idle_per_origin = options.idle_in_all = many;
        http::client client(options);
        for (int round = 0; round < 2; ++round) {
            std::vector<greenlet<http::reply>> pages;
            for (std::size_t i = 0; i < many; ++i)
                pages.push_back(spawn([&] { return client.get(url); }));
            for (const auto& page : pages)
                EXPECT_EQ((co_await page.get()).body, "hello");
            EXPECT_EQ(client.idle(), many);
            EXPECT_EQ(server.connections(), many);
        }
        client.close_idle();
        EXPECT_EQ(co_await server.stop(5s), 0u);
    });
}

/// A server written by hand, that a client asks again and again on one connection; no two parts of its answer are
/// alike.
struct server_by_hand {
    explicit server_by_hand(std::size_t size) {
        for (int i = 0; body.size() < size; ++i)
            body += std::to_string(i) + ' ';
        answer =
            "HTTP/1.1 200 OK\r\nX-Name: value\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    /// Awaitable: asks for the page; over when the request has come.
    task<greenlet<http::reply>> asked() {
        const auto page = spawn([this] { return client.get(url_of(listening.local_address())); });
        if (!end)
            end.emplace(co_await listening.accept());
        std::array<std::byte, 1000> request;
        EXPECT_GT(co_await end->read(request), 0u);
        co_return page;
    }

    /// Awaitable: sends some of the answer from there on, and lets others run; gives how much that was.
    task<std::size_t> say(std::size_t from, std::size_t most, int laps) {
        const std::string_view part = std::string_view(answer).substr(from, most);
        co_await end->write_all(io::bytes_of(part));
        for (int lap = 0; lap < laps; ++lap)
            co_await yield();
        co_return part.size();
    }

    /// Awaitable: the page is what was said.
    task<> expect(greenlet<http::reply> page, std::size_t piece) {
        const http::reply got = co_await page.get();
        EXPECT_EQ(got.fields.get("x-name"), "value") << "in pieces of " << piece;
        EXPECT_TRUE(got.body == body) << "in pieces of " << piece;
        EXPECT_EQ(client.idle(), 1u);
    }

    net::tcp_listener listening = net::listen(net::address::loopback(0));
    http::client client;
    std::string body, answer;
    std::optional<net::tcp_stream> end;
};

TEST(http_tcp, long_answers_come_whole_in_whatever_pieces) {
    on_this_machine([]() -> task<> {
        server_by_hand server(150'000);
        for (const std::size_t piece : {1'000'000u, 1'000'000u, 70'000u, 20'000u, 3'000u, 20u, 65'536u}) {
            const auto page = co_await server.asked();
            // A head by bytes, and then the rest: nobody is to wait for what is there already.
            const std::size_t all = server.answer.size(), slowly = piece == 20 ? 2'000 : all;
            for (std::size_t at = 0; at < all;)
                at += co_await server.say(at, at < slowly ? piece : all, 1);
            co_await server.expect(page, piece);
        }
    });
}

TEST(http_tcp, short_answers_come_whole_in_whatever_pieces) {
    on_this_machine([]() -> task<> {
        server_by_hand server(3'000);
        for (const std::size_t piece : {10'000u, 10'000u, 1'000u, 50u, 7u, 1u, 10'000u}) {
            const auto page = co_await server.asked();
            for (std::size_t at = 0; at < server.answer.size();)
                at += co_await server.say(at, piece, 3);
            co_await server.expect(page, piece);
        }
    });
}

TEST(http_tcp, a_server_that_has_just_said_goodbye_gets_no_post_on_that_connection) {
    const std::string late = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for (const std::string& goodbye : {late, std::string()})
        on_this_machine([&]() -> task<> {
            auto listening = net::listen(net::address::loopback(0));
            const std::string url = url_of(listening.local_address());
            std::optional<net::tcp_stream> kept;
            const auto answer = [&]() -> task<> {
                net::tcp_stream end = co_await listening.accept();
                for (int left = 2; left > 0; --left) {  // so that the client knows that answers are short
                    std::array<std::byte, 1000> request;
                    EXPECT_GT(co_await end.read(request), 0u);
                    co_await end.write_all(io::bytes_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
                }
                kept.emplace(std::move(end));
            };
            http::client client;
            const auto first = spawn(answer);
            EXPECT_EQ((co_await client.get(url)).body, "hello");
            EXPECT_EQ((co_await client.get(url)).body, "hello");
            co_await first.join();
            const int end = kept->native_handle();
            const auto second = spawn(answer);
            EXPECT_EQ(::send(end, goodbye.data(), goodbye.size(), 0), static_cast<ssize_t>(goodbye.size()));
            EXPECT_EQ(::shutdown(end, SHUT_WR), 0);
            // Nothing has been waited for since.
            EXPECT_EQ((co_await with_timeout(10s, client.post(url, "x"))).body, "hello");
            EXPECT_EQ((co_await client.post(url, "x")).body, "hello");
            co_await second.join();
        });
}

TEST(http_tcp, a_server_that_refuses_a_body_need_not_read_it) {
    on_this_machine([]() -> task<> {
        auto listening = net::listen(net::address::loopback(0));
        http::client client;
        const std::string url = url_of(listening.local_address());
        for (const bool in_pieces : {false, true}) {
            http::request_body body(std::string(100'000'000, 'x'));
            if (in_pieces)
                body = http::request_body::from(
                    [](std::span<std::byte> into) -> task<std::size_t> { co_return into.size(); });
            http::request_options options;
            options.body = std::move(body);
            const auto page = spawn([&] { return client.fetch("POST", url, options); });
            auto end = co_await listening.accept();
            std::string heard(10, '-');
            co_await io::read_exact(end, std::as_writable_bytes(std::span(heard)));
            co_await sleep_for(100ms);
            co_await end.write_all(io::bytes_of("HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno"));
            auto answer = with_timeout(5s, page.get());
            const http::reply r = co_await std::move(answer);
            EXPECT_EQ(r.status, 413);
            EXPECT_EQ(client.idle(), 0u);
        }
    });
}

TEST(http_tcp, a_server_may_be_on_a_unix_socket) {
    const story::scratch_folder folder;
    on_this_machine([&]() -> task<> {
        http::server server = hello();
        server.handle("/moved", [](http::request&) -> task<http::response> {
            http::response r(302);
            r.fields.add("Location", "/there?x");
            co_return r;
        });
        (void)server.start(net::address::unix_path(folder.at("socket")));
        http::client client;
        std::string path = folder.at("socket"), encoded;
        for (const char c : path)
            encoded += c == '/' ? "%2F" : std::string(1, c);
        const http::reply page = co_await client.get("http+unix://" + encoded + "/moved");
        EXPECT_EQ(page.body, "hello");
        EXPECT_EQ(page.url, "http+unix://" + encoded + "/there?x");
        EXPECT_EQ(client.idle(), 1u);
        try {
            (void)co_await client.get("http+unix://" + encoded + "2/");
            ADD_FAILURE();
        } catch (const http::request_error& e) {
            EXPECT_THAT(e.what(), testing::HasSubstr("socket2: No such file or directory"));
        }
        client.close_idle();
        (void)co_await server.stop(5s);
    });
}

TEST(http_tcp, a_page_needs_no_client_of_its_own) {
    run([]() -> task<> {
        http::server server = hello();
        const std::string url = url_of(server.start(net::address::loopback(0)));
        EXPECT_EQ((co_await http::get(url)).body, "hello");
        EXPECT_EQ((co_await http::get(url)).body, "hello");
        EXPECT_EQ(http::shared_client().idle(), 1u);
    });
}

TEST(http_tcp, a_full_server_stops_accepting_until_there_is_room) {
    on_this_machine([]() -> task<> {
        http::server_options options;
        options.connections = 2;
        http::server server(options);
        server.handle("/", [](http::request&) -> task<http::response> { co_return "hello"; });
        const net::address where = server.start(net::address::loopback(0));
        const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        std::vector<net::tcp_stream> clients;
        for (int i = 0; i < 3; ++i) {
            clients.push_back(co_await net::tcp_stream::connect(where));
            co_await clients.back().write_all(io::bytes_of(request));
        }
        std::byte buffer[1000];
        for (int i = 0; i < 2; ++i)
            EXPECT_GT(co_await clients[static_cast<std::size_t>(i)].read(buffer), 0u);
        EXPECT_FALSE(co_await as_result(with_timeout(50ms, clients[2].read(buffer))));
        EXPECT_EQ(server.connections(), 2u);
        clients[0].close();
        EXPECT_GT(co_await clients[2].read(buffer), 0u);
        EXPECT_EQ(co_await server.stop(5s), 0u);
    });
}

TEST(http_tcp, large_bodies_travel_both_ways) {
    on_this_machine([]() -> task<> {
        http::server_options options;
        options.limits.body = 64 << 20;
        http::server server(options);
        server.handle("/echo",
                      [](http::request& asked) -> task<http::response> { co_return co_await asked.read_all(); });
        const std::string url = url_of(server.start(net::address::loopback(0)), "/echo");
        http::client client;
        std::string body;
        while (body.size() < (10U << 20))
            body += std::to_string(body.size());
        EXPECT_EQ((co_await client.post(url, body)).body, body);
        EXPECT_EQ(co_await server.stop(5s), 0u);
    });
}

TEST(http_tcp, resets_and_garbage_are_the_trouble_of_their_own_connections) {
    on_this_machine([]() -> task<> {
        http::server server = hello();
        const net::address where = server.start(net::address::loopback(0));
        for (int i = 0; i < 20; ++i) {
            story::fd client = story::connect_plainly(where);
            story::send_plainly(client, i % 2 == 0 ? "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET" : "\x16\x03\x01");
            if (i % 3 == 0)
                story::reset_plainly(client);
        }
        http::client client;
        EXPECT_EQ((co_await client.get(url_of(where))).body, "hello");
        EXPECT_EQ(co_await server.stop(5s), 0u);
    });
}

TEST(http_tcp, a_signal_ends_a_server_gently_and_a_second_one_at_once) {
    for (const int signals : {1, 2}) {
        on_this_machine([signals]() -> task<> {
            http::server server;
            ringlet::event asked, release;
            server.handle("/", [&](http::request&) -> task<http::response> {
                asked.set();
                co_await release.wait();
                co_return "done";
            });
            auto listener = net::listen(net::address::loopback(0));
            const std::string url = url_of(listener.local_address());
            const greenlet<std::size_t> serving = spawn(
                [&server](net::tcp_listener l) { return server.serve_forever(std::move(l)); }, std::move(listener));
            http::client client;
            const greenlet<http::reply> page = spawn([&] { return client.get(url); });
            co_await asked.wait();
            ringlet::set_report_sink([](std::string_view) {});  // that somebody was cut is told
            for (int i = 0; i < signals; ++i) {
                ::raise(SIGTERM);
                co_await sleep_for(3ms);  // the pipe of the signals has to be read
            }
            if (signals == 1)
                release.set();
            EXPECT_EQ(co_await serving.get(), signals == 1 ? 0u : 1u);
            ringlet::set_report_sink({});
            EXPECT_EQ(bool(co_await as_result(page.get())), signals == 1);
        });
    }
}

TEST(http_tcp, a_refused_connection_names_url_and_address) {
    on_this_machine([]() -> task<> {
        http::client client;
        try {
            (void)co_await client.get("http://127.0.0.1:1/");
            ADD_FAILURE();
        } catch (const http::request_error& e) {
            EXPECT_STREQ(e.what(), "GET http://127.0.0.1:1/: connect 127.0.0.1:1: Connection refused");
            EXPECT_EQ(e.code(), std::errc::connection_refused);
            EXPECT_EQ(e.at(), http::request_error::stage::connect);
        }
    });
}

}  // namespace net_http_tcp_test

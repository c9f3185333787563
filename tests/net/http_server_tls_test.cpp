// A server over TLS: requests, goodbyes that cannot be forged, and clients that do not finish their
// handshake.

#include "support/http_world.hpp"
#include "support/machine.hpp"
#include "support/plain_socket.hpp"
#include "support/tls_world.hpp"

#include <ringlet/net/http_server_tls.hpp>

#include <gmock/gmock.h>

namespace net_http_server_tls_test {

using namespace ringlet;
using namespace story;

const std::string get = "GET / HTTP/1.1\r\nHost: a.org\r\n\r\n";

/// One connection to a server, encrypted by it.
struct secured {
    explicit secured(http::server& s, const http::connection_wrapper& wrapper) {
        auto ends = io::duplex(64 * 1024, "a.org");
        client = std::move(ends.first);
        auto wrapped = wrapper(io::any_stream(std::move(ends.second)));
        serving = spawn(
            [&s](task<io::any_stream> handshake) -> task<> {
                io::any_stream stream = co_await std::move(handshake);
                auto work = s.serve_stream(std::move(stream));
                co_await std::move(work);
            },
            std::move(wrapped));
    }
    std::optional<io::memory_stream> client;
    greenlet<> serving;
};

TEST(http_server_tls, requests_are_answered_over_it) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        secured world(server, http::over_tls(tls::context(serving())));
        auto handshake = tls::connect(io::any_stream(std::move(*world.client)), "a.org", tls::context(trusting()));
        tls::stream client = co_await std::move(handshake);
        const std::string large = "GET /large HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\n\r\n";
        co_await client.write_all(io::bytes_of(get));
        co_await client.write_all(io::bytes_of(large));
        std::string heard;
        char buffer[10'000];
        while (const auto count = co_await client.read(std::as_writable_bytes(std::span(buffer))))  // throws when cut
            heard.append(buffer, count);
        EXPECT_THAT(heard, testing::HasSubstr("GET /HTTP/1.1 200 OK"));
        EXPECT_GT(heard.size(), 1U << 20);
        client.close();
        co_await world.serving.join();
    });
}

TEST(http_server_tls, an_answer_that_broke_off_is_not_said_to_have_ended) {
    in_virtual_time([]() -> task<> {
        http::server server;
        server.handle("/breaks", [](http::request&, http::response_writer& out) -> task<> {
            co_await out.write("a half");
            throw std::runtime_error("no more");
        });
        const heard_reports failures;
        secured world(server, http::over_tls(tls::context(serving())));
        auto handshake = tls::connect(io::any_stream(std::move(*world.client)), "a.org", tls::context(trusting()));
        tls::stream client = co_await std::move(handshake);
        // HTTP/1.0 knows the end of such a body by the end of the connection only.
        const std::string old = "GET /breaks HTTP/1.0\r\nHost: a.org\r\n\r\n";
        co_await client.write_all(io::bytes_of(old));
        std::string heard;
        bool cut = false;
        try {
            char buffer[1000];
            while (const auto count = co_await client.read(std::as_writable_bytes(std::span(buffer))))
                heard.append(buffer, count);
        } catch (const std::system_error&) {
            cut = true;
        }
        EXPECT_THAT(heard, testing::EndsWith("a half"));
        EXPECT_TRUE(cut) << "it looked whole";
        client.close();
        co_await world.serving.join();
    });
}

TEST(http_server_tls, http2_is_agreed_on_with_whom_offers_it) {
    const auto agreed = [](const std::vector<std::string>& offered, const std::vector<std::string>& spoken) {
        return in_virtual_time([&]() -> task<std::string> {
            http::server server;
            add_pages(server);
            secured world(server, http::over_tls(tls::context(serving().alpn(spoken))));
            auto handshake = tls::connect(io::any_stream(std::move(*world.client)), "a.org",
                                          tls::context(trusting().alpn(offered)));
            std::string name;
            {
                tls::stream client = co_await std::move(handshake);
                name = client.alpn();
                co_await client.write_all(io::bytes_of(get));
                std::byte some[100];
                EXPECT_GT(co_await client.read(some), 0u)
                    << "whoever agrees and then does not, is answered all the same";
            }
            co_await world.serving.join();
            co_return name;
        });
    };
    EXPECT_EQ(agreed({"h2", "http/1.1"}, {}), "h2");
    EXPECT_EQ(agreed({"http/1.1"}, {}), "http/1.1");
    EXPECT_EQ(agreed({"other"}, {}), "");
    EXPECT_EQ(agreed({}, {}), "");
    EXPECT_EQ(agreed({"h2", "http/1.1"}, {"http/1.1"}), "http/1.1");
}

/// A server that listens over TLS on this machine.
struct listening {
    explicit listening(const http::server_options& options = {}) : server(options) {
        add_pages(server);
        server.handle("/two", [](http::request&, http::response_writer& out) -> task<> {
            co_await out.write("one");
            co_await out.write("two");
        });
        where = server.start(net::address::loopback(0), http::over_tls(tls::context(serving())));
    }
    task<tls::stream> connect() {
        net::tcp_stream below = co_await net::tcp_stream::connect(where);
        auto handshake = tls::connect(io::any_stream(std::move(below)), "a.org", tls::context(trusting()));
        co_return co_await std::move(handshake);
    }
    http::server server;
    net::address where;
};

task<std::string> hear_all(tls::stream& from) {
    std::string heard;
    char buffer[10'000];
    while (const auto count = co_await from.read(std::as_writable_bytes(std::span(buffer))))
        heard.append(buffer, count);
    co_return heard;
}

TEST(http_server_tls, an_answer_ends_with_a_goodbye_that_nobody_can_forge) {
    on_this_machine([]() -> task<> {
        listening world;
        tls::stream client = co_await world.connect();
        co_await client.write_all(io::bytes_of("GET /two HTTP/1.0\r\n\r\n"));  // ends by closing
        EXPECT_THAT(co_await hear_all(client), testing::EndsWith("onetwo"));
        tls::stream idle = co_await world.connect();
        co_await idle.write_all(io::bytes_of("GET / HTTP/1.1\r\nHost: a.org\r\n\r\n"));
        std::byte some[1000];
        EXPECT_GT(co_await idle.read(some), 0u);
        const greenlet<std::size_t> stopping = spawn([&] { return world.server.stop(5s); });
        EXPECT_EQ(co_await idle.read(some), 0u) << "closed while it was idle, politely";
        idle.close();
        client.close();
        EXPECT_EQ(co_await stopping.get(), 0u);
    });
}

TEST(http_server_tls, no_handshake_begins_after_a_stop_at_whatever_moment_that_is_asked_for) {
    const auto secure = http::over_tls(tls::context(serving()));
    std::size_t begun = 0;
    bool stopped = false;
    for (int moment = 0; moment < 12; ++moment) {
        stopped = false;
        on_this_machine([&](watched_kernel& kernel) -> task<> {
            kernel.hurried = true;
            http::server server;
            const auto where = server.start(net::address::loopback(0), [&](io::any_stream stream) {
                EXPECT_FALSE(stopped) << "it began after a stop " << moment << " laps after the connection";
                ++begun;
                return secure(std::move(stream));
            });
            co_await laps(3);  // the server waits for a connection
            const story::fd silent = connect_plainly(where);
            co_await laps(moment);
            stopped = true;
            EXPECT_EQ(co_await server.stop(5s), 0u) << "cut by a stop " << moment << " laps after the connection";
            co_await until_nothing_is_in_flight();
        });
    }
    EXPECT_GT(begun, 0u) << "all were stopped before";
}

TEST(http_server_tls, what_is_no_handshake_ends_alone_and_in_time) {
    on_this_machine([]() -> task<> {
        http::server_options options;
        options.head = 50ms;
        listening world(options);
        story::fd plain = connect_plainly(world.where), silent = connect_plainly(world.where),
                  half = connect_plainly(world.where);
        send_plainly(plain, get);
        send_plainly(half, std::string_view("\x16\x03\x01\x02", 4));
        tls::stream client = co_await world.connect();
        co_await client.write_all(io::bytes_of("GET / HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\n\r\n"));
        EXPECT_THAT(co_await hear_all(client), testing::EndsWith("GET /"));
        client.close();
        while (world.server.connections() > 0)
            co_await sleep_for(5ms);
        EXPECT_EQ(co_await world.server.stop(5s), 0u);
    });
}

}  // namespace net_http_server_tls_test

// A server over TLS, in virtual time: requests, goodbyes that cannot be forged, and clients that do not
// finish their handshake.

#include "support/http_world.hpp"
#include "support/tls_world.hpp"

#include <ringlet/net/http_server_tls.hpp>

#include <gmock/gmock.h>

using namespace ringlet;
using namespace story;

namespace {

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

}  // namespace

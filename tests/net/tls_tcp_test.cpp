// TLS over sockets of this machine.

#include "support/machine.hpp"
#include "support/tls_world.hpp"

#include <ringlet/net/tcp.hpp>

#include <gtest/gtest.h>

namespace net_tls_tcp_test {

using namespace story;

TEST(tls_tcp, connects_by_name_and_carries_much_both_ways) {
    on_this_machine([]() -> task<> {
        const tls::context has(serving("localhost"));
        const tls::context asks(trusting());
        auto listener = ringlet::net::listen(ringlet::net::address::loopback(0));
        const std::string much = numbered_bytes(3'000'000);
        const auto server = spawn([&]() -> task<> {
            auto below = co_await listener.accept();
            auto waited = tls::accept(std::move(below), has);
            tls::stream s = co_await std::move(waited);
            std::string got;
            auto both = ringlet::all(read_to_end(s, got), write_and_finish(s, much, sizes(70'000, 1, 300'000)));
            co_await std::move(both);
            EXPECT_TRUE(got == much);
        });
        auto connecting = tls::connect("localhost", listener.local_address().port(), asks,
                                       ringlet::net::connect_options().family(AF_INET));
        tls::stream s = co_await std::move(connecting);
        EXPECT_EQ(s.name(), "localhost:" + std::to_string(listener.local_address().port()));
        std::string got;
        auto both = ringlet::all(read_to_end(s, got), write_and_finish(s, much, sizes(1'000'000, 16'384)));
        co_await std::move(both);
        EXPECT_TRUE(got == much);
        co_await server.get();
        EXPECT_EQ(errors_left_behind(), 0u);
    });
}

/// Each handshake is a greenlet's own affair: others read and write meanwhile, whatever becomes of it.
TEST(tls_tcp, failing_handshakes_do_no_harm_to_the_connections_beside_them) {
    on_this_machine([]() -> task<> {
        const tls::context has(serving("localhost"));
        const tls::context asks(trusting());
        const tls::context stranger{tls::client_options().ca_pem(authority("Other").pem())};
        auto listener = ringlet::net::listen(ringlet::net::address::loopback(0));
        const auto serve_one = [&](ringlet::net::tcp_stream below) -> task<> {
            auto waited = tls::accept(std::move(below), has);
            auto s = co_await as_result(std::move(waited));
            if (!s)
                co_return;
            std::string buffer(1000, '\0');
            for (;;) {
                const auto count = co_await as_result(s->read(room_in(buffer)));
                if (!count || *count == 0)
                    co_return;
                co_await s->write_all(bytes_of(std::string_view(buffer).substr(0, *count)));
            }
        };
        const auto server = spawn([&]() -> task<> {
            for (;;) {
                auto below = co_await listener.accept();
                spawn(serve_one, std::move(below));
            }
        });
        const ringlet::net::address at = listener.local_address();
        const auto good = [&]() -> task<> {
            auto below = co_await ringlet::net::tcp_stream::connect(at);
            auto connecting = tls::connect(std::move(below), "localhost", asks);
            tls::stream s = co_await std::move(connecting);
            for (int i = 0; i < 30; ++i) {
                co_await write_text(s, "ping");
                EXPECT_EQ(co_await read_count(s, 4), "ping");
            }
            co_await s.shutdown();
        };
        const auto bad = [&]() -> task<> {
            for (int i = 0; i < 10; ++i) {
                auto below = co_await ringlet::net::tcp_stream::connect(at);
                auto connecting = tls::connect(std::move(below), "localhost", stranger);
                EXPECT_NE(co_await error_from(std::move(connecting)), "");
            }
        };
        auto everybody = ringlet::all(good(), bad(), good(), bad(), good());
        co_await std::move(everybody);
        server.kill();
        co_await server.join();
        co_await ringlet::sleep_for(std::chrono::milliseconds(5));
        EXPECT_EQ(errors_left_behind(), 0u);
    });
}

}  // namespace net_tls_tcp_test

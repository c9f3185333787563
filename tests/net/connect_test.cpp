#include <ringlet/net/connect.hpp>

#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>

#include <gtest/gtest.h>

using namespace ringlet;

namespace {

std::uint16_t free_port() { return net::listen(net::address::loopback(0)).local_address().port(); }

TEST(connect, reaches_a_listener_by_name_and_by_number) {
    run([]() -> task<> {
        net::tcp_listener l = net::listen(net::address::loopback(0));
        const std::uint16_t port = l.local_address().port();
        net::tcp_stream a = co_await net::connect("127.0.0.1", port);
        net::tcp_stream b = co_await net::connect("localhost", port);
        EXPECT_EQ(a.peer_address(), l.local_address());
        EXPECT_EQ(b.name(), "localhost:" + std::to_string(port));
    });
}

TEST(connect, names_every_address_that_refused) {
    run([]() -> task<> {
        const std::uint16_t port = free_port();
        std::vector<net::address> all;
        all.push_back(net::address::ip("127.0.0.2", port));
        all.push_back(net::address::ip("::1", port));
        all.push_back(net::address::ip("127.0.0.3", port));
        try {
            co_await net::connect_any("example.org:443", all);
            ADD_FAILURE();
        } catch (const net::connect_error& e) {
            EXPECT_EQ(std::string(e.what()),
                      "connect example.org:443: 127.0.0.2: Connection refused; ::1: Connection refused; "
                      "127.0.0.3: Connection refused");
        }
    });
}

}  // namespace

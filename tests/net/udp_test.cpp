// Datagrams between sockets of this machine.

#include "support/machine.hpp"
#include "support/plain_socket.hpp"

#include <ringlet/core/result.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/at_once.hpp>
#include <ringlet/net/udp.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace net_udp_test {

using namespace ringlet;
using namespace story;
using net::address;
using net::udp_socket;
using testing::HasSubstr;

std::span<std::byte> room_in(std::string& text) { return std::as_writable_bytes(std::span(text)); }

task<std::string> receive(udp_socket& at, std::size_t most = 2'000) {
    std::string text(most, '\0');
    const net::datagram d = co_await at.recv_from(room_in(text));
    text.resize(d.size());
    co_return text;
}

void talk(const address& here) {
    on_this_machine([&]() -> task<> {
        udp_socket a = udp_socket::bind(here);
        udp_socket b = udp_socket::bind(here);
        EXPECT_NE(a.local_address().port(), 0);
        co_await a.send_to("ping", b.local_address());
        std::string text(100, '\0');
        const net::datagram ping = co_await b.recv_from(room_in(text));
        EXPECT_EQ(text.substr(0, ping.size()), "ping");
        EXPECT_EQ(ping.from(), a.local_address());
        EXPECT_FALSE(ping.truncated());
        co_await b.send_to("pong", ping.from());
        EXPECT_EQ(co_await receive(a), "pong");
    });
}

TEST(udp, sends_and_receives_over_ipv4) { talk(address::loopback(0)); }

TEST(udp, sends_and_receives_over_ipv6) {
    if (!fd(::socket(AF_INET6, SOCK_DGRAM, 0)))
        GTEST_SKIP() << "no IPv6 here";
    talk(address::loopback6(0));
}

TEST(udp, works_between_unix_sockets_too) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        net::unix_datagram_socket a = udp_socket::bind(address::unix_path(folder / "a"));
        net::unix_datagram_socket b = udp_socket::connected(address::unix_path(folder / "a"));
        co_await b.send("hello");
        std::string text(2, '\0');
        const net::datagram d = co_await a.recv_from(room_in(text));
        EXPECT_EQ(text, "he");
        EXPECT_EQ(d.full_size(), 5u);
        EXPECT_EQ(d.from(), address()) << "an unnamed sender";
    });
}

TEST(udp, keeps_datagrams_apart_and_tells_of_truncation) {
    on_this_machine([]() -> task<> {
        udp_socket a = udp_socket::bind(address::loopback(0));
        udp_socket b = udp_socket::connected(a.local_address());
        co_await b.send("123456789");
        co_await b.send("");
        co_await b.send("last");
        std::string text(4, '\0');
        const net::datagram cut = co_await a.recv_from(room_in(text));
        EXPECT_EQ(text, "1234");
        EXPECT_TRUE(cut.truncated());
        EXPECT_EQ(cut.size(), 4u);
        EXPECT_EQ(cut.full_size(), 9u);
        const net::datagram empty = co_await a.recv_from(room_in(text));
        EXPECT_EQ(empty.size(), 0u) << "an empty datagram is one too";
        EXPECT_EQ(co_await receive(a), "last");
    });
}

TEST(udp, what_the_network_says_comes_out_as_an_error) {
    on_this_machine([]() -> task<> {
        const address nobody = [] { return udp_socket::bind(address::loopback(0)).local_address(); }();
        udp_socket s = udp_socket::connected(nobody);
        const auto waiting = spawn([&] { return error_from(receive(s)); });
        co_await yield();
        co_await s.send("anybody?");
        EXPECT_EQ(co_await waiting.get(), "receive at " + nobody.to_string() + ": Connection refused");
        co_await s.send("again");
        EXPECT_EQ(co_await error_from(s.send("and again")), "send to " + nobody.to_string() + ": Connection refused");
    });
}

TEST(udp, names_addresses_in_errors) {
    on_this_machine([]() -> task<> {
        udp_socket s = udp_socket::bind(address::loopback(0));
        const std::string here = s.local_address().to_string();
        EXPECT_EQ(error_of([&] { udp_socket::bind(s.local_address()); }),
                  "bind " + here + ": Address already in use");
        const address there = address::loopback(9);
        EXPECT_EQ(co_await error_from(s.send_to(std::string(70'000, 'x'), there)),
                  "send to 127.0.0.1:9: Message too long");
        EXPECT_EQ(co_await error_from(s.send("to whom?")), "send to " + here + ": Destination address required");
        EXPECT_EQ(co_await error_from(with_timeout(1ms, receive(s))), "a datagram: timed out after 1 ms");
    });
}

TEST(udp, several_receive_at_once_in_the_order_of_asking) {
    on_this_machine([]() -> task<> {
        udp_socket s = udp_socket::bind(address::loopback(0));
        std::vector<greenlet<std::string>> receivers;
        for (int i = 0; i < 3; ++i)
            receivers.push_back(spawn([&] { return receive(s); }));
        co_await yield();
        for (const char* text : {"one", "two", "three"})
            co_await s.send_to(text, s.local_address());
        std::set<std::string> got;
        for (const auto& g : receivers)
            got.insert(co_await g.get());
        EXPECT_EQ(got, (std::set<std::string>{"one", "two", "three"}));
    });
}

TEST(udp, invariant_4_a_datagram_already_received_is_delivered_to_the_killed) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        udp_socket s = udp_socket::bind(address::loopback(0));
        std::string got;
        const auto victim = spawn([&]() -> task<> {
            got = co_await receive(s);
            co_await yield();
            ADD_FAILURE() << "the next wait must fail";
        });
        co_await yield();
        co_await yield();
        const auto blow = [&](unsigned opcode, int, unsigned) {
            if (opcode == IORING_OP_RECVMSG)
                victim.kill();  // before it is woken: this asks the kernel to cancel what has just ended
        };
        kernel.on_answer = blow;
        co_await s.send_to("just in time", s.local_address());
        co_await victim.join();
        EXPECT_EQ(got, "just in time");
        EXPECT_FALSE(victim.successful());
    });
}

TEST(udp, invariant_4_a_datagram_that_comes_after_the_abort_is_for_the_next) {
    on_this_machine([]() -> task<> {
        udp_socket s = udp_socket::bind(address::loopback(0));
        std::string got;
        const auto victim = spawn([&]() -> task<> { got = co_await receive(s); });
        co_await yield();
        co_await yield();
        const fd sender(ringlet::io::socket_now(AF_INET, SOCK_DGRAM));
        const address to = s.local_address();
        iovec text{const_cast<char*>("x"), 1};
        msghdr message{};
        message.msg_iov = &text;
        message.msg_iovlen = 1;
        message.msg_name = const_cast<sockaddr*>(to.data());
        message.msg_namelen = to.size();
        victim.kill();
        EXPECT_EQ(ringlet::io::sendmsg_now(sender.get(), message), 1);
        co_await victim.join();
        if (got.empty())
            got = co_await receive(s);
        EXPECT_EQ(got, "x");
    });
}

TEST(udp, invariant_7_close_wakes_everybody_once_the_descriptor_is_closed) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        std::optional<udp_socket> s(udp_socket::bind(address::loopback(0)));
        const address here = s->local_address();
        const std::string says = "receive at " + here.to_string() + ": it was closed here: Operation canceled";
        const auto one = spawn([&] { return error_from(receive(*s)); });
        const auto other = spawn([&] { return error_from(receive(*s)); });
        co_await yield();
        std::size_t ended = 0;
        kernel.delay = [&](unsigned opcode, int) { return opcode == IORING_OP_RECVMSG && ++ended == 2 ? 5U : 0U; };
        s.reset();
        EXPECT_EQ(co_await one.get(), says);
        EXPECT_NO_THROW(udp_socket::bind(here));
        EXPECT_EQ(co_await other.get(), says);
    });
}

}  // namespace net_udp_test

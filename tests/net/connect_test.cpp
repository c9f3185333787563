// Racing addresses: whole hosts in 127/8 refuse, stay silent or answer, all on one port.
#include <ringlet/net/connect.hpp>

#include "support/machine.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/ops.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>

namespace net_connect_test {

using namespace ringlet;

using addresses = std::vector<net::address>;

/// A port of 127.0.0.1 that nobody listens on, and that nobody gets meanwhile.
class reserved_port {
public:
    reserved_port() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const net::address any = net::address::loopback(0);
        EXPECT_EQ(::bind(fd_.get(), any.data(), any.size()), 0);
        sockaddr_in bound{};
        socklen_t size = sizeof bound;
        getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&bound), &size);
        number = ntohs(bound.sin_port);
    }

    net::address at(std::string_view host) const { return net::address::ip(host, number); }
    std::string text() const { return std::to_string(number); }

    std::uint16_t number = 0;

private:
    io::fd fd_;
};

/// An address that never answers: its backlog is full, so the kernel drops what asks (listen(2)).
class silent_host {
public:
    explicit silent_host(const net::address& where) : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        EXPECT_EQ(::bind(listening_.get(), where.data(), where.size()), 0);
        EXPECT_EQ(::listen(listening_.get(), 0), 0);
        for (io::fd& each : fill_) {
            each = io::fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            (void)::connect(each.get(), where.data(), where.size());
        }
    }

private:
    io::fd listening_;
    io::fd fill_[2];
};

/// Makes the resolver know names, as a hosts file would; without a name server.
class known_names {
public:
    explicit known_names(const std::string& lines)
        : path_(testing::TempDir() + "ringlet_connect_hosts_" + std::to_string(getpid())) {
        std::ofstream(path_) << lines;
        net::resolver::current().configure(net::resolver_options().hosts(path_));
    }
    ~known_names() { ::unlink(path_.c_str()); }

private:
    std::string path_;
};

net::connect_options within(duration all, duration each) {
    return net::connect_options().timeout(all).attempt_delay(each);
}

task<std::string> failure_of(task<net::tcp_stream> connecting) {
    try {
        const net::tcp_stream s = co_await std::move(connecting);
        co_return "connected to " + s.peer_address().to_string();
    } catch (const std::system_error& e) {
        co_return e.what();
    }
}

/// Gives the loop time to reap what was cancelled.
task<> until_idle(std::size_t in_flight) {
    for (int i = 0; i < 1000 && loop::current().in_flight() > in_flight; ++i)
        co_await sleep_for(100us);
    EXPECT_EQ(loop::current().in_flight(), in_flight);
}

TEST(connect, reaches_a_listener_by_name_and_by_number) {
    run([]() -> task<> {
        const net::tcp_listener l = net::listen(net::address::loopback(0));
        const std::uint16_t port = l.local_address().port();
        const net::tcp_stream a = co_await net::connect("127.0.0.1", port);
        const net::tcp_stream b = co_await net::connect("localhost", port);
        const net::tcp_stream c = co_await net::connect(l.local_address());
        EXPECT_EQ(a.peer_address(), l.local_address());
        EXPECT_EQ(b.peer_address(), l.local_address());
        EXPECT_EQ(c.peer_address(), l.local_address());
        EXPECT_EQ(b.name(), "localhost:" + std::to_string(port));
    });
}

TEST(connect, reaches_ipv6_and_unix_addresses) {
    run([]() -> task<> {
        const net::tcp_listener six = net::listen(net::address::loopback6(0));
        const std::uint16_t port = six.local_address().port();
        const net::tcp_stream a = co_await net::connect("::1", port);
        const net::tcp_stream b = co_await net::connect("[::1]", port);
        EXPECT_EQ(a.name(), "[::1]:" + std::to_string(port));
        EXPECT_EQ(b.name(), a.name());
        const net::address path = net::address::unix_abstract("ringlet connect " + std::to_string(getpid()));
        EXPECT_THAT(co_await failure_of(net::connect(path)), testing::EndsWith(": Connection refused"));
        net::unix_listener l = net::listen(path);
        const net::unix_stream c = co_await net::connect(path);
        const net::unix_stream served = co_await l.accept();
        EXPECT_EQ(c.name(), path.to_string());
    });
}

TEST(connect, says_who_refused) {
    run([]() -> task<> {
        const reserved_port port;
        const known_names names("127.0.0.1 one.test\n");
        EXPECT_EQ(co_await failure_of(net::connect("127.0.0.1", port.number)),
                  "connect 127.0.0.1:" + port.text() + ": Connection refused");
        EXPECT_EQ(co_await failure_of(net::connect(port.at("127.0.0.1"))),
                  "connect 127.0.0.1:" + port.text() + ": Connection refused");
        EXPECT_EQ(co_await failure_of(net::connect("one.test", port.number)),
                  "connect one.test:" + port.text() + ": 127.0.0.1: Connection refused");
    });
}

TEST(connect, names_every_address_that_refused_with_the_families_taking_turns) {
    run([]() -> task<> {
        const reserved_port port;
        addresses all(1, port.at("127.0.0.2"));
        all.push_back(port.at("127.0.0.3"));
        all.push_back(port.at("::1"));
        try {
            co_await net::connect_any("example.org:443", all, within(30s, 10s));
            ADD_FAILURE();
        } catch (const net::connect_error& e) {
            EXPECT_STREQ(e.what(),
                         "connect example.org:443: 127.0.0.2: Connection refused; ::1: Connection refused; "
                         "127.0.0.3: Connection refused");
            EXPECT_EQ(e.code(), std::errc::connection_refused);
            EXPECT_EQ(e.failures().size(), 3u);
        }
    });
}

TEST(connect, tries_the_next_address_at_once_when_one_refuses) {
    run([]() -> task<> {
        const reserved_port port;
        const known_names names("127.0.0.2 two.test\n127.0.0.3 two.test\n");
        const net::tcp_listener alive = net::listen(port.at("127.0.0.3"));
        const time_point start = loop::current().fresh_now();
        const net::tcp_stream s = co_await net::connect("two.test", port.number, within(60s, 30s));
        EXPECT_EQ(s.peer_address(), port.at("127.0.0.3"));
        EXPECT_LT(loop::current().fresh_now() - start, 10s);
    });
}

TEST(connect, tries_the_next_address_beside_one_that_is_silent) {
    run([]() -> task<> {
        const reserved_port port;
        const silent_host dead(port.at("127.0.0.2"));
        const net::tcp_listener alive = net::listen(port.at("127.0.0.3"));
        const known_names names("127.0.0.2 two.test\n127.0.0.3 two.test\n");
        const std::size_t descriptors = story::open_fds();
        {
            const net::tcp_stream s = co_await net::connect("two.test", port.number, within(30s, 3ms));
            EXPECT_EQ(s.peer_address(), port.at("127.0.0.3"));
            EXPECT_EQ(story::open_fds(), descriptors + 1) << "the loser was left open";
            EXPECT_EQ(loop::current().in_flight(), 0u) << "the loser was left in flight";
        }
        co_await until_idle(0);
        EXPECT_EQ(story::open_fds(), descriptors);
    });
}

TEST(connect, keeps_one_when_all_succeed) {
    run([]() -> task<> {
        const reserved_port port;
        const net::tcp_listener two = net::listen(port.at("127.0.0.2"));
        const net::tcp_listener three = net::listen(port.at("127.0.0.3"));
        const std::size_t descriptors = story::open_fds();
        addresses both(1, two.local_address());
        both.push_back(three.local_address());
        for (int i = 0; i < 20; ++i) {
            // No delay, so that both are on their way in the same turn.
            const net::tcp_stream s = co_await net::connect_any("both", both, within(30s, 0s));
            EXPECT_EQ(story::open_fds(), descriptors + 1);
        }
    });
}

TEST(connect, has_one_deadline_for_all) {
    run([]() -> task<> {
        const reserved_port port;
        const silent_host two(port.at("127.0.0.2"));
        const silent_host three(port.at("127.0.0.3"));
        const known_names names("127.0.0.2 dead.test\n127.0.0.3 dead.test\n");
        const std::size_t descriptors = story::open_fds();
        EXPECT_EQ(co_await failure_of(net::connect("dead.test", port.number, within(20ms, 0s))),
                  "connect dead.test:" + port.text() +
                      ": 127.0.0.2: timed out after 20 ms; 127.0.0.3: timed out after 20 ms");
        EXPECT_EQ(
            co_await failure_of(net::connect("dead.test", port.number, within(5ms, 1s))),
            "connect dead.test:" + port.text() + ": 127.0.0.2: timed out after 5 ms; 127.0.0.3: not tried in time");
        EXPECT_EQ(co_await failure_of(net::connect(port.at("127.0.0.2"), within(5ms, 1s))),
                  "connect 127.0.0.2:" + port.text() + ": timed out after 5 ms");
        EXPECT_EQ(story::open_fds(), descriptors);
        EXPECT_EQ(loop::current().in_flight(), 0u);
    });
}

TEST(connect, lets_an_outer_deadline_through) {
    run([]() -> task<> {
        const reserved_port port;
        const silent_host two(port.at("127.0.0.2"));
        EXPECT_THROW(co_await with_timeout(2ms, net::connect("127.0.0.2", port.number)), timeout_error);
    });
}

TEST(connect, passes_on_that_a_name_does_not_resolve) {
    run([]() -> task<> {
        EXPECT_EQ(co_await failure_of(net::connect("no host", 80)), "resolve no host: not a host name");
        EXPECT_THROW(co_await net::connect_any("nobody:1", addresses()), std::invalid_argument);
    });
}

TEST(connect, can_be_killed_after_every_turn_of_the_loop) {
    run([]() -> task<> {
        const reserved_port port;
        const silent_host dead(port.at("127.0.0.2"));
        const net::tcp_listener alive = net::listen(port.at("127.0.0.4"));
        addresses all(1, port.at("127.0.0.2"));
        all.push_back(port.at("127.0.0.3"));
        all.push_back(port.at("127.0.0.4"));
        const std::size_t descriptors = story::open_fds();
        bool finished = false;
        int turns = 0;
        for (; !finished && turns < 10000; ++turns) {
            const auto go = [&all] { return net::connect_any("all", all, within(30s, 20us)); };
            const auto g = spawn(go);
            for (int i = 0; i < turns; ++i)
                co_await yield();
            g.kill();
            co_await g.join();
            finished = g.successful();
            if (!finished) {
                EXPECT_EQ(loop::current().in_flight(), 0u);
            }
        }
        EXPECT_TRUE(finished);
        EXPECT_GT(turns, 3);
        co_await until_idle(0);
        EXPECT_EQ(story::open_fds(), descriptors);
    });
}

TEST(connect, works_on_a_fiber) {
    run([] {
        net::tcp_listener l = net::listen(net::address::loopback(0));
        const net::tcp_stream s = await(net::connect("localhost", l.local_address().port()));
        EXPECT_EQ(s.peer_address(), l.local_address());
    });
}

}  // namespace net_connect_test

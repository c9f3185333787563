// Listening: where, and what happens to connections that come while nobody asks, while nothing can be
// accepted, or while the listener goes.

#include "support/machine.hpp"
#include "support/plain_socket.hpp"

#include <ringlet/core/report.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/tcp.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

namespace net_listener_test {

using namespace ringlet;
using namespace story;
using net::address;
using net::tcp_listener;
using net::tcp_stream;
using testing::HasSubstr;
using testing::StartsWith;

TEST(listener, takes_a_free_port_for_port_0_and_says_which) {
    on_this_machine([]() -> task<> {
        tcp_listener l = net::listen(address::loopback(0));
        EXPECT_NE(l.local_address().port(), 0);
        const fd client = connect_plainly(l.local_address());
        const tcp_stream server = co_await l.accept();
        EXPECT_EQ(server.peer_address(), address_of(client.get()));
        EXPECT_EQ(server.local_address(), l.local_address());
    });
}

TEST(listener, listens_on_ipv6) {
    if (!fd(::socket(AF_INET6, SOCK_STREAM, 0)))
        GTEST_SKIP() << "no IPv6 here";
    on_this_machine([]() -> task<> {
        tcp_listener l = net::listen(address::loopback6(0));
        tcp_stream client = co_await tcp_stream::connect(l.local_address());
        const tcp_stream server = co_await l.accept();
        EXPECT_THAT(server.peer_address().to_string(), StartsWith("[::1]:"));
        EXPECT_THAT(client.name(), StartsWith("[::1]:"));
    });
}

TEST(listener, names_the_address_that_is_taken) {
    on_this_machine([] {
        const tcp_listener l = net::listen(address::loopback(0));
        const address taken = l.local_address();
        EXPECT_EQ(error_of([&] { net::listen(taken); }),
                  "listen on " + taken.to_string() + ": Address already in use");
    });
}

TEST(listener, shares_a_port_when_all_listeners_say_so) {
    on_this_machine([]() -> task<> {
        const auto shared = net::listen_options().reuse_port();
        tcp_listener one = net::listen(address::loopback(0), shared);
        tcp_listener two = net::listen(one.local_address(), shared);
        EXPECT_EQ(one.local_address(), two.local_address());
        EXPECT_THAT(error_of([&] { net::listen(one.local_address()); }), HasSubstr("Address already in use"));
        int taken = 0;
        const auto serve = [&taken](tcp_listener& l) -> task<> {
            for (;;) {
                const tcp_stream s = co_await l.accept();
                ++taken;
            }
        };
        const auto a = spawn(serve, std::ref(one));
        const auto b = spawn(serve, std::ref(two));
        for (int i = 0; i < 20; ++i)
            connect_plainly(one.local_address());
        while (taken < 20)
            co_await yield();
        a.kill();
        b.kill();
        co_await a.join();
        co_await b.join();
    });
}

TEST(listener, replaces_a_unix_socket_that_nobody_listens_on) {
    const temporary_folder folder;
    const address where = address::unix_path(folder / "socket");
    on_this_machine([&]() -> task<> {
        {
            const fd left_over(::socket(AF_UNIX, SOCK_STREAM, 0));
            must(::bind(left_over.get(), where.data(), where.size()) == 0, "bind");
        }
        net::unix_listener l = net::listen(where);
        const fd client = connect_plainly(where);
        const net::unix_stream s = co_await l.accept();
        EXPECT_EQ(error_of([&] { net::listen(where); }),
                  "listen on " + where.to_string() + ": Address already in use")
            << "a socket that somebody listens on must stay";
    });
}

TEST(listener, never_removes_a_file_that_is_no_socket) {
    const temporary_folder folder;
    const std::string path = folder / "precious";
    std::ofstream(path) << "precious";
    on_this_machine([&] {
        EXPECT_THAT(error_of([&] { net::listen(address::unix_path(path)); }), HasSubstr("Address already in use"));
    });
    std::string text;
    std::ifstream(path) >> text;
    EXPECT_EQ(text, "precious");
}

TEST(listener, serves_acceptors_in_the_order_of_asking) {
    on_this_machine([]() -> task<> {
        tcp_listener l = net::listen(address::loopback(0));
        std::vector<std::uint16_t> served;
        const auto serve = [&]() -> task<> {
            const tcp_stream s = co_await l.accept();
            served.push_back(s.peer_address().port());
        };
        std::vector<greenlet<>> acceptors;
        for (int i = 0; i < 4; ++i)
            acceptors.push_back(spawn(serve));
        co_await yield();
        std::vector<fd> clients;
        std::vector<std::uint16_t> ports;
        for (int i = 0; i < 4; ++i) {
            clients.push_back(connect_plainly(l.local_address()));
            ports.push_back(address_of(clients.back().get()).port());
        }
        for (const auto& g : acceptors)
            co_await g.get();
        EXPECT_EQ(served, ports);
    });
}

TEST(listener, leaves_connections_in_the_backlog_while_nobody_accepts_and_loses_none) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        tcp_listener l = net::listen(address::loopback(0));
        std::vector<fd> clients;
        const auto connect = [&](int count) {
            for (int i = 0; i < count; ++i)
                clients.push_back(connect_plainly(l.local_address()));
        };
        connect(1);
        { const tcp_stream first = co_await l.accept(); }
        const std::size_t fds = open_fds();
        for (int round = 0; round < 10; ++round) {
            connect(30);
            co_await yield();
            co_await yield();
        }
        EXPECT_LT(open_fds() - fds, 300u + 150u) << "accepted far more than anybody asked for";
        EXPECT_EQ(kernel.pushed(IORING_OP_ASYNC_CANCEL), 1u) << "paused once";
        for (std::size_t i = 1; i < clients.size(); ++i) {
            const tcp_stream s = co_await l.accept();
            EXPECT_EQ(s.peer_address(), address_of(clients[i].get())) << i;
        }
    });
}

TEST(listener, close_wakes_everybody_who_accepts_with_an_error_that_says_so) {
    on_this_machine([]() -> task<> {
        tcp_listener l = net::listen(address::loopback(0));
        const address where = l.local_address();
        const std::string expected = "accept on " + where.to_string() + ": it was closed here: Operation canceled";
        std::vector<greenlet<std::string>> acceptors;
        for (int i = 0; i < 3; ++i)
            acceptors.push_back(spawn([&] { return error_from(l.accept()); }));
        co_await yield();
        l.close();
        for (const auto& g : acceptors)
            EXPECT_EQ(co_await g.get(), expected);
        EXPECT_EQ(co_await error_from(l.accept()), expected);
        EXPECT_NO_THROW(net::listen(where)) << "invariant 7: the descriptor is closed before they wake";
    });
}

TEST(listener, may_be_moved_or_destroyed_while_somebody_accepts) {
    on_this_machine([]() -> task<> {
        std::optional<tcp_listener> l(net::listen(address::loopback(0)));
        const auto moved_from_under = spawn([&] { return error_from(l->accept()); });
        const auto destroyed = spawn([&] { return error_from(l->accept()); });
        co_await yield();
        tcp_listener other = std::move(*l);
        l.reset();
        const fd client = connect_plainly(other.local_address());
        EXPECT_EQ(co_await moved_from_under.get(), "");
        { const tcp_listener gone = std::move(other); }
        EXPECT_THAT(co_await destroyed.get(), HasSubstr("it was closed here"));
    });
}

TEST(listener, invariant_4_a_connection_that_arrives_in_spite_of_an_abort_is_for_the_next) {
    on_this_machine([]() -> task<> {
        tcp_listener l = net::listen(address::loopback(0));
        const auto killed = spawn([&] { return error_from(l.accept()); });
        co_await yield();
        const fd client = connect_plainly(l.local_address());
        killed.kill();
        co_await killed.join();
        EXPECT_FALSE(killed.successful());
        const tcp_stream s = co_await l.accept();
        EXPECT_EQ(s.peer_address(), address_of(client.get()));

        // And when nobody comes: on_this_machine counts the descriptors.
        const auto late = spawn([&] { return error_from(l.accept()); });
        co_await yield();
        const fd other = connect_plainly(l.local_address());
        late.kill();
        co_await late.join();
        l.close();
        co_await until_nothing_is_in_flight();
        char byte;
        EXPECT_LE(::recv(other.get(), &byte, 1, 0), 0) << "the client was left alone with its connection";
    });
}

TEST(listener, invariant_4_a_connection_already_handed_over_is_delivered_to_the_killed) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        tcp_listener l = net::listen(address::loopback(0));
        bool accepted = false;
        const auto victim = spawn([&]() -> task<> {
            const tcp_stream s = co_await l.accept();
            accepted = true;
            co_await yield();
            ADD_FAILURE() << "the next wait must fail";
        });
        co_await yield();
        const fd client = connect_plainly(l.local_address());
        kernel.on_answer = [&](unsigned opcode, int, unsigned) {
            if (opcode == IORING_OP_ACCEPT)
                kernel.after_turn = [&] { victim.kill(); };
        };
        co_await victim.join();
        kernel.on_answer = nullptr;
        kernel.after_turn = nullptr;
        EXPECT_TRUE(accepted);
    });
}

TEST(listener, works_where_the_kernel_has_no_multishot_accept) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        kernel.edit = [](io_uring_sqe& sqe) -> std::optional<int> {
            if (sqe.opcode == IORING_OP_ACCEPT && (sqe.ioprio & IORING_ACCEPT_MULTISHOT) != 0)
                return -EINVAL;
            return std::nullopt;
        };
        tcp_listener l = net::listen(address::loopback(0));
        for (int i = 0; i < 3; ++i) {
            const fd client = connect_plainly(l.local_address());
            const tcp_stream s = co_await l.accept();
            EXPECT_EQ(s.peer_address(), address_of(client.get()));
        }
        EXPECT_EQ(kernel.pushed(IORING_OP_ACCEPT), 4u) << "asked for a multishot accept more than once";
    });
}

TEST(listener, a_connection_that_was_gone_before_it_was_accepted_concerns_nobody) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        int aborted = 3;
        kernel.edit = [&](io_uring_sqe& sqe) -> std::optional<int> {
            if (sqe.opcode == IORING_OP_ACCEPT && aborted > 0) {
                --aborted;
                return -ECONNABORTED;
            }
            return std::nullopt;
        };
        tcp_listener l = net::listen(address::loopback(0));
        const fd client = connect_plainly(l.local_address());
        const tcp_stream s = co_await l.accept();
        EXPECT_EQ(aborted, 0);
    });
}

TEST(listener, an_error_of_the_listener_itself_is_thrown) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        kernel.edit = [](io_uring_sqe& sqe) -> std::optional<int> {
            if (sqe.opcode == IORING_OP_ACCEPT)
                return -ENOTSOCK;
            return std::nullopt;
        };
        tcp_listener l = net::listen(address::loopback(0));
        const std::string act = "accept on " + l.local_address().to_string();
        const auto one = spawn([&] { return error_from(l.accept()); });
        const auto other = spawn([&]() -> task<std::error_code> {
            const auto none = co_await as_result(l.accept());
            co_return none.error();
        });
        EXPECT_EQ(co_await one.get(), act + ": Socket operation on non-socket");
        EXPECT_EQ(co_await other.get(), std::errc::not_a_socket);
    });
}

TEST(listener, gives_up_waiting_after_a_timeout) {
    on_this_machine([]() -> task<> {
        tcp_listener l = net::listen(address::loopback(0));
        EXPECT_EQ(co_await error_from(with_timeout(1ms, l.accept())), "a connection to accept: timed out after 1 ms");
    });
}

/// Leaves this process without a descriptor to spare, until it goes.
class no_descriptors_left {
public:
    no_descriptors_left() {
        must(getrlimit(RLIMIT_NOFILE, &before_) == 0, "getrlimit");
        rlimit none = before_;
        fd lowest(::dup(0));
        none.rlim_cur = static_cast<rlim_t>(lowest.get());
        must(setrlimit(RLIMIT_NOFILE, &none) == 0, "setrlimit");
    }
    no_descriptors_left(const no_descriptors_left&) = delete;
    no_descriptors_left& operator=(const no_descriptors_left&) = delete;
    ~no_descriptors_left() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

void run_out_of_descriptors() {
    std::vector<std::string> reports;
    set_report_sink([&](std::string_view text) { reports.emplace_back(text); });
    auto k = std::make_unique<watched_kernel>();
    watched_kernel& kernel = *k;
    kernel.hurried = true;
    run(std::move(k), [&]() -> task<> {
        tcp_listener l = net::listen(address::loopback(0));
        std::vector<fd> clients;
        for (int i = 0; i < 3; ++i)
            clients.push_back(connect_plainly(l.local_address()));
        std::vector<tcp_stream> accepted;
        const auto serve = [&]() -> task<> {
            for (;;)
                accepted.push_back(co_await l.accept());
        };
        std::vector<greenlet<>> acceptors;
        for (int i = 0; i < 2; ++i)
            acceptors.push_back(spawn(serve));
        {
            const no_descriptors_left here;
            const std::size_t turns = kernel.turns;
            co_await sleep_for(10s);
            EXPECT_TRUE(accepted.empty());
            // 10, 20, 40 ... ms, then once a second.
            EXPECT_GE(kernel.pushed(IORING_OP_ACCEPT), 10u) << "gave up";
            EXPECT_LE(kernel.pushed(IORING_OP_ACCEPT), 20u) << "spins";
            EXPECT_LE(kernel.turns - turns, 100u) << "spins";
        }
        co_await sleep_for(2s);
        EXPECT_EQ(accepted.size(), 3u) << "did not recover";
        EXPECT_EQ(reports, std::vector{"accept on " + l.local_address().to_string() +
                                       ": Too many open files; waiting until some are free again"});

        // Whoever asks again and again, each time with a short timeout, does not make it spin either.
        for (const auto& g : acceptors) {
            g.kill();
            co_await g.join();
        }
        tcp_listener other = net::listen(address::loopback(0));
        const fd client = connect_plainly(other.local_address());
        const no_descriptors_left here;
        const std::size_t asked = kernel.pushed(IORING_OP_ACCEPT);
        for (int i = 0; i < 1'000; ++i)
            EXPECT_FALSE(co_await as_result(with_timeout(1ms, other.accept())));
        EXPECT_LE(kernel.pushed(IORING_OP_ACCEPT) - asked, 10u);
    });
    set_report_sink({});
    std::exit(testing::Test::HasFailure() ? 1 : 0);
}

TEST(listener, waits_out_a_lack_of_descriptors_says_so_once_and_never_spins) {
    EXPECT_EXIT(run_out_of_descriptors(), testing::ExitedWithCode(0), "");
}

}  // namespace net_listener_test

// Many who ask the resolver at a time: they stand in a line, share their questions, give up and are killed; and what
// is left when nobody asks any more.

#include "support/names_world.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/connect.hpp>

#include <algorithm>

namespace net_resolve_line_test {

using namespace story::names;

TEST(resolve_line, asks_once_however_many_wait) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["example.test"].address("127.0.0.5").lives(0).late(2ms);
        std::vector<task<addresses>> all_of_them;
        for (int i = 0; i < 50; ++i)
            all_of_them.push_back(net::resolve(i % 2 == 0 ? "example.test" : "Example.TEST", 80));
        const std::vector<addresses> found = co_await all(std::move(all_of_them));
        for (const addresses& each : found)
            EXPECT_EQ(each, just("127.0.0.5"));
        EXPECT_EQ(dns.asked(), 2);
    });
}

TEST(resolve_line, keeps_a_thousand_lookups_in_line) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        const std::size_t before = story::open_fds();
        const auto name = [](int i) { return "host" + std::to_string(i) + ".test"; };
        std::vector<task<addresses>> lookups;
        for (int i = 0; i < 1000; ++i) {
            dns.zones[name(i)].address("127.1." + std::to_string(i / 250) + '.' + std::to_string(i % 250)).late(20ms);
            lookups.push_back(net::resolve(name(i), 80));
        }
        const std::vector<addresses> found = co_await all(std::move(lookups));
        for (int i = 0; i < 1000; ++i)
            EXPECT_EQ(found[static_cast<std::size_t>(i)],
                      just("127.1." + std::to_string(i / 250) + '.' + std::to_string(i % 250)));
        EXPECT_EQ(dns.asked(), 2000);
        EXPECT_LE(dns.most_pending(), 200);
        EXPECT_GE(dns.most_pending(), 20);
        co_await sleep_for(1ms);
        EXPECT_EQ(story::open_fds(), before);
    });
}

TEST(resolve_line, goes_on_for_the_others_when_one_gives_up) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["example.test"].address("127.0.0.5").late(5ms);
        const auto look = [] { return net::resolve("example.test", 80); };
        const auto impatient = spawn(look);
        const auto patient = spawn(look);
        for (int i = 0; i < 3; ++i)
            co_await yield();
        impatient.kill();
        co_await impatient.join();
        EXPECT_FALSE(impatient.successful());
        EXPECT_EQ(co_await patient.get(), just("127.0.0.5"));
        EXPECT_EQ(dns.asked(), 2);
    });
}

TEST(resolve_line, ends_the_question_when_nobody_waits_any_more) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.silent = true;
        co_await sleep_for(1ms);
        const std::size_t in_flight = loop::current().in_flight();
        const std::size_t descriptors = story::open_fds();
        EXPECT_THROW(co_await with_timeout(2ms, net::resolve("example.test", 80)), timeout_error);
        co_await until_idle(in_flight);
        EXPECT_EQ(story::open_fds(), descriptors);
        dns.silent = false;
        dns.zones["example.test"].address("127.0.0.5");
        EXPECT_EQ(co_await net::resolve("example.test", 80), just("127.0.0.5"));
    });
}

TEST(resolve_line, leaves_the_line_when_it_is_killed_there) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        net::resolver::current().configure(dns.options().most_in_flight(1));
        dns.zones["slow.test"].address("127.0.0.5").late(3ms);
        dns.zones["last.test"].address("127.0.0.6");
        const auto look = [](std::string name) { return net::resolve(name, 80, only(AF_INET)); };
        const auto first = spawn(look, std::string("slow.test"));
        const auto second = spawn(look, std::string("never.test"));
        const auto third = spawn(look, std::string("last.test"));
        for (int i = 0; i < 3; ++i)
            co_await yield();
        second.kill();
        EXPECT_EQ(co_await first.get(), just("127.0.0.5"));
        EXPECT_EQ(co_await third.get(), just("127.0.0.6"));
        EXPECT_EQ(dns.asked("never.test", ns_t_a), 0);
    });
}

TEST(resolve_line, refuses_a_line_in_which_nobody_has_ever_a_turn) {
    EXPECT_THROW(net::resolver_options().most_in_flight(0), std::invalid_argument);
}

TEST(resolve_line, can_be_killed_after_every_turn_of_the_loop) {
    run_with_dns([](fake_dns& dns, fake_dns& second) -> task<> {
        const addresses both{dns.where(), second.where()};
        const std::vector<std::string> domains{"one.test"};
        dns.truncates = true;
        dns.zones["example"].address("127.0.0.5");
        second.zones["example"].address("127.0.0.5");
        co_await sleep_for(1ms);
        const std::size_t in_flight = loop::current().in_flight();
        const std::size_t descriptors = story::open_fds();
        bool finished = false;
        int turns = 0;
        for (; !finished && turns < 1000; ++turns) {
            // Each time anew, so that nothing is remembered: domains, TCP, both families.
            net::resolver::current().configure(dns.options().servers(both).domains(domains));
            const auto look = [] { return net::resolve("example", 80); };
            const auto g = spawn(look);
            for (int i = 0; i < turns; ++i)
                co_await yield();
            g.kill();
            co_await g.join();
            finished = g.successful();
        }
        EXPECT_TRUE(finished);
        EXPECT_GT(turns, 5);
        // The server's ends of the TCP connections close as they notice.
        for (int i = 0; i < 1000 && story::open_fds() > descriptors; ++i)
            co_await sleep_for(1ms);
        EXPECT_EQ(story::open_fds(), descriptors);
        co_await until_idle(in_flight);
    });
}

TEST(resolve_line, ends_with_its_loop) {
    const std::size_t before = story::open_fds();
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        net::resolver::current().configure(dns.options().most_in_flight(3));
        dns.silent = true;
        for (int i = 0; i < 10; ++i) {
            const std::string name = "host" + std::to_string(i) + ".test";
            spawn([name] { return net::resolve(name, 80); });
        }
        for (int i = 0; i < 1000 && dns.asked() < 6; ++i)
            co_await sleep_for(100us);
        EXPECT_EQ(dns.asked(), 6);
    });
    EXPECT_EQ(story::open_fds(), before);
}

TEST(resolve_line, keeps_no_loop_alive_and_hides_no_deadlock) {
    EXPECT_THROW(run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
                     dns.zones["example.test"].address("127.0.0.5");
                     co_await net::resolve("example.test", 80);
                     throw std::runtime_error("the loop ends");
                 }),
                 std::runtime_error);
    EXPECT_THROW(run([]() -> task<> {
                     const addresses nobody(1, net::listen(net::address::loopback(0)).local_address());
                     net::resolver::current().configure(net::resolver_options().servers(nobody).hosts("/dev/null"));
                     EXPECT_EQ(co_await failure_of("example.test"),
                               "resolve example.test: no name server could be reached");
                     event never_set;
                     co_await never_set.wait();
                 }),
                 deadlock_error);
}

TEST(resolve_line, counts_against_the_deadline_of_a_connect) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        const net::tcp_listener l = net::listen(net::address::loopback(0));
        dns.zones["example.test"].address("127.0.0.1");
        const net::tcp_stream s = co_await net::connect("example.test", l.local_address().port());
        EXPECT_EQ(s.peer_address(), l.local_address());
        dns.silent = true;
        try {
            co_await net::connect("silent.test", 443, net::connect_options().timeout(3ms));
            ADD_FAILURE();
        } catch (const timeout_error& e) {
            EXPECT_STREQ(e.what(), "connect silent.test:443: resolve silent.test: timed out after 3 ms");
        }
    });
}

}  // namespace net_resolve_line_test

// The resolver with c-ares behind it, against a name server of our own on loopback: what it asks, and what it says when
// the answer is no good. What it remembers: resolve_memory_test.cpp; many who ask at a time: resolve_line_test.cpp.

#include "support/names_world.hpp"

#include <ringlet/core/result.hpp>
#include <ringlet/net/url.hpp>

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

namespace net_resolve_test {

using namespace ringlet;
using namespace story::names;

TEST(resolve, gives_both_families) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["both.test"].address("127.0.0.7").address("::1");
        const addresses found = co_await net::resolve("both.test", 443);
        EXPECT_THAT(found, testing::UnorderedElementsAre(ip("127.0.0.7", 443), ip("::1", 443)));
    });
}

TEST(resolve, asks_for_one_family_only_when_told_so) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["both.test"].address("127.0.0.7").address("::1");
        EXPECT_EQ(co_await net::resolve("both.test", 80, only(AF_INET)), just("127.0.0.7"));
        EXPECT_EQ(co_await net::resolve("both.test", 80, only(AF_INET6)), just("::1"));
        EXPECT_EQ(dns.asked(), 2);
    });
}

TEST(resolve, follows_aliases) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["www.test"].alias("host.test").address("127.0.0.9");
        EXPECT_EQ(co_await net::resolve("WWW.Test", 80), just("127.0.0.9"));
    });
}

TEST(resolve, asks_nobody_for_a_numeric_address) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        EXPECT_EQ(co_await net::resolve("192.0.2.1", 80), just("192.0.2.1"));
        EXPECT_EQ(co_await net::resolve("::1", 80), just("::1"));
        EXPECT_EQ(co_await net::resolve("[2001:db8::1]", 80), just("2001:db8::1"));
        EXPECT_EQ(co_await failure_of("::1", only(AF_INET)), "resolve ::1: it has no addresses");
        EXPECT_EQ(dns.asked(), 0);
    });
}

TEST(resolve, knows_localhost_without_asking) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        EXPECT_THAT(co_await net::resolve("localhost", 80), testing::Contains(ip("127.0.0.1")));
        EXPECT_THAT(co_await net::resolve("app.localhost.", 80), testing::Contains(ip("127.0.0.1")));
        EXPECT_EQ(co_await net::resolve("localhost", 80, only(AF_INET6)), just("::1"));
        EXPECT_EQ(dns.asked(), 0);
    });
}

TEST(resolve, believes_the_hosts_file_first_and_sees_it_change) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        const std::string path = testing::TempDir() + "ringlet_hosts_" + std::to_string(getpid());
        std::ofstream(path) << "127.0.0.21 printer.test  Printer2 # in the cellar\n";
        net::resolver::current().configure(dns.options().hosts(path));
        dns.zones["printer.test"].address("127.0.0.22");
        EXPECT_EQ(co_await net::resolve("Printer.test", 80), just("127.0.0.21"));
        EXPECT_EQ(co_await net::resolve("printer2", 80), just("127.0.0.21"));
        EXPECT_EQ(dns.asked(), 0);
        std::ofstream(path) << "127.0.0.233 printer.test\n";
        EXPECT_EQ(co_await net::resolve("printer.test", 80), just("127.0.0.233"));
        ::unlink(path.c_str());
        EXPECT_EQ(co_await net::resolve("printer.test", 80), just("127.0.0.22"));
    });
}

TEST(resolve, asks_for_international_names_in_their_ascii_form) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["xn--bcher-kva.test"].address("127.0.0.5");
        auto asked = net::resolve("B\u00fccher.test.", 80, only(AF_INET));
        const auto found = co_await as_result(std::move(asked));
        if (!net::url::try_parse("http://b\u00fccher.test/"))
            co_return;  // built without libidn2
        EXPECT_EQ(found.value(), just("127.0.0.5"));
        auto nonsense = net::resolve("\xff.test", 80);
        EXPECT_EQ((co_await as_result(std::move(nonsense))).error(), net::resolve_errc::bad_name);
    });
}

TEST(resolve, says_what_was_wrong) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["empty.test"];
        dns.zones["failing.test"].fails(ns_r_servfail);
        dns.zones["secret.test"].fails(ns_r_refused);
        dns.zones["old.test"].fails(ns_r_notimpl);
        dns.zones["four.test"].address("127.0.0.1");
        EXPECT_EQ(co_await failure_of("no.such.host"), "resolve no.such.host: not found");
        EXPECT_EQ(co_await failure_of("empty.test"), "resolve empty.test: it has no addresses");
        EXPECT_EQ(co_await failure_of("four.test", only(AF_INET6)), "resolve four.test: it has no addresses");
        EXPECT_EQ(co_await failure_of("failing.test"), "resolve failing.test: the name server failed");
        EXPECT_EQ(co_await failure_of("secret.test"), "resolve secret.test: the name server refused to answer");
        EXPECT_EQ(co_await failure_of("old.test"),
                  "resolve old.test: the name server does not answer such questions");
    });
}

TEST(resolve, refuses_what_is_no_host_name_without_asking) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        for (const char* bad :
             {"", ".", "a..b", ".a", "has space", "tab\there", "127.1", "0300.1", "a/b", "user@host", "caf\xe9"})
            EXPECT_THAT(co_await failure_of(bad), testing::EndsWith(": not a host name"));
        EXPECT_THAT(co_await failure_of(std::string("nul\0byte", 8)), testing::EndsWith(": not a host name"));
        EXPECT_THAT(co_await failure_of(std::string(64, 'a')), testing::EndsWith(": not a host name"));
        EXPECT_EQ(dns.asked(), 0);
    });
}

TEST(resolve, times_out_when_no_server_answers) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.silent = true;
        net::resolver::current().configure(dns.options().timeout(5ms).tries(2));
        EXPECT_THAT(co_await failure_of("example.test"),
                    testing::MatchesRegex("resolve example.test: timed out after [0-9.]+ ms"));
        EXPECT_EQ(dns.asked("example.test", ns_t_a), 2);
        const auto r = co_await as_result(net::resolve("example.test", 80));
        EXPECT_EQ(r.error(), std::errc::timed_out);
    });
}

TEST(resolve, says_when_no_server_can_be_reached) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        const addresses nobody(1, net::listen(net::address::loopback(0)).local_address());
        net::resolver::current().configure(dns.options().servers(nobody));
        EXPECT_EQ(co_await failure_of("example.test"), "resolve example.test: no name server could be reached");
    });
}

TEST(resolve, goes_on_to_the_next_server) {
    run_with_dns([](fake_dns& dead, fake_dns& alive) -> task<> {
        alive.zones["example.test"].address("127.0.0.5");
        alive.zones["other.test"].address("127.0.0.6");
        const addresses both{dead.where(), alive.where()};
        net::resolver::current().configure(dead.options().servers(both).timeout(5ms).tries(6));
        dead.silent = true;
        EXPECT_EQ(co_await net::resolve("example.test", 80, only(AF_INET)), just("127.0.0.5"));
        dead.silent = false;
        dead.rcode = ns_r_servfail;
        net::resolver::current().configure(dead.options().servers(both));
        EXPECT_EQ(co_await net::resolve("other.test", 80, only(AF_INET)), just("127.0.0.6"));
        EXPECT_EQ(dead.asked("other.test", ns_t_a), 1);
    });
}

TEST(resolve, pays_for_a_dead_server_once) {
    run_with_dns([](fake_dns& dead, fake_dns& alive) -> task<> {
        const addresses both{dead.where(), alive.where()};
        net::resolver::current().configure(dead.options().servers(both).timeout(5ms).tries(6));
        dead.silent = true;
        for (int i = 0; i < 5; ++i)
            co_await failure_of("no" + std::to_string(i) + ".test", only(AF_INET));
        EXPECT_GE(dead.asked("no0.test", ns_t_a), 1);
        EXPECT_EQ(alive.asked("no4.test", ns_t_a), 1);
        EXPECT_LE(dead.asked("no1.test", ns_t_a) + dead.asked("no2.test", ns_t_a) + dead.asked("no3.test", ns_t_a) +
                      dead.asked("no4.test", ns_t_a),
                  2);
    });
}

TEST(resolve, asks_over_tcp_when_the_answer_was_cut) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.truncates = true;
        zone& big = dns.zones["big.test"];
        for (int i = 1; i <= 60; ++i)
            big.address("127.0.1." + std::to_string(i));
        const addresses found = co_await net::resolve("big.test", 80);
        EXPECT_EQ(found.size(), 60u);
        EXPECT_EQ(dns.asked_over_tcp(), 2);
    });
}

TEST(resolve, ignores_datagrams_that_are_no_answer) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.sends_garbage_first = true;
        dns.zones["example.test"].address("127.0.0.5");
        EXPECT_EQ(co_await net::resolve("example.test", 80), just("127.0.0.5"));
    });
}

TEST(resolve, refuses_an_answer_that_makes_no_sense) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.cuts_records = true;
        dns.zones["example.test"].address("127.0.0.5");
        EXPECT_EQ(co_await failure_of("example.test"),
                  "resolve example.test: the name server's answer makes no sense");
    });
}

TEST(resolve, does_not_wait_long_for_the_family_that_is_late) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        net::resolver::current().configure(dns.options().patience(3ms));
        dns.zones["half.test"].address("127.0.0.5").address("::1").silent(ns_t_aaaa);
        EXPECT_EQ(co_await net::resolve("half.test", 80), just("127.0.0.5"));
        dns.zones["half.test"].silent(-1);
        const addresses found = co_await net::resolve("half.test", 80);
        EXPECT_EQ(found.size(), 2u) << "half an answer was remembered";
    });
}

TEST(resolve, looks_for_short_names_in_the_domains) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        const std::vector<std::string> domains{"one.test", "two.test"};
        net::resolver::current().configure(dns.options().domains(domains));
        dns.zones["db.two.test"].address("127.0.0.5");
        EXPECT_EQ(co_await net::resolve("db", 80, only(AF_INET)), just("127.0.0.5"));
        EXPECT_EQ(dns.asked("db.one.test", ns_t_a), 1);
        EXPECT_EQ(dns.asked("db", ns_t_a), 0);
        EXPECT_EQ(co_await failure_of("db.", only(AF_INET)), "resolve db.: not found");
        dns.zones["www.example.test"].address("127.0.0.6");
        EXPECT_EQ(co_await net::resolve("www.example.test", 80, only(AF_INET)), just("127.0.0.6"));
        EXPECT_EQ(co_await failure_of("nowhere", only(AF_INET)), "resolve nowhere: not found");
        dns.zones["shaky.one.test"].fails(ns_r_servfail);
        EXPECT_EQ(co_await failure_of("shaky", only(AF_INET)), "resolve shaky: the name server failed");
    });
}

TEST(resolve, works_on_a_fiber) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["example.test"].address("127.0.0.5");
        const auto g = spawn([] { return await(net::resolve("example.test", 80)); });
        EXPECT_EQ(co_await g.get(), just("127.0.0.5"));
    });
}

}  // namespace net_resolve_test

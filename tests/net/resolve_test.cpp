// The resolver with c-ares behind it, against a name server of our own on loopback.
#include <ringlet/net/resolve.hpp>

#include "net/fake_dns.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/connect.hpp>
#include <ringlet/net/dns_message_private.hpp>
#include <ringlet/net/url.hpp>

#include <gtest/gtest.h>

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace net_resolve_test {

using namespace ringlet;
using test::fake_dns;
using test::run_with_dns;
using test::zone;

using addresses = std::vector<net::address>;

net::address ip(std::string_view host, std::uint16_t port = 80) { return net::address::ip(host, port); }

/// g++ 12 takes no braces beside co_await.
addresses just(std::string_view host) { return addresses(1, ip(host)); }

int open_descriptors() {
    int count = 0;
    DIR* d = opendir("/proc/self/fd");
    while (readdir(d) != nullptr)
        ++count;
    closedir(d);
    return count;
}

/// What the resolver says of a name it cannot resolve.
task<std::string> failure_of(std::string host, net::resolve_options options = {}) {
    try {
        const addresses found = co_await net::resolve(host, 80, options);
        co_return "resolved to " + found.at(0).to_string();
    } catch (const net::resolve_error& e) {
        co_return e.what();
    }
}

net::resolve_options only(int family) { return net::resolve_options().family(family); }

/// Gives the loop time to reap what was cancelled.
task<> until_idle(std::size_t in_flight) {
    for (int i = 0; i < 1000 && loop::current().in_flight() > in_flight; ++i)
        co_await sleep_for(100us);
    EXPECT_EQ(loop::current().in_flight(), in_flight);
}

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

TEST(resolve, forgets_what_was_asked_in_another_network) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        const std::string path = testing::TempDir() + "ringlet_resolv_" + std::to_string(getpid());
        std::ofstream(path) << "search here.test\n";
        net::resolver::current().configure(dns.options().resolv_conf(path));
        dns.zones["moves.test"].address("127.0.0.5").late(20ms);
        dns.zones["other.test"].address("127.0.0.6");
        const auto ask = [] { return net::resolve("moves.test", 80, only(AF_INET)); };
        const auto asking = spawn(ask);
        while (dns.asked("moves.test", ns_t_a) == 0)
            co_await yield();
        std::ofstream(path) << "search elsewhere.test\n";
        EXPECT_EQ(co_await net::resolve("other.test", 80, only(AF_INET)), just("127.0.0.6"));
        EXPECT_EQ(co_await asking.get(), just("127.0.0.5"));
        co_await net::resolve("moves.test", 80, only(AF_INET));
        EXPECT_EQ(dns.asked("moves.test", ns_t_a), 2) << "an answer of the network before was remembered";
        ::unlink(path.c_str());
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

TEST(resolve, remembers_answers_as_long_as_they_live) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["long.test"].address("127.0.0.5").lives(300);
        dns.zones["never.test"].address("127.0.0.5").lives(0);
        for (int i = 0; i < 3; ++i) {
            co_await net::resolve("long.test", 80, only(AF_INET));
            co_await net::resolve("never.test", 80, only(AF_INET));
            co_await net::resolve("long.test", 80);
        }
        EXPECT_EQ(dns.asked("long.test", ns_t_aaaa), 1) << "that there is no other family is remembered too";
        EXPECT_EQ(dns.asked("long.test", ns_t_a), 2);
        EXPECT_EQ(dns.asked("never.test", ns_t_a), 3);
    });
}

TEST(resolve, remembers_that_a_name_does_not_exist_as_long_as_the_zone_says) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        for (int i = 0; i < 2; ++i)
            EXPECT_EQ(co_await failure_of("no.test", only(AF_INET)), "resolve no.test: not found");
        EXPECT_EQ(dns.asked("no.test", ns_t_a), 2) << "without an SOA nothing is remembered";
        dns.negative_ttl = 60;
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(co_await failure_of("no.test", only(AF_INET)), "resolve no.test: not found");
        EXPECT_EQ(dns.asked("no.test", ns_t_a), 3);
        dns.zones["failing.test"].fails(ns_r_servfail);
        for (int i = 0; i < 2; ++i)
            co_await failure_of("failing.test", only(AF_INET));
        EXPECT_EQ(dns.asked("failing.test", ns_t_a), 2) << "a failure is not an answer";
    });
}

// The message of RFC 2308's kind: one question, no answer, an SOA.
std::vector<std::byte> negative_message(std::uint32_t ttl, std::uint32_t minimum) {
    std::vector<unsigned> raw{0,    1,   0x81, 0x83, 0, 1, 0, 0, 0, 1, 0, 0,  // header
                              2,    'n', 'o',  0,    0, 1, 0, 1,  // no. A IN
                              0xc0, 12,  0,    6,    0, 1};  // no. SOA IN
    const auto put = [&raw](std::uint32_t value) {
        for (int shift = 24; shift >= 0; shift -= 8)
            raw.push_back(value >> shift & 0xff);
    };
    put(ttl);
    raw.insert(raw.end(), {0, 25, 1, 'a', 0, 0xc0, 12});
    for (int i = 0; i < 4; ++i)
        put(7);
    put(minimum);
    std::vector<std::byte> bytes;
    for (const unsigned each : raw)
        bytes.push_back(static_cast<std::byte>(each));
    return bytes;
}

TEST(negative_ttl, is_the_smaller_of_the_two_and_zero_for_half_a_message) {
    using net::detail::negative_ttl;
    EXPECT_EQ(negative_ttl(negative_message(300, 60)), 60s);
    EXPECT_EQ(negative_ttl(negative_message(30, 60)), 30s);
    EXPECT_EQ(negative_ttl(negative_message(0xffffffff, 0xffffffff)), 0s);
    const std::vector<std::byte> whole = negative_message(300, 60);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(negative_ttl(cut), 0s) << size << " bytes";
    }
    std::vector<std::byte> noise(512, std::byte(0xff));
    EXPECT_EQ(negative_ttl(noise), 0s);
    std::ranges::fill(noise, std::byte(1));
    EXPECT_EQ(negative_ttl(noise), 0s);
}

TEST(resolve, remembers_a_bounded_number_of_names) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        net::resolver::current().configure(dns.options().cache_size(2));
        for (const char* name : {"a.test", "b.test", "c.test"})
            dns.zones[name].address("127.0.0.5");
        for (const char* name : {"a.test", "b.test", "a.test", "c.test", "a.test", "b.test"})
            co_await net::resolve(name, 80, only(AF_INET));
        EXPECT_EQ(dns.asked("a.test", ns_t_a), 1);
        EXPECT_EQ(dns.asked("b.test", ns_t_a), 2);
        EXPECT_EQ(dns.asked("c.test", ns_t_a), 1);
    });
}

TEST(resolve, asks_once_however_many_wait) {
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

TEST(resolve, keeps_a_thousand_lookups_in_line) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        const int before = open_descriptors();
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
        EXPECT_EQ(open_descriptors(), before);
    });
}

TEST(resolve, goes_on_for_the_others_when_one_gives_up) {
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

TEST(resolve, ends_the_question_when_nobody_waits_any_more) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.silent = true;
        co_await sleep_for(1ms);
        const std::size_t in_flight = loop::current().in_flight();
        const int descriptors = open_descriptors();
        EXPECT_THROW(co_await with_timeout(2ms, net::resolve("example.test", 80)), timeout_error);
        co_await until_idle(in_flight);
        EXPECT_EQ(open_descriptors(), descriptors);
        dns.silent = false;
        dns.zones["example.test"].address("127.0.0.5");
        EXPECT_EQ(co_await net::resolve("example.test", 80), just("127.0.0.5"));
    });
}

TEST(resolve, leaves_the_line_when_it_is_killed_there) {
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

TEST(resolve, refuses_a_line_in_which_nobody_has_ever_a_turn) {
    EXPECT_THROW(net::resolver_options().most_in_flight(0), std::invalid_argument);
}

TEST(resolve, can_be_killed_after_every_turn_of_the_loop) {
    run_with_dns([](fake_dns& dns, fake_dns& second) -> task<> {
        const addresses both{dns.where(), second.where()};
        const std::vector<std::string> domains{"one.test"};
        dns.truncates = true;
        dns.zones["example"].address("127.0.0.5");
        second.zones["example"].address("127.0.0.5");
        co_await sleep_for(1ms);
        const std::size_t in_flight = loop::current().in_flight();
        const int descriptors = open_descriptors();
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
        for (int i = 0; i < 1000 && open_descriptors() > descriptors; ++i)
            co_await sleep_for(1ms);
        EXPECT_EQ(open_descriptors(), descriptors);
        co_await until_idle(in_flight);
    });
}

TEST(resolve, ends_with_its_loop) {
    const int before = open_descriptors();
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
    EXPECT_EQ(open_descriptors(), before);
}

TEST(resolve, keeps_no_loop_alive_and_hides_no_deadlock) {
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

TEST(resolve, counts_against_the_deadline_of_a_connect) {
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

TEST(resolve, works_on_a_fiber) {
    run_with_dns([](fake_dns& dns, fake_dns&) -> task<> {
        dns.zones["example.test"].address("127.0.0.5");
        const auto g = spawn([] { return await(net::resolve("example.test", 80)); });
        EXPECT_EQ(co_await g.get(), just("127.0.0.5"));
    });
}

}  // namespace net_resolve_test

// What the resolver remembers of what it was answered: for how long, how much of it, and when it forgets.

#include "support/names_world.hpp"

#include <ringlet/core/spawn.hpp>
#include <ringlet/net/dns_message_private.hpp>

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace net_resolve_memory_test {

using namespace story::names;

TEST(resolve_memory, remembers_answers_as_long_as_they_live) {
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

TEST(resolve_memory, remembers_that_a_name_does_not_exist_as_long_as_the_zone_says) {
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

TEST(resolve_memory, remembers_a_bounded_number_of_names) {
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

TEST(resolve_memory, forgets_what_was_asked_in_another_network) {
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

}  // namespace net_resolve_memory_test

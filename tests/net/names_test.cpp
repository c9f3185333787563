// The parts of the resolver that are pure functions.
#include <ringlet/net/address_order_private.hpp>
#include <ringlet/net/hosts_file_private.hpp>
#include <ringlet/net/name_cache_private.hpp>
#include <ringlet/net/resolv_conf_private.hpp>
#include <ringlet/net/resolve_error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace net_names_test {

using namespace ringlet;
using namespace ringlet::net::detail;

using addresses = std::vector<net::address>;
using words = std::vector<std::string>;

net::address ip(std::string_view host, std::uint16_t port = 0) { return net::address::ip(host, port); }

route from(std::string_view destination, std::string_view source) {
    return {ip(destination), source.empty() ? std::optional<net::address>() : ip(source)};
}

addresses order(std::vector<route> routes) { return ordered(std::move(routes)); }

TEST(hosts_file, gives_every_name_of_a_line_its_address) {
    const hosts h = parse_hosts(
        "127.0.0.1\tlocalhost\r\n# 10.0.0.1 no\n ::1 localhost  IP6 # yes\n"
        "not.an.address name\n10.0.0.1\n127.0.0.1 localhost\n10.0.0.2 last");
    EXPECT_EQ(h.at("localhost"), (addresses{ip("127.0.0.1"), ip("::1")}));
    EXPECT_EQ(h.at("ip6"), addresses{ip("::1")});
    EXPECT_EQ(h.at("last"), addresses{ip("10.0.0.2")});
    EXPECT_EQ(h.size(), 3u);
    EXPECT_TRUE(parse_hosts("").empty());
}

TEST(resolv_conf, is_read_as_its_manual_page_says) {
    const resolv_conf c = parse_resolv_conf(
        "# comment\n; comment\ndomain old.test\n"
        "nameserver 192.0.2.1\nnameserver nonsense\n"
        "nameserver fe80::1%1\nsearch one.test two.test. .\n"
        "nameserver 192.0.2.3\nnameserver 192.0.2.4\n"
        "options ndots:2 timeout:1 attempts:99 rotate ndots:x\n");
    EXPECT_EQ(c.servers, (addresses{ip("192.0.2.1", 53), ip("fe80::1%1", 53), ip("192.0.2.3", 53)}));
    EXPECT_EQ(c.domains, (words{"one.test", "two.test"}));
    EXPECT_EQ(c.ndots, 2);
    EXPECT_EQ(c.timeout, 1s);
    EXPECT_EQ(c.tries, 5);
}

TEST(resolv_conf, means_this_machine_when_it_is_empty) {
    const resolv_conf c = parse_resolv_conf("");
    EXPECT_EQ(c.servers, addresses{ip("127.0.0.1", 53)});
    EXPECT_EQ(c.timeout, 5s);
    EXPECT_EQ(c.tries, 2);
    EXPECT_TRUE(c.domains.empty());
}

TEST(candidates, depend_on_the_dots) {
    const words domains{"one.test", "two.test"};
    EXPECT_EQ(candidates("db", domains, 1), (words{"db.one.test", "db.two.test", "db"}));
    EXPECT_EQ(candidates("a.b", domains, 1), (words{"a.b", "a.b.one.test", "a.b.two.test"}));
    EXPECT_EQ(candidates("a.b", domains, 2), (words{"a.b.one.test", "a.b.two.test", "a.b"}));
    EXPECT_EQ(candidates("a.b.", domains, 5), words{"a.b"});
    EXPECT_EQ(candidates("db", {}, 1), words{"db"});
}

// The examples of RFC 6724 section 10.2, as far as its rules are ours.
TEST(address_order, is_that_of_rfc_6724) {
    const auto global6 = from("2001:db8:1::1", "2001:db8:1::2");
    EXPECT_EQ(order({from("198.51.100.121", "169.254.13.78"), global6}),
              (addresses{ip("2001:db8:1::1"), ip("198.51.100.121")}))
        << "prefer matching scope";
    EXPECT_EQ(order({from("2001:db8:1::1", "fe80::1"), from("198.51.100.121", "198.51.100.117")}),
              (addresses{ip("198.51.100.121"), ip("2001:db8:1::1")}))
        << "prefer matching scope";
    EXPECT_EQ(order({from("10.1.2.3", "10.1.2.4"), global6}), (addresses{ip("2001:db8:1::1"), ip("10.1.2.3")}))
        << "prefer higher precedence";
    EXPECT_EQ(order({global6, from("fe80::1", "fe80::2")}), (addresses{ip("fe80::1"), ip("2001:db8:1::1")}))
        << "prefer smaller scope";
    EXPECT_EQ(order({from("2001:db8:3ffe::1", "2001:db8:1::2"), global6}),
              (addresses{ip("2001:db8:1::1"), ip("2001:db8:3ffe::1")}))
        << "longest matching prefix";
    EXPECT_EQ(order({from("2002:c633:6401::1", "2002:c633:6401::2"), global6}),
              (addresses{ip("2001:db8:1::1"), ip("2002:c633:6401::1")}))
        << "prefer higher precedence";
    EXPECT_EQ(order({global6, from("2002:c633:6401::1", "2002:c633:6401::2"), from("::1", "::1")}).front(), ip("::1"))
        << "loopback is nearest";
}

TEST(address_order, puts_what_cannot_be_reached_last_and_keeps_the_rest) {
    EXPECT_EQ(order({from("2001:db8::1", ""), from("192.0.2.9", "192.0.2.1"), from("10.0.0.9", "192.0.2.1"),
                     from("192.0.2.8", "192.0.2.1")}),
              (addresses{ip("192.0.2.9"), ip("10.0.0.9"), ip("192.0.2.8"), ip("2001:db8::1")}));
    EXPECT_EQ(order({from("2001:db8::1", ""), from("fe80::1", "fe80::2")}),
              (addresses{ip("fe80::1"), ip("2001:db8::1")}));
    EXPECT_TRUE(order({}).empty());
}

TEST(address_order, finds_sources_by_itself) {
    const addresses both{ip("127.0.0.1"), ip("127.0.0.2"), ip("::1")};
    EXPECT_THAT(ordered(both), testing::UnorderedElementsAreArray(both));
}

TEST(name_cache, forgets_what_is_old_and_what_was_not_used) {
    const time_point start(1h);
    const auto answer = [](duration keep) {
        name_answer a;
        a.addresses.push_back(ip("127.0.0.1"));
        a.keep = keep;
        return a;
    };
    name_cache c(2);
    c.put("never", answer(0s), start);
    EXPECT_EQ(c.find("never", start), nullptr);
    c.put("a", answer(10s), start);
    c.put("b", answer(20s), start);
    EXPECT_NE(c.find("a", start + 9s), nullptr);
    c.put("c", answer(10s), start);
    EXPECT_EQ(c.find("b", start), nullptr) << "the one not used for longest";
    EXPECT_EQ(c.find("a", start + 10s), nullptr) << "too old";
    c.put("c", answer(30s), start);
    EXPECT_NE(c.find("c", start + 29s), nullptr) << "a new answer replaces the old one";
    EXPECT_EQ(c.size(), 1u);
    name_cache none(0);
    none.put("a", answer(10s), start);
    EXPECT_EQ(none.find("a", start), nullptr);
}

TEST(resolve_error, names_act_thing_and_cause) {
    using net::resolve_errc;
    EXPECT_STREQ(net::resolve_error("no.such.host", resolve_errc::not_found).what(),
                 "resolve no.such.host: not found");
    EXPECT_STREQ(net::resolve_error("a.test", resolve_errc::timed_out, 5'000'321us).what(),
                 "resolve a.test: timed out after 5 s");
    EXPECT_STREQ(net::resolve_error("evil\nname", resolve_errc::bad_name).what(),
                 "resolve evil\\x0aname: not a host name");
    EXPECT_EQ(make_error_code(resolve_errc::timed_out), std::errc::timed_out);
    EXPECT_STREQ(make_error_code(resolve_errc::refused).category().name(), "resolve");
}

}  // namespace net_names_test

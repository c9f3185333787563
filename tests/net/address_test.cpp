// Addresses as values: every text form both ways, what the kernel hands back, order and hash.
#include <ringlet/net/address.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

namespace net_address_test {

using ringlet::net::address;

std::string why_refused(std::string_view text) {
    try {
        return "accepted: " + address::parse(text).to_string();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

TEST(address, what_parse_reads_to_string_writes) {
    for (const std::string text :
         {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[::]:1", "[2001:db8::7]:443",
          "[fe80::1%3]:8080", "[::ffff:1.2.3.4]:5", "unix:/run/x.sock", "unix:relative", "unix:@abstract", "unix:@"})
        EXPECT_EQ(address::parse(text).to_string(), text);
}

TEST(address, default_port_makes_port_and_brackets_optional) {
    EXPECT_EQ(address::parse("10.0.0.1", 80).to_string(), "10.0.0.1:80");
    EXPECT_EQ(address::parse("10.0.0.1:81", 80).port(), 81);
    EXPECT_EQ(address::parse("::1", 80).to_string(), "[::1]:80");
    EXPECT_EQ(address::parse("[::1]", 80).to_string(), "[::1]:80");
}

TEST(address, bad_text_is_refused_by_name_and_cause) {
    struct {
        std::string_view text, cause;
    } const table[] = {
        {"", "not a numeric"},
        {":80", "not a numeric"},
        {"127.0.0.1", "port is missing"},
        {"127.0.0.1:", "port ''"},
        {"127.0.0.1:65536", "port '65536'"},
        {"127.0.0.1:+80", "port '+80'"},
        {"127.0.0.1:-1", "port '-1'"},
        {"127.0.0.1: 80", "port ' 80'"},
        {"127.0.0.1:80x", "port '80x'"},
        {"127.1:80", "not a numeric"},
        {"0127.0.0.1:80", "not a numeric"},
        {"256.0.0.1:80", "not a numeric"},
        {"127.0.0.1%2:80", "not a numeric"},
        {"example.org:80", "'example.org' is not a numeric"},
        {"::1:80", "[address]:port"},
        {"[::1", "no ']'"},
        {"[::1]80", "':port' expected"},
        {"[127.0.0.1]:80", "brackets are for IPv6"},
        {"[::g]:80", "not a numeric"},
        {"[fe80::1%no-such-interface]:80", "not a numeric"},
        {"[]:80", "brackets are for IPv6"},
        {"unix:", "path is empty"},
    };
    for (const auto& [text, cause] : table) {
        const auto why = why_refused(text);
        EXPECT_NE(why.find(cause), why.npos) << text << " -> " << why;
        EXPECT_TRUE(why.starts_with("address '" + std::string(text) + "'")) << why;
    }
    EXPECT_NE(why_refused(std::string_view("127.0.0.1\0:80", 13)).find("\\x00"), std::string::npos);
    EXPECT_FALSE(address::try_ip(std::string_view("::1\0x", 5), 1));
}

TEST(address, a_unix_path_may_have_107_bytes_and_a_longer_one_says_so) {
    const std::string fits = "/" + std::string(106, 'p');
    EXPECT_EQ(address::unix_path(fits).host(), fits);
    try {
        address::unix_path(fits + "p");
        FAIL();
    } catch (const std::invalid_argument& error) {
        EXPECT_NE(std::string(error.what()).find("108 bytes, a UNIX socket takes at most 107"), std::string::npos);
    }
    EXPECT_THROW(address::unix_path(std::string_view("/a\0b", 4)), std::invalid_argument);
    EXPECT_EQ(address::unix_abstract(std::string(107, 'n')).host().size(), 107u);
    EXPECT_THROW(address::unix_abstract(std::string(108, 'n')), std::invalid_argument);
}

TEST(address, named_constructors_and_parts) {
    EXPECT_EQ(address::ip4_any(8), address::parse("0.0.0.0:8"));
    EXPECT_EQ(address::ip6_any(8), address::parse("[::]:8"));
    EXPECT_EQ(address::loopback(8), address::ip("127.0.0.1", 8));
    EXPECT_EQ(address::loopback6(8), address::ip("::1", 8));
    EXPECT_EQ(address::ip("fe80::1%7", 8).scope_id(), 7u);
    EXPECT_EQ(address::loopback(8).family(), AF_INET);
    EXPECT_EQ(address::loopback(8).with_port(9), address::loopback(9));
    EXPECT_EQ(address::loopback6(8).with_port(9).port(), 9);
    EXPECT_THROW(address::unix_path("/x").with_port(1), std::invalid_argument);
    EXPECT_EQ(address::unix_path("/x").port(), 0);
    EXPECT_EQ(address().to_string(), "unspecified");
    EXPECT_THROW(address::ip("localhost", 1), std::invalid_argument);
}

TEST(address, survives_the_round_trip_through_the_kernel) {
    for (const auto& wanted :
         {address::loopback(0), address::unix_abstract("ringlet-address-test-" + std::to_string(getpid())),
          address::unix_path("address-test-" + std::to_string(getpid()) + ".sock")}) {
        const int fd = socket(wanted.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        ASSERT_GE(fd, 0);
        ASSERT_EQ(bind(fd, wanted.data(), wanted.size()), 0) << wanted.to_string() << strerror(errno);
        sockaddr_storage got{};
        socklen_t length = sizeof got;
        ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&got), &length), 0);
        close(fd);
        const auto bound = address::from(&got, length);
        if (wanted.is_ip()) {
            EXPECT_NE(bound.port(), 0);
            EXPECT_EQ(bound.with_port(0), wanted);
        } else {
            EXPECT_EQ(bound, wanted) << bound.to_string();
            if (!wanted.to_string().starts_with("unix:@"))
                unlink(wanted.host().c_str());
        }
    }
}

TEST(address, from_refuses_what_is_short_or_foreign) {
    const auto good = address::loopback6(5);
    for (socklen_t length = 1; length < good.size(); ++length)
        EXPECT_THROW(address::from(good.data(), length), std::invalid_argument);
    EXPECT_EQ(address::from(good.data(), good.size()), good);
    sockaddr foreign{};
    foreign.sa_family = AF_PACKET;
    EXPECT_THROW(address::from(&foreign, sizeof foreign), std::invalid_argument);
    EXPECT_EQ(address::from(nullptr, 0), address());
    sockaddr_un unnamed{};
    unnamed.sun_family = AF_UNIX;
    EXPECT_EQ(address::from(&unnamed, sizeof(sa_family_t)).to_string(), "unix:");
    std::memset(unnamed.sun_path, 'x', sizeof unnamed.sun_path);  // a path without any NUL is legal here
    EXPECT_EQ(address::from(&unnamed, sizeof unnamed).host().size(), 108u);
}

TEST(address, order_and_hash_follow_equality) {
    const std::vector<address> sorted = {address(),
                                         address::unix_abstract("a"),
                                         address::unix_path("/a"),
                                         address::unix_path("/b"),
                                         address::parse("1.2.3.4:80"),
                                         address::parse("1.2.3.4:256"),
                                         address::parse("200.0.0.1:1"),
                                         address::parse("[::1]:1"),
                                         address::parse("[fe80::1%1]:1"),
                                         address::parse("[fe80::1%2]:1")};
    std::unordered_set<address> set;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        set.insert(sorted[i]);
        set.insert(sorted[i]);
        for (std::size_t j = 0; j < sorted.size(); ++j)
            EXPECT_EQ(sorted[i] <=> sorted[j], i <=> j) << i << ' ' << j;
    }
    EXPECT_EQ(set.size(), sorted.size());
}

}  // namespace net_address_test

// The PROXY protocol, in text and in binary.
#include <ringlet/net/proxy_header.hpp>

#include "support/machine.hpp"
#include "support/story.hpp"
#include "support/stream_stories.hpp"

#include <ringlet/io/memory_stream.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace net_proxy_header_test {

using namespace story;
using namespace ringlet;
using testing::HasSubstr;
using testing::StartsWith;

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string two(std::size_t n) { return {static_cast<char>(n >> 8), static_cast<char>(n & 0xff)}; }
std::string v2(char command, char family, const std::string& rest) {
    return signature + command + family + two(rest.size()) + rest;
}

const std::string ip4_pair("\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb", 12);

/// "source > destination", or the error.
std::string said(const std::string& bytes) {
    try {
        if (const std::size_t more = net::proxy_header_needs(bytes))
            return "needs " + std::to_string(more);
        const net::proxy_header h = net::parse_proxy_header(bytes);
        return h.source ? h.source->to_string() + " > " + h.destination->to_string() : "nobody";
    } catch (const net::proxy_header_error& e) {
        return e.what();
    }
}

TEST(proxy_header, version_1_is_a_line) {
    EXPECT_EQ(said("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), "192.0.2.1:56324 > 198.51.100.2:443");
    EXPECT_EQ(said("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n"), "[2001:db8::1]:65535 > [::1]:0");
    EXPECT_EQ(said("PROXY UNKNOWN\r\n"), "nobody");
    EXPECT_EQ(said("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), "nobody");
}

TEST(proxy_header, version_2_is_binary) {
    EXPECT_EQ(said(v2(0x21, 0x11, ip4_pair)), "192.0.2.1:56324 > 198.51.100.2:443");
    EXPECT_EQ(said(v2(0x20, 0x00, "")), "nobody");
    EXPECT_EQ(said(v2(0x20, 0x11, ip4_pair)), "nobody") << "LOCAL: what follows is to be ignored";
    EXPECT_EQ(said(v2(0x21, 0x00, "")), "nobody");
    const std::string six = std::string(15, '\0') + '\1' + std::string(15, '\0') + '\2' + two(80) + two(81);
    EXPECT_EQ(said(v2(0x21, 0x21, six)), "[::1]:80 > [::2]:81");
    const std::string local = "/tmp/a" + std::string(102, '\0') + std::string("\0abc", 4) + std::string(104, '\0');
    EXPECT_EQ(said(v2(0x21, 0x31, local)), "unix:/tmp/a > unix:@abc");
    const net::proxy_header h =
        net::parse_proxy_header(v2(0x21, 0x11, ip4_pair + "\1" + two(2) + "h2" + "\2" + two(5) + "a.org"));
    EXPECT_EQ(h.alpn, "h2");
    EXPECT_EQ(h.authority, "a.org");
}

TEST(proxy_header, a_checksum_that_is_there_counts) {
    // RFC 3309's CRC-32C of the whole header with the field itself as zeros.
    const std::string bad = v2(0x21, 0x11, ip4_pair + "\3" + two(4) + "abcd");
    EXPECT_EQ(said(bad), "PROXY header: its checksum is wrong");
    EXPECT_EQ(said(v2(0x21, 0x11, ip4_pair + "\3" + two(4) + std::string("\x20\xec\x95\x49", 4))),
              "192.0.2.1:56324 > 198.51.100.2:443");
}

TEST(proxy_header, what_is_wrong_is_refused) {
    const std::string no = "PROXY header: ";
    EXPECT_EQ(said("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), no + "the connection begins with something else");
    EXPECT_EQ(said("PROXY TCP4 192.0.2.1 ::1 1 2\r\n"), no + "an address makes no sense");
    EXPECT_EQ(said("PROXY TCP4 192.0.2.01 192.0.2.1 1 2\r\n"), no + "an address makes no sense");
    EXPECT_EQ(said("PROXY TCP4 192.0.2.1 192.0.2.1 65536 2\r\n"), no + "a port makes no sense");
    EXPECT_EQ(said("PROXY TCP4 192.0.2.1 192.0.2.1 01 2\r\n"), no + "a port makes no sense");
    EXPECT_EQ(said("PROXY TCP4 192.0.2.1 192.0.2.1 1 2 3\r\n"), no + "a port makes no sense");
    EXPECT_EQ(said("PROXY TCP5 192.0.2.1 192.0.2.1 1 2\r\n"), no + "neither TCP4, TCP6 nor UNKNOWN");
    EXPECT_EQ(said("PROXY " + std::string(101, 'x')), no + "it is too long");
    EXPECT_EQ(said(v2(0x22, 0x11, ip4_pair)), no + "neither LOCAL nor PROXY");
    EXPECT_EQ(said(v2(0x11, 0x11, ip4_pair)), no + "neither version 1 nor version 2");
    EXPECT_EQ(said(v2(0x21, 0x11, ip4_pair.substr(1))), no + "the addresses are cut short");
    EXPECT_EQ(said(v2(0x21, 0x41, ip4_pair)), no + "an unknown kind of address");
    EXPECT_EQ(said(v2(0x21, 0x11, ip4_pair + "\1" + two(9) + "h2")), no + "what follows the addresses is cut short");
    EXPECT_EQ(said(signature + "\x21\x11" + two(9000)), no + "it is too long");
}

TEST(proxy_header, is_taken_from_a_stream_to_its_last_byte_however_it_comes) {
    const std::vector<std::string> headers{"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "PROXY UNKNOWN\r\n",
                                           v2(0x21, 0x11, ip4_pair), v2(0x20, 0, "")};
    for (const std::string& header : headers)
        for (std::size_t split = 0; split <= header.size(); ++split)
            in_virtual_time([&]() -> task<> {
                auto [balancer, here] = io::duplex();
                co_await write_text(balancer, header.substr(0, split));
                const auto rest = spawn([&, &to = balancer]() -> task<> {
                    co_await yield();
                    co_await write_text(to, header.substr(split) + "hello");
                });
                const net::proxy_header h = co_await net::read_proxy_header(here);
                co_await rest.get();
                EXPECT_EQ(co_await read_some(here), "hello");
            });
}

TEST(proxy_header, is_not_waited_for_for_ever) {
    in_virtual_time([]() -> task<> {
        auto [client, here] = io::duplex();
        EXPECT_EQ(co_await error_from(net::read_proxy_header(here)),
                  "PROXY header from memory:right: timed out after 5 s");
        co_await client.shutdown();
        EXPECT_THAT(co_await error_from(net::read_proxy_header(here)), HasSubstr("the stream ended early"));
    });
}

}  // namespace net_proxy_header_test

// Going through proxies: what is said to them, what they answer, and whom the environment names.
#include <ringlet/net/proxy.hpp>

#include "support/machine.hpp"
#include "support/story.hpp"
#include "support/stream_stories.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/io/memory_stream.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace net_proxy_test {

using namespace story;
using namespace ringlet;
using testing::HasSubstr;
using namespace std::string_literals;

/// One thing that the proxy hears, and what it answers.
class turn {
public:
    turn(std::string h, std::string a) : hears(std::move(h)), answers(std::move(a)) {}
    std::string hears, answers;
};

/// Goes through a proxy that behaves like this; gives the error, or what comes first through the tunnel.
std::string through(const std::string& via, const std::string& host, std::uint16_t port, std::vector<turn> proxy) {
    std::string outcome;
    in_virtual_time([&]() -> task<> {
        auto [near, far] = io::duplex();
        const auto speak = [](io::memory_stream at, std::vector<turn> turns) -> task<> {
            for (const turn& each : turns) {
                EXPECT_EQ(co_await read_count(at, each.hears.size()), each.hears);
                co_await write_text(at, each.answers);
            }
            co_await at.shutdown();
        };
        const auto other = spawn(speak, std::move(far), std::move(proxy));
        io::any_stream to(std::move(near));
        try {
            co_await net::tunnel_through(to, net::proxy::parse(via), host, port);
            outcome = co_await read_some(to);
        } catch (const std::exception& e) {
            outcome = e.what();
        }
        to.close();
        other.kill();
        co_await other.join();
    });
    return outcome;
}

TEST(proxy, is_read_as_curl_reads_it) {
    const auto read = [](const std::string& text) {
        const net::proxy p = net::proxy::parse(text);
        return p.to_string() + " " + p.username() + " " + p.password();
    };
    EXPECT_EQ(read("proxy:3128"), "http://proxy:3128  ");
    EXPECT_EQ(read("http://proxy"), "http://proxy:80  ");
    EXPECT_EQ(read("HTTP://proxy:80/"), "http://proxy:80  ");
    EXPECT_EQ(read("https://proxy"), "https://proxy:443  ");
    EXPECT_EQ(read("https://proxy:80"), "https://proxy:80  ");
    EXPECT_EQ(read("https://proxy:080"), "https://proxy:80  ");
    EXPECT_EQ(read("socks5://proxy"), "socks5://proxy:1080  ");
    EXPECT_EQ(read("socks5h://me:my%20word@[::1]:9050"), "socks5://[::1]:9050 me my word");
    EXPECT_EQ(error_of([] { net::proxy::parse("socks4://me:secret@x"); }),
              "proxy 'x': it must begin with http, https, socks5 or socks5h");
    EXPECT_EQ(error_of([] { net::proxy::parse("socks4://me:se@cret@x"); }),
              "proxy 'x': it must begin with http, https, socks5 or socks5h");
    EXPECT_EQ(error_of([] { net::proxy::parse("me:se/cret@x"); }),
              "proxy 'x': what seems to be a password has '/', '?' or '#' in it: write %2F, %3F, %23");
    EXPECT_THROW(net::proxy::parse(""), std::invalid_argument);
    EXPECT_THROW(net::proxy::parse("proxy:99999"), std::invalid_argument);
}

TEST(proxy, socks5_resolves_the_name) {
    const std::string ok = "\5\0\0\1\0\0\0\0\0\0"s;
    EXPECT_EQ(through("socks5://p", "a.org", 443, {{"\5\1\0"s, "\5\0"s}, {"\5\1\0\3\5a.org\1\xbb"s, ok + "first"}}),
              "first");
    EXPECT_EQ(
        through("socks5://p", "10.0.0.1", 80, {{"\5\1\0"s, "\5\0"s}, {"\5\1\0\1\x0a\0\0\1\0\x50"s, ok + "first"}}),
        "first");
    EXPECT_EQ(through("socks5://p", "::1", 80,
                      {{"\5\1\0"s, "\5\0"s},
                       {"\5\1\0\4"s + std::string(15, '\0') + "\1\0\x50"s, "\5\0\0\3\4host\0\0first"s}}),
              "first")
        << "and its answer may name its own side";
    EXPECT_EQ(through("socks5://me:word@p", "a.org", 443,
                      {{"\5\2\0\2"s, "\5\2"s}, {"\1\2me\4word"s, "\1\0"s}, {"\5\1\0\3\5a.org\1\xbb"s, ok + "first"}}),
              "first");
}

TEST(proxy, socks5_says_why_not) {
    const std::string act = "connect a.org:443 through socks5://p:1080: ";
    const turn hello("\5\1\0"s, "\5\0"s);
    const std::string asks = "\5\1\0\3\5a.org\1\xbb"s;
    EXPECT_EQ(through("socks5://p", "a.org", 443, {{"\5\1\0"s, "\5\xff"s}}),
              act + "it wants a name and a password, or something else");
    EXPECT_EQ(through("socks5://p", "a.org", 443, {{"\5\1\0"s, "HTTP"s}}), act + "it does not speak SOCKS5");
    EXPECT_EQ(through("socks5://p", "a.org", 443, {hello, {asks, "\5\5\0\1\0\0\0\0\0\0"s}}),
              act + "the host refused the connection");
    EXPECT_EQ(through("socks5://p", "a.org", 443, {hello, {asks, "\5\4\0\1\0\0\0\0\0\0"s}}),
              act + "it cannot reach the host");
    EXPECT_EQ(through("socks5://p", "a.org", 443, {hello, {asks, "\5\0\0\7\0\0\0\0\0\0"s}}),
              act + "its answer makes no sense");
    EXPECT_THAT(through("socks5://p", "a.org", 443, {hello, {asks, "\5\0\0"s}}), HasSubstr("the stream ended early"));
    EXPECT_EQ(through("socks5://me:no@p", "a.org", 443, {{"\5\2\0\2"s, "\5\2"s}, {"\1\2me\2no"s, "\1\1"s}}),
              act + "it refused the name or the password");
    EXPECT_THAT(through("socks5://p", std::string(256, 'a'), 443, {hello}),
                HasSubstr("a host name must have 1 to 255 bytes"));
}

TEST(proxy, http_connects) {
    const std::string asks = "CONNECT a.org:443 HTTP/1.1\r\nHost: a.org:443\r\n";
    EXPECT_EQ(through("http://p", "a.org", 443,
                      {{asks + "\r\n", "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\nfirst"}}),
              "first");
    EXPECT_EQ(through("http://p", "a.org", 443, {{asks + "\r\n", "HTTP/1.0 200 OK\n\nfirst"}}), "first");
    EXPECT_EQ(through("http://Aladdin:open%20sesame@p", "a.org", 443,
                      {{asks + "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
                        "HTTP/1.1 200 OK\r\n\r\nfirst"}}),
              "first");
    EXPECT_EQ(through("http://p", "::1", 443,
                      {{"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nfirst"}}),
              "first");
    const std::string act = "connect a.org:443 through http://p:80: ";
    EXPECT_EQ(
        through("http://p", "a.org", 443, {{asks + "\r\n", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"}}),
        act + "it answered 407 Proxy Authentication Required");
    EXPECT_EQ(through("http://p", "a.org", 443, {{asks + "\r\n", "SSH-2.0-OpenSSH\r\n\r\n"}}),
              act + "its answer is no HTTP");
    EXPECT_EQ(through("http://p", "a.org", 443, {{asks + "\r\n", "HTTP/1.1 200 OK\r\n" + std::string(20'000, 'x')}}),
              act + "its answer does not end");
    EXPECT_THAT(through("http://p", "a.org\r\nX: y", 443, {}), HasSubstr("not a host name"));
}

TEST(proxy, has_one_deadline_with_the_connection_to_it) {
    on_this_machine([](watched_kernel& kernel) -> task<> {
        kernel.hurried = true;
        auto silent = net::listen(net::address::loopback(0));
        const auto via = net::proxy::parse("socks5://" + silent.local_address().to_string());
        auto asked = net::connect_through(via, "a.org", 443, net::connect_options().timeout(2s));
        EXPECT_EQ(co_await error_from(std::move(asked)),
                  "connect a.org:443 through " + via.to_string() + ": timed out after 2 s");
    });
}

TEST(proxy, carries_a_connection) {
    on_this_machine([]() -> task<> {
        auto listener = net::listen(net::address::loopback(0));
        const auto server = spawn([&]() -> task<> {
            net::tcp_stream s = co_await listener.accept();
            EXPECT_THAT(co_await read_some(s), HasSubstr("CONNECT a.org:443"));
            co_await write_text(s, "HTTP/1.1 200 OK\r\n\r\n");
            co_await write_text(s, co_await read_count(s, 4));
        });
        const auto via = net::proxy::parse(listener.local_address().to_string());
        io::any_stream s = co_await net::connect_through(via, "a.org", 443);
        co_await write_text(s, "ping");
        EXPECT_EQ(co_await read_count(s, 4), "ping");
        co_await server.get();
    });
}

TEST(proxy, is_the_one_that_the_environment_names) {
    net::proxy_settings s;
    s.http = "http://plain:1";
    s.https = "http://secure:2";
    s.none = "localhost, .a.org,b.org:8443  10.0.0.0/8,fd00::/8 192.0.2.1,[::1]:80";
    const auto via = [&](const std::string& text) {
        const auto found = s.find(net::url::parse(text));
        return found ? found->host() : "nobody";
    };
    EXPECT_EQ(via("http://x.org/"), "plain");
    EXPECT_EQ(via("https://x.org/"), "secure");
    EXPECT_EQ(via("wss://x.org/"), "secure");
    for (const char* direct :
         {"http://localhost/", "https://a.org/", "http://www.A.org/", "http://x.y.a.org./", "https://b.org:8443/",
          "http://10.1.2.3/", "http://[fd12::1]/", "http://192.0.2.1:81/", "http://[::1]/"})
        EXPECT_EQ(via(direct), "nobody") << direct;
    for (const char* proxied :
         {"http://aa.org/", "http://b.org/", "http://11.1.2.3/", "http://[fe00::1]/", "http://192.0.2.2/",
          "http://[::1]:81/", "http://notlocalhost/", "http://10.0.0.0.x.org/"})
        EXPECT_EQ(via(proxied), "plain") << proxied;
    s.none = "*";
    EXPECT_EQ(via("http://x.org/"), "nobody");
    net::proxy_settings only_all;
    only_all.all = "socks5://all";
    EXPECT_EQ(only_all.find(net::url::parse("http://x.org/"))->host(), "all");
    EXPECT_FALSE(net::proxy_settings().find(net::url::parse("http://x.org/")));
}

TEST(proxy, in_capitals_is_not_believed_for_http) {
    setenv("HTTP_PROXY", "http://evil:1", 1);
    setenv("HTTPS_PROXY", "http://good:1", 1);
    for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "NO_PROXY", "ALL_PROXY"})
        unsetenv(name);
    EXPECT_FALSE(net::proxy_for(net::url::parse("http://x.org/")));
    EXPECT_EQ(net::proxy_for(net::url::parse("https://x.org/"))->host(), "good");
    unsetenv("HTTP_PROXY");
    unsetenv("HTTPS_PROXY");
}

}  // namespace net_proxy_test

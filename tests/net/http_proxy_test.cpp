// The client through proxies, which are played by the test: what they are asked, and for whom.

#include "support/client_world.hpp"

#include <ringlet/core/result.hpp>

#include <gmock/gmock.h>

namespace net_http_proxy_test {

using namespace ringlet;
using story::hear;
using story::in_virtual_time;
using story::say;
using story::world;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

http::client_options through(const std::string& proxy, const std::string& none = {}) {
    http::client_options o;
    o.proxies.all = proxy;
    o.proxies.none = none;
    return o;
}

TEST(http_proxy, is_asked_for_the_whole_url_of_what_is_not_encrypted) {
    in_virtual_time([]() -> task<> {
        world w(through("http://user:pw@proxy:3128"));
        for (int i = 0; i < 2; ++i) {
            const auto page = spawn([&] { return w.client.get("http://h:81/a?b#c"); });
            auto end = co_await w.accept();
            const std::string request = co_await hear(end);
            EXPECT_THAT(request, StartsWith("GET http://h:81/a?b HTTP/1.1\r\nHost: h:81\r\n"));
            EXPECT_THAT(request, HasSubstr("Proxy-Authorization: Basic " + http::base64("user:pw") + "\r\n"));
            co_await say(end, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
            EXPECT_EQ((co_await page.get()).body, "hello");
        }
        EXPECT_THAT(w.origins, testing::Each("http://proxy:3128"));
    });
}

TEST(http_proxy, makes_a_tunnel_for_https) {
    in_virtual_time([]() -> task<> {
        world w(through("http://proxy:3128"));
        const auto page = spawn([&] { return w.client.get("https://h/a"); });
        auto end = co_await w.accept();
        const std::string request = co_await hear(end);
        EXPECT_THAT(request, StartsWith("CONNECT h:443 HTTP/1.1\r\n"));
        EXPECT_THAT(request, Not(HasSubstr("/a")));
        co_await say(end, "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
        try {
            (void)co_await page.get();
            ADD_FAILURE();
        } catch (const http::request_error& e) {
            EXPECT_EQ(e.at(), http::request_error::stage::connect);
            EXPECT_THAT(e.what(), HasSubstr("407"));
        }
    });
}

TEST(http_proxy, is_not_asked_for_whom_it_is_not_for) {
    in_virtual_time([]() -> task<> {
        world w(through("http://proxy:3128", "near.org"));
        const auto server = spawn(story::serve, std::ref(w), std::vector<std::string>{story::ok, story::ok});
        (void)co_await w.client.get("http://near.org/");
        http::request_options direct;
        direct.proxies = net::proxy_settings();
        (void)co_await w.client.get("http://far.org/", direct);
        EXPECT_THAT(w.origins, testing::ElementsAre("http://near.org", "http://far.org"));
        co_await server.join();
    });
}

TEST(http_proxy, who_is_known_to_it_by_another_name_or_password_gets_a_connection_of_their_own) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto server = spawn([&]() -> task<> {
            const auto answer = [](io::memory_stream end) -> task<> {
                while (!(co_await hear(end)).empty())
                    co_await say(end, story::ok);
            };
            std::vector<greenlet<>> ends;
            for (int i = 0; i < 5; ++i) {
                auto end = co_await w.accept();
                ends.push_back(spawn(answer, std::move(end)));
            }
            for (const auto& each : ends)
                co_await each.join();
        });
        for (const char* who : {"user:one", "user:two", "user", "us:erone", "me:one"})
            for (int twice = 0; twice < 2; ++twice) {
                http::request_options o;
                o.proxies = net::proxy_settings();
                o.proxies->all = "http://" + std::string(who) + "@proxy:3128";
                (void)co_await w.client.get("http://h/", o);
            }
        EXPECT_EQ(w.connections, 5u);
        EXPECT_EQ(w.client.idle(), 5u);
        w.client.close_idle();
        server.kill();
        co_await server.join();
    });
}

TEST(http_proxy, that_is_none_is_an_error_that_says_so) {
    in_virtual_time([]() -> task<> {
        world w(through("gopher://proxy"));
        try {
            (void)co_await w.client.get("http://h/");
            ADD_FAILURE();
        } catch (const http::request_error& e) {
            EXPECT_THAT(e.what(), HasSubstr("gopher"));
        }
    });
}

}  // namespace net_http_proxy_test

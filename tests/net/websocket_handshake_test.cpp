// How a WebSocket begins: the handshake of RFC 6455 as a server and as a client see it, and what is refused.

#include "support/websocket_world.hpp"

#include <gmock/gmock.h>

namespace net_websocket_handshake_test {

using namespace ringlet;
using namespace story;
using namespace story::ws;
using testing::HasSubstr;
using testing::StartsWith;

TEST(websocket_handshake, the_handshake_is_that_of_the_standard) {
    in_virtual_time([]() -> task<> {
        echoing world(patient().protocols({"chat", "news"}));
        visit v(world.server);
        co_await v.say(handshake + "Sec-WebSocket-Protocol: x, news, chat\r\n\r\n" + frame(text, "hi"));
        EXPECT_EQ(co_await v.hear_until("\r\n\r\n"),
                  "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                  "Sec-WebSocket-Protocol: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        EXPECT_EQ(co_await v.hear_until("hi"), from_server(text, "hi")) << "sent together with the handshake";
        visit other(world.server);
        co_await other.say(handshake + "Sec-WebSocket-Protocol: x, CHAT\r\nSec-WebSocket-Protocol:  news \r\n\r\n");
        EXPECT_THAT(co_await other.hear_until("\r\n\r\n"), HasSubstr("\r\nSec-WebSocket-Protocol: news\r\n"))
            << "a client compares the name as it stands";
    });
}

TEST(websocket_handshake, what_is_no_handshake_is_refused) {
    const auto said = [](const std::string& request, const http::websocket_options& options = patient()) {
        return in_virtual_time([&]() -> task<std::string> {
            echoing world(options);
            visit v(world.server);
            co_await v.say(request);
            co_await v.leave();
            co_return co_await v.hear();
        });
    };
    const auto without = [](const std::string& line) {
        std::string request = handshake;
        return request.erase(request.find(line), request.find("\r\n", request.find(line)) + 2 - request.find(line));
    };
    EXPECT_THAT(said("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                StartsWith("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
    EXPECT_THAT(said("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("\r\nConnection: Upgrade\r\n"))
        << "RFC 9110 section 7.8";
    EXPECT_THAT(said(without("Connection: ") + "\r\n"), StartsWith("HTTP/1.1 426 "));
    EXPECT_THAT(said(without("Upgrade: ") + "Upgrade: h2c\r\n\r\n"), StartsWith("HTTP/1.1 426 "));
    EXPECT_THAT(said(without("Sec-WebSocket-Version") + "Sec-WebSocket-Version: 8\r\n\r\n"),
                StartsWith("HTTP/1.1 426 "));
    for (const std::string bad :
         {"", "short==", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQ=x", "dGhlIHNhbXBsZSBub2!jZQ=="})
        EXPECT_THAT(said(without("Sec-WebSocket-Key") + "Sec-WebSocket-Key: " + bad + "\r\n\r\n"),
                    StartsWith("HTTP/1.1 400 "))
            << bad;
    EXPECT_THAT(said(handshake + "Sec-WebSocket-Key: " + key + "\r\n\r\n"), StartsWith("HTTP/1.1 400 "))
        << "two of them";
    EXPECT_THAT(said(handshake + "Content-Length: 1\r\n\r\nx"), StartsWith("HTTP/1.1 400 "));
}

TEST(websocket_handshake, pages_of_other_hosts_are_kept_out) {
    const auto said = [](const std::string& origin, const http::websocket_options& options) {
        return in_virtual_time([&]() -> task<std::string> {
            echoing world(options);
            visit v(world.server);
            co_await v.say(handshake + "Origin: " + origin + "\r\n\r\n");
            co_await v.leave();
            co_return (co_await v.hear()).substr(9, 3);
        });
    };
    EXPECT_EQ(said("http://a", patient()), "101");
    EXPECT_EQ(said("https://A", patient()), "101");
    EXPECT_EQ(said("http://b", patient()), "403");
    EXPECT_EQ(said("http://a.b", patient()), "403");
    EXPECT_EQ(said("null", patient()), "403");
    EXPECT_EQ(said("http://b", patient().origins({"http://c", "http://b"})), "101");
    EXPECT_EQ(said("http://a", patient().origins({"http://b"})), "403");
    EXPECT_EQ(said("null", patient().origins({"*"})), "101");
}

TEST(websocket_handshake, a_client_sees_through_a_server_that_only_pretends) {
    const auto tried = [](const std::string& answer) {
        return in_virtual_time([&]() -> task<std::string> {
            auto [near, far] = io::duplex(64 * 1024);
            co_await far.write_all(io::bytes_of(answer));
            co_await far.shutdown();
            auto started = http::start_websocket(io::any_stream(std::move(near)), "a", "/", patient());
            try {
                co_await std::move(started);
            } catch (const std::system_error& e) {
                co_return e.what();
            }
            co_return "";
        });
    };
    const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n";
    EXPECT_THAT(tried("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
                StartsWith("websocket with memory:left: the server answered 404 Not Found"));
    EXPECT_THAT(tried(switching + "\r\n"), HasSubstr("Sec-WebSocket-Accept is not the answer to our key"));
    EXPECT_THAT(tried(switching + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
                HasSubstr("not the answer to our key"));
    EXPECT_THAT(tried("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n"),
                HasSubstr("does not speak WebSocket"));
    EXPECT_THAT(tried(""), HasSubstr("the stream ended early"));
}

TEST(websocket_handshake, a_url_of_another_kind_is_refused_and_its_password_not_shown) {
    in_virtual_time([]() -> task<> {
        try {
            (void)co_await http::connect_websocket("http://me:secret@h/");
            ADD_FAILURE() << "that is no url of a websocket";
        } catch (const std::invalid_argument& e) {
            EXPECT_STREQ(e.what(), "url 'http://me:***@h/': a WebSocket begins with ws:// or wss://");
        }
    });
}

}  // namespace net_websocket_handshake_test

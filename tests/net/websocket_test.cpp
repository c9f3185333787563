// WebSocket between the handshake (websocket_handshake_test.cpp) and the goodbye (websocket_end_test.cpp): messages,
// silence, and peers that are slow. What is in the frames: websocket_rules_test.cpp.

#include "support/websocket_world.hpp"

#include <ringlet/core/all.hpp>

#include <gmock/gmock.h>

namespace net_websocket_test {

using namespace ringlet;
using namespace story;
using namespace story::ws;

// --- messages ----------------------------------------------------------------------------------------

TEST(websocket, messages_of_every_size_go_both_ways) {
    in_virtual_time([]() -> task<> {
        echoing world;
        http::websocket peer = co_await world.connect();
        for (const std::size_t size : {0u, 1u, 125u, 126u, 2047u, 65535u, 65536u, 1000000u}) {
            const std::string bytes(size, 'x');
            auto sending = peer.send(bytes);
            auto hearing = peer.receive();
            auto [sent, heard] = co_await all(std::move(sending), std::move(hearing));
            EXPECT_TRUE(heard && heard->text && heard->data == bytes) << size;
        }
        const std::string binary_bytes("\0\xff\xfe", 3);
        co_await peer.send_binary(binary_bytes);
        const std::optional<http::message> heard = co_await peer.receive();
        EXPECT_TRUE(heard && !heard->text && heard->data == binary_bytes);
        co_await peer.close(3001, "enough");
        EXPECT_EQ(peer.peer_close_code(), 3001);
        co_await world.serving.get();
    });
}

TEST(websocket, however_the_bytes_are_cut_the_messages_are_the_same) {
    const std::string sent = frame(begin, "h\xc3") + frame(ping, "p") + frame(end, "\xa4!") + frame(binary, "xyz") +
                             frame(bye, close_frame(1001, "gone"));
    const std::string expected = from_server(pong, "p") + from_server(text, "h\xc3\xa4!") +
                                 from_server(binary, "xyz") + from_server(bye, close_frame(1001, "gone"));
    for (std::size_t cut = 0; cut <= sent.size() + 1; ++cut) {
        in_virtual_time([&]() -> task<> {
            echoing world;
            visit v(world.server);
            co_await v.say(handshake + "\r\n");
            co_await v.hear_until("\r\n\r\n");
            for (std::size_t at = 0; at < sent.size();) {
                const std::size_t size = cut > sent.size() ? 1
                                         : at == 0         ? std::max<std::size_t>(cut, 1)
                                                           : sent.size() - at;
                co_await v.say(std::string_view(sent).substr(at, size));
                co_await settle(5);
                at += size;
            }
            co_await v.leave();
            EXPECT_EQ(co_await v.hear(), expected) << "cut at " << cut;
        });
    }
}

// --- time --------------------------------------------------------------------------------------------

TEST(websocket, silence_is_broken_by_a_ping_and_then_it_is_over) {
    in_virtual_time([]() -> task<> {
        echoing world;
        visit v(world.server);
        co_await v.say(handshake + "\r\n");
        co_await v.hear_until("\r\n\r\n");
        const time_point start = loop::current().now();
        EXPECT_EQ(co_await v.hear_until(from_server(ping, "")), from_server(ping, ""));
        EXPECT_GE(loop::current().now() - start, 30s);
        co_await v.say(frame(pong, ""));
        EXPECT_EQ(co_await v.hear_until(from_server(ping, "")), from_server(ping, ""));
        EXPECT_EQ(co_await v.hear(), "");
        EXPECT_GE(loop::current().now() - start, 90s);
        EXPECT_LE(loop::current().now() - start, 95s);
    });
}

TEST(websocket, two_idle_ends_keep_each_other_alive) {
    in_virtual_time([]() -> task<> {
        echoing world;
        http::websocket peer = co_await world.connect();
        const auto later = spawn([&]() -> task<> {
            co_await sleep_for(1h);
            co_await peer.send("still there");
        });
        const std::optional<http::message> heard = co_await peer.receive();
        EXPECT_EQ(heard->data, "still there");
        co_await later.join();
    });
}

TEST(websocket, who_does_not_read_holds_up_the_sender_and_then_is_cut) {
    in_virtual_time([]() -> task<> {
        http::server server;
        std::size_t sent = 0;
        const auto flood = [&](http::websocket& peer, http::request&) -> task<> {
            for (;; ++sent)
                co_await peer.send(std::string_view("0123456789"));
        };
        server.get("/", http::websockets(flood, patient()));
        visit v(server, 1000);
        co_await v.say(handshake + "\r\n");
        const time_point start = loop::current().now();
        co_await v.serving.get();
        EXPECT_GT(sent, 10u);
        EXPECT_LT(sent, 100u) << "bounded by what the connection holds";
        EXPECT_LE(loop::current().now() - start, 13s);
    });
}

TEST(websocket, a_peer_that_takes_a_large_message_slowly_gets_it) {
    in_virtual_time([]() -> task<> {
        auto [near, far] = io::duplex();
        http::websocket peer(io::any_stream(std::move(near)), http::websocket::side::server, patient());
        const std::string large(4 << 20, 'x');
        const auto sending = spawn([&] { return peer.send(large); });
        std::string heard(from_server(text, large).size(), '-');
        for (std::size_t at = 0; at < heard.size(); at += 64 * 1024) {
            const auto room = std::as_writable_bytes(std::span(heard)).subspan(at);
            co_await io::read_exact(far, room.first(std::min<std::size_t>(room.size(), 64 * 1024)));
            co_await sleep_for(1s);
        }
        EXPECT_TRUE(co_await as_result(sending.get())) << "its patience is 10 s";
        EXPECT_EQ(heard, from_server(text, large));
    });
}

TEST(websocket, a_ping_is_answered_while_somebody_sends) {
    in_virtual_time([]() -> task<> {
        http::server server;
        const std::string large(5000, 'x');
        const auto both = [&](http::websocket& peer, http::request&) -> task<> {
            const auto sending = spawn([&] { return peer.send(large); });
            while (co_await peer.receive()) {}
            co_await sending.join();
        };
        server.get("/", http::websockets(both, patient()));
        visit v(server, 1000);
        co_await v.say(handshake + "\r\n");
        co_await v.hear_until("\r\n\r\n");
        co_await settle();
        co_await v.say(frame(ping, "1") + frame(ping, "2"));
        co_await settle();
        EXPECT_THAT(co_await v.hear_until(from_server(pong, "2")),
                    testing::EndsWith(large + from_server(pong, "1") + from_server(pong, "2")));
    });
}

}  // namespace net_websocket_test

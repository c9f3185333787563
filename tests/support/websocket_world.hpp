#pragma once
// A server that echoes, a client for it, and frames made by hand.

#include "http_world.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/net/websocket_client.hpp>
#include <ringlet/net/websocket_server.hpp>

#include <gmock/gmock.h>

namespace story::ws {

inline task<> echo(http::websocket& peer, http::request&) {
    while (std::optional<http::message> heard = co_await peer.receive()) {
        if (heard->text)
            co_await peer.send(heard->data);
        else
            co_await peer.send_binary(heard->data);
    }
}

inline http::websocket_options patient() { return http::websocket_options().ping_after(30s).patience(10s); }

/// A server that echoes at "/", and a client that is connected to it.
struct echoing {
    explicit echoing(const http::websocket_options& options = patient()) {
        server.get("/", http::websockets(&echo, options));
    }

    task<http::websocket> connect(http::websocket_options options = patient(), std::size_t capacity = 64 * 1024) {
        auto [near, far] = io::duplex(capacity);
        serving = ringlet::spawn([](task<> t) -> task<> { co_await std::move(t); },
                                 server.serve_stream(io::any_stream(std::move(far))));
        auto started = http::start_websocket(io::any_stream(std::move(near)), "a", "/", std::move(options));
        co_return co_await std::move(started);
    }

    http::server server;
    ringlet::greenlet<> serving;
};

/// A conversation in which much is sent and comes back through a stream that takes little at a time.
inline task<> echo_slowly(const http::websocket_options& options, const std::string& large) {
    echoing world(options);
    http::websocket peer = co_await world.connect(options, 200);
    auto sending = peer.send(large);
    auto hearing = peer.receive();
    auto [sent, heard] = co_await ringlet::all(std::move(sending), std::move(hearing));
    EXPECT_EQ(heard->data, large);
    co_await peer.close();
}

inline const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";  // of RFC 6455 section 1.3
inline const std::string handshake =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
    key + "\r\n";

/// The head of a frame for so many bytes; `mask` is 0x80 for a client's.
inline std::string frame_head(unsigned first, std::size_t size, unsigned mask) {
    std::string head(1, static_cast<char>(first));
    const int bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
    head += static_cast<char>(mask | (bytes == 0 ? size : bytes == 2 ? 126 : 127));
    for (int i = bytes - 1; i >= 0; --i)
        head += static_cast<char>(size >> (8 * i));
    return head;
}

/// A frame of a client, masked with zeros, so that the text can be read.
inline std::string frame(unsigned first, std::string_view payload) {
    return frame_head(first, payload.size(), 0x80) + std::string(4, '\0') + std::string(payload);
}
inline std::string from_server(unsigned first, std::string_view payload) {
    return frame_head(first, payload.size(), 0) + std::string(payload);
}
inline std::string close_frame(unsigned code, const std::string& reason = {}) {
    return std::string{static_cast<char>(code >> 8), static_cast<char>(code)} + reason;
}
constexpr unsigned text = 0x81, binary = 0x82, bye = 0x88, ping = 0x89, pong = 0x8a, begin = 0x01, more = 0x00,
                   end = 0x80;

struct saying {
    saying() = default;
    http::websocket_options options = patient();
    std::string fields;  // more of them, in the handshake
    std::size_t piece = 0;  // bytes that are sent together; 0 for all
};

/// What the echo server says, after its handshake, to these bytes.
inline std::string answers_to(const std::string& frames, const saying& how = {}) {
    return in_virtual_time([&]() -> task<std::string> {
        echoing world(how.options);
        visit v(world.server, 1 << 20);
        co_await v.say(handshake + how.fields + "\r\n");
        const std::string answer = co_await v.hear_until("\r\n\r\n");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << answer;
        const std::size_t piece = how.piece == 0 ? frames.size() : how.piece;
        const auto talking = ringlet::spawn([&]() -> task<> {
            for (std::size_t at = 0; at < frames.size(); at += piece) {
                co_await v.say(std::string_view(frames).substr(at, piece));
                if (piece < frames.size())
                    co_await settle(3);
            }
            co_await v.leave();
        });
        std::string heard = co_await v.hear();
        co_await talking.join();
        co_await v.serving.get();
        co_return heard;
    });
}

}  // namespace story::ws

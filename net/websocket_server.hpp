#pragma once
// The server's end of WebSocket, as a handler for a route:
//
//     server.get("/echo", http::websockets([](http::websocket& peer, http::request&) -> task<> {
//         while (std::optional<http::message> heard = co_await peer.receive())
//             co_await peer.send(heard->data);
//     }));

#include <ringlet/net/http_handler.hpp>
#include <ringlet/net/websocket.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace ringlet::http {

namespace detail {
using websocket_body = std::function<task<>(websocket&, request&)>;
handler websocket_handler(websocket_body body, websocket_options options);
}  // namespace detail

/// Answers the handshake and runs `fn` with the websocket, which is closed when it returns: with 1000, or
/// with 1011 when it throws. What the peer does wrong ends it without a report. When the server stops, the
/// peer is told so (1001), and receive() ends. A plain function runs on a fiber of its own.
template <class Fn>
handler websockets(Fn fn, const websocket_options& options = {}) {
    static_assert(std::is_invocable_v<Fn&, websocket&, request&>, "it takes a websocket& and a request&");
    if constexpr (is_task<std::invoke_result_t<Fn&, websocket&, request&>>) {
        return detail::websocket_handler(std::move(fn), options);
    } else {
        return detail::websocket_handler(
            [fn = std::move(fn)](websocket& peer, request& asked) mutable {
                return on_fiber([&fn, &peer, &asked] { fn(peer, asked); });
            },
            options);
    }
}

}  // namespace ringlet::http

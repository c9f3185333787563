#pragma once
// The client's end of WebSocket.
//
//     http::websocket peer = co_await http::connect_websocket("ws://localhost:8080/chat");

#include <ringlet/net/connect.hpp>
#include <ringlet/net/http_fields.hpp>
#include <ringlet/net/websocket.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace ringlet::tls {
class context;
}

namespace ringlet::http {

/// Awaitable: connects to a ws:// or wss:// url and does the handshake, with `more` fields such as Origin or
/// Cookie. Throws what net::connect throws, and websocket_error when the server refuses: "websocket with
/// 10.0.0.1:80: the server answered 404 Not Found". For wss, `trusted` null means the machine's authorities.
task<websocket> connect_websocket(std::string url, websocket_options options = {}, fields more = {},
                                  std::shared_ptr<const tls::context> trusted = {});

/// Awaitable: the same over a stream that is connected already. `host` and `target` are what the request
/// names: "example.org:8080", "/chat?room=1".
task<websocket> start_websocket(io::any_stream stream, std::string host, std::string target,
                                websocket_options options = {}, fields more = {});

}  // namespace ringlet::http

#pragma once
// A client whose connections all lead into the test: each is a memory stream, and time is virtual. What
// the server says, and when, the story tells.

#include "story.hpp"

#include <ringlet/core/group.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/io/memory_stream.hpp>
#include <ringlet/net/decompress.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace story {

using ringlet::task;
namespace http = ringlet::http;
namespace io = ringlet::io;

inline const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// What every request says of itself, between its Host and the empty line.
inline const std::string usual_lines =
    "Accept: */*\r\nUser-Agent: ringlet\r\nAccept-Encoding: " + std::string(http::supported_codings()) + "\r\n";

/// A client whose connections all lead here, and the other ends of those.
class world {
public:
    /// `room`: so many bytes of each direction are on their way at most.
    explicit world(http::client_options options = {}, std::size_t room = 64 * 1024)
        : client(with_connector(*this, std::move(options), room)) {}

    /// The next connection that the client makes.
    task<io::memory_stream> accept() { co_return co_await made_.get(); }

    std::size_t connections = 0;
    std::vector<std::string> origins;  // to which they were
    http::client client;

private:
    static http::client_options with_connector(world& self, http::client_options options, std::size_t room) {
        options.connect = [&self, room](const ringlet::net::url& to) -> task<io::any_stream> {
            auto [near, far] = io::duplex(room);
            ++self.connections;
            self.origins.push_back(to.origin());
            co_await self.made_.put(std::move(far));
            co_return io::any_stream(std::move(near));
        };
        return options;
    }

    ringlet::queue<io::memory_stream> made_{100};
};

inline task<> say(io::memory_stream& to, std::string_view text) { co_await to.write_all(io::bytes_of(text)); }

/// A request up to the end of its head.
inline task<std::string> hear(io::memory_stream& from) {
    std::string heard;
    char c = 0;
    while (!heard.ends_with("\r\n\r\n")) {
        if (co_await from.read(std::as_writable_bytes(std::span(&c, 1))) == 0)
            break;
        heard += c;
    }
    co_return heard;
}

/// Says each text on a connection of its own, as soon as a request has come, and leaves.
inline task<> serve(world& w, std::vector<std::string> texts) {
    for (const std::string& text : texts) {
        auto end = co_await w.accept();
        (void)co_await hear(end);
        co_await say(end, text);
        co_await end.shutdown();
    }
}

/// Serves every connection that the client makes, until cancelled with the group.
inline task<> serve_all(world& w, http::server& server, ringlet::group& g) {
    const auto serve_it = [&server](io::memory_stream end) {
        return server.serve_stream(io::any_stream(std::move(end)));
    };
    for (;;) {
        auto end = co_await w.accept();
        g.spawn(serve_it, std::move(end));
    }
}

/// A whole response.
inline std::string response_of(std::string_view status, std::string_view fields, std::string_view body = {}) {
    return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline http::client_options by_http2(http::client_options o = {}) {
    o.http2 = http::http2_use::demanded;
    return o;
}

/// How long ago that was, without what the simulated network takes.
inline std::string since(ringlet::time_point start) {
    return ringlet::to_string(std::chrono::floor<std::chrono::seconds>(ringlet::loop::current().now() - start));
}

}  // namespace story

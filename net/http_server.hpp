#pragma once
// http::server: answers HTTP/1.1 over any stream. Each connection is a greenlet that reads a request,
// runs the handler for its path, sends the answer and begins again; pipelined requests are answered in
// order. What one connection does wrong ends that connection only.
//
//     http::server server;
//     server.handle("/", [](http::request& asked) -> task<http::response> { co_return "hello"; });
//     co_await server.serve(net::listen(net::address::loopback(8080)));

#include <ringlet/core/task.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/http_handler.hpp>
#include <ringlet/net/http_server_options.hpp>
#include <ringlet/net/tcp.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace ringlet::http {

namespace detail {
class server_core;
}

class server {
public:
    explicit server(const server_options& options = {});
    server(server&&) noexcept = default;
    server& operator=(server&&) = delete;

    /// Stops at once: what is running is killed, in the background. Use stop() to be gentle.
    ~server();

    /// Answers requests for `path` by `fn`, one of the four shapes in http_handler.hpp. A path that
    /// ends in '/' stands for everything below it too; the longest wins. The rest is answered 404.
    template <class Fn>
    void handle(std::string path, Fn fn) {
        add(std::move(path), make_handler(std::move(fn)));
    }

    /// Listens, and serves in a greenlet of its own. Gives the address, with the port that the system
    /// chose for port 0. Throws what net::listen throws.
    net::address start(const net::address& where, const net::listen_options& how = {});

    /// Awaitable: accepts connections and answers them until stop(). Throws what the listener throws.
    task<> serve(net::tcp_listener listener);

    /// Awaitable: answers one connection until it ends. For streams that come from elsewhere.
    task<> serve_stream(io::any_stream stream);

    /// Awaitable: stops accepting, closes idle connections, lets running requests end within `grace`,
    /// then kills what is left and gives its number. Not to be awaited in a handler, which would wait
    /// for itself.
    task<std::size_t> stop(duration grace = 10s);

    /// Connections that are open now.
    std::size_t connections() const noexcept;

private:
    void add(std::string path, handler h);

    std::shared_ptr<detail::server_core> core_;  // shared with the connections, which may outlive us
};

}  // namespace ringlet::http

#pragma once
// http::server: answers HTTP/1.1 over any stream. Each connection is a greenlet that reads a request,
// runs the handler for its path, sends the answer and begins again; pipelined requests are answered in
// order. One of HTTP/2 has a greenlet for each request besides. What one connection does wrong ends that
// connection only.
//
//     http::server server;
//     server.handle("/", [](http::request& asked) -> task<http::response> { co_return "hello"; });
//     co_await server.serve(net::listen(net::address::loopback(8080)));

#include <ringlet/core/task.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/http_handler.hpp>
#include <ringlet/net/http_middleware.hpp>
#include <ringlet/net/http_server_options.hpp>
#include <ringlet/net/tcp.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ringlet::http {

namespace detail {
class server_core;
}

/// Makes the stream that HTTP is spoken over of the one that was accepted. What it throws as a
/// std::system_error ends that connection only.
using connection_wrapper = std::function<task<io::any_stream>(io::any_stream)>;

class server {
public:
    /// Throws std::invalid_argument for options that would serve nobody, and for a name that is no field value.
    explicit server(const server_options& options = {});
    server(server&&) noexcept = default;
    server& operator=(server&&) = delete;

    /// Stops at once: what is running is killed, in the background. Use stop() to be gentle.
    ~server();

    /// Answers requests of any method for `path` by `fn`, one of the four shapes in http_handler.hpp. A
    /// path that ends in '/' stands for everything below it too. The rest is answered 404.
    template <class Fn>
    void handle(std::string_view path, Fn fn) {
        add({}, path.ends_with('/') ? std::string(path) + "{rest...}" : std::string(path),
            make_handler(std::move(fn)));
    }

    /// Answers one method, of a path or a pattern such as "/users/{id}" (http_router.hpp); the handler
    /// asks request::parameter("id"). Other methods are answered 405, OPTIONS with what there is.
    template <class Fn>
    void route(std::string_view method, std::string_view pattern, Fn fn) {
        add(method, pattern, make_handler(std::move(fn)));
    }
    /// HEAD too.
    template <class Fn>
    void get(std::string_view pattern, Fn fn) {
        route("GET", pattern, std::move(fn));
    }
    template <class Fn>
    void post(std::string_view pattern, Fn fn) {
        route("POST", pattern, std::move(fn));
    }
    template <class Fn>
    void put(std::string_view pattern, Fn fn) {
        route("PUT", pattern, std::move(fn));
    }
    template <class Fn>
    void patch(std::string_view pattern, Fn fn) {
        route("PATCH", pattern, std::move(fn));
    }
    template <class Fn>
    void del(std::string_view pattern, Fn fn) {
        route("DELETE", pattern, std::move(fn));
    }

    /// Puts `fn` around every handler (http_middleware.hpp). The first is the outermost.
    template <class Fn>
    void use(Fn fn) {
        add(make_middleware(std::move(fn)));
    }

    /// Listens, and serves in a greenlet of its own. Gives the address, with the port that the system
    /// chose for port 0. Throws what net::listen throws.
    net::address start(const net::address& where, const net::listen_options& how = {});
    /// The same over what `secure` makes of each connection; see serve().
    net::address start(const net::address& where, connection_wrapper secure, const net::listen_options& how = {});

    /// Awaitable: accepts connections and answers them until stop(). Throws what the listener throws.
    task<> serve(net::tcp_listener listener);

    /// Awaitable: the same over what `secure` makes of each connection, such as over_tls() of
    /// http_server_tls.hpp. It has the time of a head for that.
    task<> serve(net::tcp_listener listener, connection_wrapper secure);

    /// Awaitable: serves until SIGTERM or SIGINT comes, then stop(grace); a second signal ends that at
    /// once. Gives the number of connections that were cut. Throws what the listener throws.
    task<std::size_t> serve_forever(net::tcp_listener listener, any_duration grace = 10s);
    task<std::size_t> serve_forever(net::tcp_listener listener, connection_wrapper secure, any_duration grace = 10s);

    /// Awaitable: answers one connection until it ends. For streams that come from elsewhere.
    task<> serve_stream(io::any_stream stream);

    /// Awaitable: stops accepting, closes idle connections, lets running requests end within `grace`,
    /// then reports which are left, kills them and gives their number. Not to be awaited in a handler,
    /// which would wait for itself.
    task<std::size_t> stop(any_duration grace = 10s);

    /// Connections that are open now.
    std::size_t connections() const noexcept;

private:
    void add(std::string_view method, std::string_view pattern, handler h);
    void add(middleware m);

    std::shared_ptr<detail::server_core> core_;  // shared with the connections, which may outlive us
};

}  // namespace ringlet::http

#pragma once
// http::client: requests to urls. It keeps a few idle connections per origin and uses them again; a
// request that meets one which the server has closed meanwhile is sent once more on a fresh one, if
// doing it twice is harmless. Redirects are returned as they come.
//
//     http::client client;
//     http::response page = co_await client.get("http://example.org/");

#include <ringlet/core/task.hpp>
#include <ringlet/net/http_connection.hpp>
#include <ringlet/net/http_request_error.hpp>
#include <ringlet/net/http_response.hpp>
#include <ringlet/net/url.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ringlet::http {

namespace detail {
class idle_connections;
}

/// What holds for all requests of a client.
class client_options {
public:
    client_options() {}  // not an aggregate: temporaries of it are safe in a co_await

    http::limits limits = http::limits::client();
    http::timeouts timeouts;
    std::size_t idle_per_origin = 16;
    std::size_t idle_in_all = 256;
    duration idle = 30s;  // older connections are not used again
    std::string user_agent = "ringlet";

    /// Awaitable: a stream to where this url points. By default a TCP connection to host and port.
    std::function<task<io::any_stream>(const net::url&)> connect;
};

/// What is special about one request.
class request_options {
public:
    request_options() {}

    http::fields fields;
    std::string body;
    std::optional<http::timeouts> timeouts;
};

/// A response whose body is still to be read. Read to its end, its connection serves again; dropped
/// before, the connection is closed.
class incoming {
public:
    incoming(incoming&&) noexcept;
    incoming& operator=(incoming&&) = delete;
    ~incoming();

    int status() const { return head().status(); }
    const http::fields& fields() const { return head().fields(); }
    const message_head& head() const { return connection_->head(); }
    const std::string& url() const noexcept { return url_; }

    /// Awaitable: the next bytes of the body, as many as are there; 0 at its end.
    task<std::size_t> read(std::span<std::byte> into);
    /// Awaitable: what is left of it.
    task<std::string> read_all(std::uint64_t most = UINT64_MAX);

private:
    friend class client;
    incoming(std::shared_ptr<detail::idle_connections> home, std::string origin,
             std::unique_ptr<connection> c, std::string_view method, std::string_view url);

    std::shared_ptr<detail::idle_connections> home_;
    std::string origin_;
    std::unique_ptr<connection> connection_;
    std::string method_, url_;
    std::string_view piece_;
};

class client {
public:
    explicit client(const client_options& options = {});
    client(client&&) noexcept = default;
    client& operator=(client&&) noexcept = default;
    ~client();

    /// Awaitable: the whole response, whatever its status. Throws request_error.
    task<response> get(std::string url, request_options options = {}) {
        return fetch("GET", std::move(url), std::move(options));
    }
    task<response> head(std::string url, request_options options = {}) {
        return fetch("HEAD", std::move(url), std::move(options));
    }
    task<response> post(std::string url, std::string body, request_options options = {}) {
        options.body = std::move(body);
        return fetch("POST", std::move(url), std::move(options));
    }
    task<response> fetch(std::string method, std::string url, request_options options = {});

    /// Awaitable: the response as soon as its head is there.
    task<incoming> open(std::string method, std::string url, request_options options = {});

    /// Connections that wait for another request.
    std::size_t idle() const noexcept;
    void close_idle() noexcept;

private:
    task<std::unique_ptr<connection>> exchange(const net::url& to, const std::string& method,
                                               const request_options& options, const timeouts& limits);
    task<std::unique_ptr<connection>> connect(const net::url& to, const std::string& method,
                                              const timeouts& limits, time_point until);

    client_options options_;
    std::shared_ptr<detail::idle_connections> idle_;
};

/// The client of this loop, for whoever has none of their own. It goes with the loop.
client& shared_client();

/// Awaitable: a page, by the client of this loop.
inline task<response> get(std::string url, request_options options = {}) {
    return shared_client().get(std::move(url), std::move(options));
}

}  // namespace ringlet::http

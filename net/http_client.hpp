#pragma once
// http::client: requests to urls. It keeps connections and uses them again, follows redirects, keeps
// cookies, undoes compression, and repeats what failed if it is asked to. A request that meets a
// connection which the server has closed meanwhile is sent once more on a fresh one, if doing it twice is
// harmless. By HTTP/2, where a server speaks it, many requests share one connection.
//
//     http::client client;
//     http::reply page = co_await client.get("http://example.org/");

#include <ringlet/core/task.hpp>
#include <ringlet/net/http_client_options.hpp>
#include <ringlet/net/http_incoming.hpp>
#include <ringlet/net/http_reply.hpp>
#include <ringlet/net/http_request_error.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace ringlet::http {

namespace detail {
struct client_core;
}

/// The urls are http://, https://, and http+unix://%2Frun%2Fserver.sock/path for a server on a UNIX socket.
class client {
public:
    explicit client(const client_options& options = {});
    client(client&&) noexcept = default;
    client& operator=(client&&) noexcept = default;
    ~client();

    /// Awaitable: the whole response, whatever its status. Throws request_error.
    task<reply> get(std::string url) { return fetch("GET", std::move(url)); }
    task<reply> get(std::string url, request_options options) {
        return fetch("GET", std::move(url), std::move(options));
    }
    task<reply> head(std::string url) { return fetch("HEAD", std::move(url)); }
    task<reply> head(std::string url, request_options options) {
        return fetch("HEAD", std::move(url), std::move(options));
    }
    task<reply> post(std::string url, request_body body, request_options options = {}) {
        options.body = std::move(body);
        return fetch("POST", std::move(url), std::move(options));
    }
    task<reply> put(std::string url, request_body body, request_options options = {}) {
        options.body = std::move(body);
        return fetch("PUT", std::move(url), std::move(options));
    }
    task<reply> fetch(std::string method, std::string url);
    task<reply> fetch(std::string method, std::string url, request_options options);

    /// Awaitable: the response as soon as its head is there.
    task<incoming> open(std::string method, std::string url);
    task<incoming> open(std::string method, std::string url, request_options options);

    /// Connections that wait for another request, and those that have one.
    std::size_t idle() const noexcept;
    std::size_t in_use() const noexcept;
    void close_idle() noexcept;

    /// Null when there is none.
    const std::shared_ptr<cookie_jar>& cookies() const noexcept;

private:
    std::shared_ptr<detail::client_core> core_;
};

/// The client of this loop, for whoever has none of their own: it keeps connections, but no cookies, and
/// goes through the proxies that the environment names. It goes with the loop.
client& shared_client();

/// Awaitable: a page, by the client of this loop.
inline task<reply> get(std::string url) { return shared_client().get(std::move(url)); }
inline task<reply> get(std::string url, request_options options) {
    return shared_client().get(std::move(url), std::move(options));
}

}  // namespace ringlet::http

#pragma once
// How a client works, and what is special about one of its requests.

#include <ringlet/core/task.hpp>
#include <ringlet/net/cookies.hpp>
#include <ringlet/net/http_auth.hpp>
#include <ringlet/net/http_connection.hpp>
#include <ringlet/net/http_form.hpp>
#include <ringlet/net/http_request_body.hpp>
#include <ringlet/net/proxy.hpp>
#include <ringlet/net/url.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ringlet::tls {
class context;
}

namespace ringlet::http {

/// Whether a request is made again that failed, or that got an answer which asks for patience. Requests
/// that must not be done twice (POST, PATCH) are repeated only if no connection was made at all.
class retries {
public:
    retries() {}  // not an aggregate: temporaries of it are safe in a co_await
    explicit retries(unsigned count) : most(count) {}

    unsigned most = 0;  // after the first attempt
    any_duration backoff = 500ms;  // before the first repetition; doubles with each
    any_duration longest_wait = 60s;  // a Retry-After beyond that is not waited for: its response is returned
    std::vector<int> statuses{429, 502, 503, 504};
};

/// Whether HTTP/2 is spoken, by which many requests share a connection.
enum class http2_use {
    off,
    offered,  // over TLS, where the server chooses; HTTP/1.1 otherwise
    demanded,  // or there is no connection; in the clear the server is taken to know it beforehand
};

/// What a redirect makes of a request; 307 and 308 repeat it as it was, 303 makes GET of all but HEAD, without a body.
enum class redirect_rule {
    fetch,  // as browsers do: 301 and 302 make GET of POST, without a body, and repeat the others
    requests,  // as Python's requests does: 302 is taken for 303; 301 makes GET of POST, and sends no body with any
};

/// What holds for all requests of a client.
class client_options {
public:
    client_options() {}  // not an aggregate: temporaries of it are safe in a co_await

    http::limits limits = http::limits::client();  // `body` also holds for what a body is decompressed to
    http::timeouts timeouts;
    std::size_t per_origin = 1024;  // connections; who comes then waits for its turn
    std::size_t in_all = 4096;
    std::size_t idle_per_origin = 16;
    std::size_t idle_in_all = 256;
    any_duration idle = 30s;  // older connections are not used again
    std::string user_agent = "ringlet";
    unsigned redirects = 30;  // followed one after the other; 0: they are returned as they come
    http2_use http2 = http2_use::offered;
    std::uint32_t window = 256 * 1024;  // HTTP/2: bytes of each body that may come before they are read
    bool decompress = true;  // ask for what supported_codings() says, and undo it
    http::retries retries;
    /// Null: cookies are neither kept nor sent.
    std::shared_ptr<cookie_jar> cookies = std::make_shared<cookie_jar>();

    /// What is trusted, and shown (tls_context.hpp). Null: the authorities of the machine. One that names
    /// protocols for ALPN itself offers those.
    std::shared_ptr<const tls::context> tls;

    /// By whom to go where; net::proxy_settings::from_environment() believes the environment.
    net::proxy_settings proxies;

    /// Awaitable: a stream to the host and port of this url, by default over TCP. TLS comes on top of it
    /// for https. With a proxy the url is the proxy's.
    std::function<task<io::any_stream>(const net::url&)> connect;
};

/// What is special about one request. What is not set here is as in client_options.
class request_options {
public:
    request_options() {}

    http::fields fields;
    request_body body;
    pairs params;  // appended to the query
    /// Not sent to another origin; else those in the url are used, "http://user:password@host/".
    credentials auth;
    std::optional<http::timeouts> timeouts;
    std::optional<unsigned> redirects;
    redirect_rule redirected = redirect_rule::fetch;
    std::optional<http::retries> retries;
    std::optional<std::uint64_t> body_limit;
    std::optional<bool> decompress;
    std::optional<std::shared_ptr<cookie_jar>> cookies;
    std::optional<net::proxy_settings> proxies;
};

}  // namespace ringlet::http

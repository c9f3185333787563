#pragma once
// HTTP/2 (RFC 9113) over any stream, for those who have agreed on it: by ALPN ("h2") or beforehand. One
// connection carries many exchanges at once; each is a greenlet's own affair. Framing, compression and
// flow control are nghttp2's; a body that is not read holds its sender back.

#include <ringlet/core/task.hpp>
#include <ringlet/core/time.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/http_response.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace ringlet::http2 {

namespace detail {
class connection;
struct exchange;
}  // namespace detail

/// What a side allows its peer, and waits for.
class options {
public:
    options() = default;
    /// Exchanges at the same time.
    options& streams(std::uint32_t most) noexcept {
        streams_ = most;
        return *this;
    }
    /// Bytes of a body that may come before anybody reads it.
    options& window(std::uint32_t bytes) noexcept {
        window_ = bytes;
        return *this;
    }
    /// All names and values of one head, and of its trailers, with 32 bytes for each.
    options& head(std::size_t bytes) noexcept {
        head_ = bytes;
        return *this;
    }
    /// How long a connection may carry nothing at all.
    options& idle(duration d) noexcept {
        idle_ = d;
        return *this;
    }
    /// How long the peer may take nothing of what is sent.
    options& stalled(duration d) noexcept {
        stalled_ = d;
        return *this;
    }

    std::uint32_t streams() const noexcept { return streams_; }
    std::uint32_t window() const noexcept { return window_; }
    std::size_t head() const noexcept { return head_; }
    duration idle() const noexcept { return idle_; }
    duration stalled() const noexcept { return stalled_; }

private:
    std::uint32_t streams_ = 100;
    std::uint32_t window_ = 64 * 1024;
    std::size_t head_ = 64 * 1024;
    duration idle_ = 60s;
    duration stalled_ = 30s;
};

/// "http/2 with example.org:443: the peer reset the stream: REFUSED_STREAM"
class error : public std::system_error {
public:
    error(std::errc code, std::uint32_t wire, std::string text);
    const char* what() const noexcept override { return text_.c_str(); }
    /// Of RFC 9113 section 7.
    std::uint32_t wire_code() const noexcept { return wire_; }

private:
    std::string text_;
    std::uint32_t wire_;
};

/// What the peer says in one exchange: a request at a server, a response at a client.
class incoming {
public:
    explicit incoming(std::shared_ptr<detail::exchange> e) noexcept;

    std::string_view method() const noexcept;
    std::string_view scheme() const noexcept;
    std::string_view authority() const noexcept;
    /// Path and query.
    std::string_view target() const noexcept;
    int status() const noexcept;
    const http::fields& fields() const noexcept;
    /// Complete at the end of the body.
    const http::fields& trailers() const noexcept;

    /// Awaitable: the next piece of the body; empty at its end. Throws error when the peer gave it up.
    task<std::string> next_piece();
    /// Awaitable: all that is left of it; throws error beyond `most` bytes.
    task<std::string> read_all(std::size_t most = 16 << 20);

private:
    std::shared_ptr<detail::exchange> exchange_;
};

/// A client's end of a connection. The handle closes it when it goes.
class client {
public:
    explicit client(io::any_stream stream, const options& how = {});
    client(client&&) noexcept = default;
    client& operator=(client&&) noexcept;
    ~client();

    /// Awaitable: sends a request; gives the head of its response, the body to be read from it. Many may
    /// be under way at once. Fields that HTTP/2 has no use for (Host, Connection, …) are left out.
    task<incoming> open(std::string method, std::string scheme, std::string authority, std::string target,
                        http::fields fields = {}, std::string body = {});

    /// Awaitable: the same with the whole body, at most 16 MiB of it.
    task<http::response> fetch(std::string method, std::string scheme, std::string authority, std::string target,
                               http::fields fields = {}, std::string body = {});

    /// The peer takes another request.
    bool usable() const noexcept;
    void close() noexcept;

private:
    std::shared_ptr<detail::connection> connection_;
};

using handler = std::function<task<http::response>(incoming&)>;

/// Awaitable: serves one connection until its peer has gone, or nothing came for options::idle. An
/// exchange that its client gives up has its handler killed; a handler that fails answers 500.
task<> serve(io::any_stream stream, handler answer, options how = {});

}  // namespace ringlet::http2

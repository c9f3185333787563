#pragma once
// What client and server see of HTTP/2 (RFC 9113): exchanges that share a connection. Nothing of nghttp2
// is here, so that a build without it differs in http2_none.cpp only. Heads go out as the text that
// http_writer.hpp makes, and are spelled as HTTP/2 spells them below; those that come in are a
// message_head, like any other.

#include <ringlet/core/task.hpp>
#include <ringlet/core/time.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/http_head.hpp>
#include <ringlet/net/http_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ringlet::http::detail {

/// What is allowed to a peer.
struct http2_limits {
    http::limits messages;
    std::uint32_t streams;  // at the same time; a server's
    std::uint32_t window;  // bytes of a body that may come before anybody reads it
    duration write;  // for the peer to take what is sent
};

/// One exchange. Gone before both sides have ended, it is reset; the connection and all others go on.
class http2_stream {
public:
    virtual ~http2_stream() = default;

    /// What the peer said; the trailers are complete at the end of its body.
    message_head head;
    fields trailers;

    /// The head of the request or response, or of an interim one, as text; `last`: nothing follows it.
    virtual void send_head(std::string_view text, bool last) = 0;
    /// Awaitable: sends a piece; done when the peer has room for all of it. Throws when it was reset.
    virtual task<> write(std::string_view bytes, bool last) = 0;
    /// Nothing more follows but these.
    virtual void end(const fields& trailers) = 0;
    /// Awaitable: until all of that has left for the peer.
    virtual task<> sent() = 0;
    /// Ends it now, as the error of whoever calls this.
    virtual void break_off() noexcept = 0;

    /// Awaitable: until the head of the final response is in `head`.
    virtual task<> read_head() = 0;
    /// Awaitable: the next piece of the peer's body, valid until the next call; empty at its end.
    virtual task<std::string_view> next_piece() = 0;
    /// A request that can only be answered by this status, for what its head says; 0: one that can be served.
    virtual int refusal() const noexcept = 0;
    /// No body follows the head, whatever its fields say.
    virtual bool ends_with_head() const noexcept = 0;
    /// A piece, or the end, is there already.
    virtual bool has_piece() const noexcept = 0;

    /// Some of the answer has come.
    virtual bool answered() const noexcept = 0;
    /// The peer has said that it did nothing about it: it may be sent again, whatever it is.
    virtual bool refused() const noexcept = 0;
    /// Awaitable: false when nothing can be sent any more, as far as the peer has said.
    virtual task<bool> quiet() = 0;
    /// Nothing came for too long: no more exchanges shall begin on a connection that said nothing since.
    virtual void doubt(time_point since) noexcept = 0;
    virtual std::string name() const = 0;
};

/// A client's connection. Nobody reads from it but those who wait for something, one for all.
class http2_client {
public:
    virtual ~http2_client() = default;
    virtual std::unique_ptr<http2_stream> open() = 0;
    /// More requests may be sent, now or when others have ended.
    virtual bool usable() const noexcept = 0;
    /// How many may begin now; one until the server has said how many it takes, which makes it settled.
    virtual std::size_t room() const noexcept = 0;
    virtual bool settled() const noexcept = 0;

    std::size_t users = 0;  // the pool's: who have a stream
    std::function<void()> on_change;  // of usable() and room(); to be quick
};

/// Whether this build speaks it.
bool has_http2() noexcept;

/// A connection on which HTTP/2 was agreed on. Throws where has_http2() is false.
std::shared_ptr<http2_client> make_http2_client(io::any_stream stream, bool secure, const http2_limits& most);

/// What the client of a connection says first, whatever it is going to ask (RFC 9113 section 3.4).
inline constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace ringlet::http::detail

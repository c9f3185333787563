#pragma once
// An encrypted stream over any other stream. OpenSSL only turns bytes into bytes here; the stream below
// is what moves them, so TLS runs over TCP, UNIX sockets, memory and the simulated network alike.

#include <ringlet/core/task.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/connect.hpp>
#include <ringlet/net/tls_context.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct ssl_st;

namespace ringlet::tls {

/// Satisfies io::stream. One greenlet may read while others write.
class stream {
public:
    struct state;

    stream(stream&&) noexcept = default;
    stream& operator=(stream&& other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~stream();

    /// Awaitable: at least one byte into `into`, as many as have come; 0 once the peer has said that it
    /// is done. A peer that goes without saying so is an error (errc::truncated): what was read may be
    /// a part. A second reader at the same time is refused with std::logic_error that names both. A read
    /// that is cut short loses nothing.
    task<std::size_t> read(std::span<std::byte> into);

    /// Awaitable: until all of `from` is encrypted and with the stream below. Several writers take turns.
    /// One that is cut short has sent a beginning, in whole records: others may go on writing.
    task<> write_all(std::span<const std::byte> from);

    /// Awaitable: tells the peer that no more will be sent (close_notify); reading goes on.
    task<> shutdown();

    /// Ends it now: whoever waits on it gets an error that says so. Without a shutdown before, the peer
    /// takes it for a lost connection.
    void close() noexcept;

    /// Awaitable: changes the keys of both directions (TLS 1.3 only; tls::error otherwise).
    task<> update_keys();

    /// What errors call it: the name of the stream below.
    std::string name() const;

    /// The protocol agreed on by ALPN; empty when none was.
    std::string alpn() const;
    /// "TLSv1.3", "TLSv1.2".
    std::string version() const;
    std::string cipher() const;
    /// The name that the client asked for; empty for an address.
    std::string server_name() const;
    /// A former session went on: no certificates were exchanged.
    bool resumed() const;
    /// What the peer showed, in PEM; empty when it showed none. After a resumption, what it showed then.
    std::string peer_certificate() const;
    /// Its subject: "CN=alice,O=Example".
    std::string peer_subject() const;

    /// What idle connections are to hold little of: bytes of buffers of ours, now.
    std::size_t buffered() const noexcept;

    /// OpenSSL's own handle, for what is not offered here. Reads and writes must not be made with it.
    ssl_st* native_handle() const noexcept;

private:
    friend task<stream> connect(io::any_stream, std::string, context);
    friend task<stream> accept(io::any_stream, context);
    explicit stream(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

    std::shared_ptr<state> state_;
};

/// Awaitable: the handshake of a client over a connected stream. `host` is the name (or numeric address)
/// that the certificate must be for; an international one stands for its ASCII form. Throws
/// tls::error, what the stream below throws, or timeout_error after the context's handshake_timeout. The stream
/// below is closed when it fails.
task<stream> connect(io::any_stream below, std::string host, context with);

/// Awaitable: the handshake of a server.
task<stream> accept(io::any_stream below, context with);

/// Awaitable: net::connect and then the handshake, each under its own timeout.
task<stream> connect(std::string host, std::uint16_t port, context with, net::connect_options options = {});

static_assert(io::stream<stream>);

}  // namespace ringlet::tls

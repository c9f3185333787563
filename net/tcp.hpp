#pragma once
// TCP streams and listeners, and UNIX stream sockets, which differ only in their addresses.

#include <ringlet/io/stream.hpp>
#include <ringlet/net/listener.hpp>
#include <ringlet/net/socket.hpp>

namespace ringlet::net {

namespace detail {
/// Awaitable: a connected socket. Throws std::system_error: "connect 127.0.0.1:80: Connection refused".
task<io::fd> connect_fd(address to);
}  // namespace detail

/// A connected TCP or UNIX stream. Small writes are not delayed (TCP_NODELAY).
class tcp_stream : public socket {
public:
    using socket::socket;

    /// Awaitable: connects to an address; names are for net::connect.
    static task<tcp_stream> connect(address to);

    /// Awaitable, and never waits: part of the stream concept, where others have to.
    auto shutdown() { return done_shutdown(*this); }

    address local_address() const;
    address peer_address() const;

private:
    struct done_shutdown {
        explicit done_shutdown(socket& s) { s.shutdown(); }
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        void await_resume() const noexcept {}
    };
};

using unix_stream = tcp_stream;

class tcp_listener : public listener {
public:
    using listener::listener;

    /// Awaitable: the next connection; see listener::accept_fd.
    task<tcp_stream> accept();
};

using unix_listener = tcp_listener;

/// Listens on an address, TCP or UNIX. Throws std::system_error: "listen on 127.0.0.1:80: …".
inline tcp_listener listen(const address& where, const listen_options& options = {}) {
    return tcp_listener(where, options);
}

static_assert(io::stream<tcp_stream>);

}  // namespace ringlet::net

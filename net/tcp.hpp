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
    auto shutdown() noexcept { return shutdown_now(*this); }

    address local_address() const;
    address peer_address() const;

private:
    class [[nodiscard]] shutdown_now {
    public:
        explicit shutdown_now(socket& s) noexcept : socket_(s) {}
        bool await_ready() const {
            throw_if_canceled();
            return true;
        }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        void await_resume() const { socket_.shutdown(); }

    private:
        socket& socket_;
    };
};

using unix_stream = tcp_stream;

class tcp_listener : public listener {
public:
    using listener::listener;

    class [[nodiscard]] stream_awaiter : public accept_awaiter {
    public:
        using accept_awaiter::accept_awaiter;
        tcp_stream await_resume() { return tcp_stream(accept_awaiter::await_resume()); }
        result<tcp_stream> await_result();
    };

    /// Awaitable: the next connection; see listener::accept_fd.
    stream_awaiter accept() { return stream_awaiter(*this); }
};

using unix_listener = tcp_listener;

/// Listens on an address, TCP or UNIX. Throws std::system_error: "listen on 127.0.0.1:80: …".
inline tcp_listener listen(const address& where, const listen_options& options = {}) {
    return tcp_listener(where, options);
}

static_assert(io::stream<tcp_stream>);
static_assert(sizeof(socket::receive_awaiter) <= io::any_stream::room_for_awaiters &&
              sizeof(socket::write_awaiter) <= io::any_stream::room_for_awaiters);

}  // namespace ringlet::net

#pragma once
// Accepting connections with one multishot accept. When the process runs out of descriptors or memory
// it backs off and recovers instead of spinning; what was accepted and not asked for is closed.

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/task.hpp>
#include <ringlet/io/fd.hpp>
#include <ringlet/net/address.hpp>

#include <deque>
#include <memory>

namespace ringlet::net {

/// How to listen; for the arguments of listen().
class listen_options {
public:
    listen_options() = default;
    /// Connections that the kernel completes and holds before they are accepted (listen(2)).
    listen_options& backlog(int count) noexcept { backlog_ = count; return *this; }
    /// Several listeners, one per loop or process, share the port (SO_REUSEPORT, socket(7)).
    listen_options& reuse_port(bool on = true) noexcept { reuse_port_ = on; return *this; }

    int backlog() const noexcept { return backlog_; }
    bool reuse_port() const noexcept { return reuse_port_; }

private:
    int backlog_ = 4096;
    bool reuse_port_ = false;
};

/// Accepts descriptors; tcp_listener and unix_listener make streams of them.
class listener {
public:
    /// Binds and listens. Throws std::system_error that names the address. Port 0 takes a free one;
    /// a stale UNIX socket that nobody listens on is replaced.
    explicit listener(const address& where, const listen_options& options = {});
    listener(listener&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    listener& operator=(listener&& other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~listener();

    /// Awaitable: the next connection. Running out of descriptors is waited out, and reported once;
    /// other errors are thrown.
    task<io::fd> accept_fd();

    /// Where it listens, with the port that the system chose.
    const address& local_address() const noexcept;

    /// Stops: connections not yet accepted are refused, whoever waits in accept gets an error.
    void close() noexcept;

private:
    class next_awaiter;
    struct state;
    state* state_ = nullptr;
};

}  // namespace ringlet::net

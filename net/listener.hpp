#pragma once
// Accepting connections with one multishot accept. When the process runs out of descriptors or memory
// it backs off and recovers instead of spinning; what was accepted and not asked for is closed.

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/io/fd.hpp>
#include <ringlet/net/address.hpp>

#include <utility>

namespace ringlet::net {

/// How to listen; for the arguments of listen().
class listen_options {
public:
    listen_options() = default;
    /// Connections that the kernel completes and holds before they are accepted (listen(2)).
    listen_options& backlog(int count) noexcept {
        backlog_ = count;
        return *this;
    }
    /// Several listeners, one per loop or process, share the port (SO_REUSEPORT, socket(7)).
    listen_options& reuse_port(bool on = true) noexcept {
        reuse_port_ = on;
        return *this;
    }

    int backlog() const noexcept { return backlog_; }
    bool reuse_port() const noexcept { return reuse_port_; }

private:
    int backlog_ = 4096;
    bool reuse_port_ = false;
};

/// Accepts descriptors; tcp_listener and unix_listener make streams of them.
class listener {
public:
    class accept_awaiter;

    /// Binds and listens. Throws std::system_error that names the address. Port 0 takes a free one;
    /// a stale UNIX socket that nobody listens on is replaced.
    explicit listener(const address& where, const listen_options& options = {});
    listener(listener&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    listener& operator=(listener&& other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~listener();

    /// Awaitable: the next connection, as io::fd. Several may wait; they are served in turn. Running out
    /// of descriptors is waited out, and reported once; other errors are thrown.
    accept_awaiter accept_fd();

    /// Where it listens, with the port that the system chose.
    const address& local_address() const noexcept;

    /// Stops: connections not yet accepted are refused, whoever waits in accept gets an error.
    void close() noexcept;

private:
    struct state;
    state& held() const noexcept {
        check(state_ != nullptr, "a listener was used after it had been moved from");
        return *state_;
    }

    state* state_ = nullptr;
};

/// Waits in the listener's queue. It holds what it needs of the listener, which may be moved, closed or
/// destroyed meanwhile.
class [[nodiscard]] listener::accept_awaiter : public waiter {
public:
    explicit accept_awaiter(listener& from) noexcept : accept_awaiter(from.held()) {}
    accept_awaiter(accept_awaiter&& other) noexcept : accept_awaiter(other.state_) {}
    ~accept_awaiter() override;
    const char* what() const noexcept override { return "a connection to accept"; }

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h);
    io::fd await_resume();
    result<io::fd> await_result();

private:
    friend struct listener::state;
    explicit accept_awaiter(state& s) noexcept;
    void abort() noexcept override;
    void finish(int outcome) noexcept;

    state& state_;
    io::fd accepted_;
    int error_ = 0;
};

inline listener::accept_awaiter listener::accept_fd() { return accept_awaiter(*this); }

}  // namespace ringlet::net

#pragma once
// A descriptor that another library reads and writes and opens and closes as it likes, and that the
// ring watches for it. Closing only asks: the poll is cancelled, and the descriptor is closed when that
// poll has ended, so that its number cannot become another socket's while the kernel still watches it.

#include <ringlet/core/kernel.hpp>
#include <ringlet/io/fd.hpp>

namespace ringlet::net::detail {

class polled_socket;

class socket_watcher {
public:
    /// The socket is ready, or has failed. When `error` (an errno) is not 0 it cannot be watched, and
    /// nothing more will come. The watcher may close the socket, and itself go, before it returns.
    virtual void ready(polled_socket& s, bool readable, bool writable, int error) noexcept = 0;

protected:
    ~socket_watcher() = default;
};

/// Owns itself: made by new, and gone some time after close().
class polled_socket final : completion {
public:
    polled_socket(io::fd fd, bool datagram, socket_watcher& watcher) noexcept
        : completion(&polled), fd_(std::move(fd)), watcher_(&watcher), datagram_(datagram) {}

    int fd() const noexcept { return fd_.get(); }
    bool datagram() const noexcept { return datagram_; }

    /// From now on, watches for this.
    void watch(bool readable, bool writable) noexcept;

    /// The watcher hears no more.
    void close() noexcept;

private:
    ~polled_socket() = default;
    static void polled(completion& c, int res, unsigned flags) noexcept;
    void arm() noexcept;

    io::fd fd_;
    socket_watcher* watcher_;  // null once it is closed
    unsigned wanted_ = 0;  // events of poll(2)
    unsigned armed_ = 0;  // those of the poll in flight; 0: none is
    bool canceling_ = false;
    bool telling_ = false;  // the watcher is being told right now
    bool datagram_;
};

}  // namespace ringlet::net::detail

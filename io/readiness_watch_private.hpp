#pragma once
// Who waits for which descriptor, and what epoll has been told of it. Registrations are edge-triggered
// and stay, so that a message costs no epoll_ctl. A number can be closed and given to another file
// between two requests, and epoll would not say so; hence every new wait asks epoll once whether the
// registration is still there, and events carry a generation that tells old files from new.

#include "readiness_request_private.hpp"

#include <sys/epoll.h>

#include <array>
#include <deque>
#include <span>

namespace ringlet::io::readiness {

class watch {
public:
    list<pending> waiting;  // oldest first

private:
    friend class watches;
    std::uint32_t registered_ = 0;  // with epoll, for these events
    std::uint32_t generation_ = 0;  // of the file behind the number
};

class watches {
public:
    watches();
    ~watches();
    watches(const watches&) = delete;
    watches& operator=(const watches&) = delete;

    /// Makes p wait until `fd` is ready for what it wants; if it is ready now, the next wait() says so. 0, or a
    /// negative errno and p waits for nothing: EPERM is a file that is always ready.
    int add(pending& p, int fd);

    /// Whether an earlier request of the same direction waits already.
    bool somebody_waits(int fd, std::uint32_t wants) noexcept;

    /// The descriptor was closed by way of this kernel.
    void forget(int fd) noexcept;

    /// Events until `nanoseconds` from now, or without limit when negative.
    std::span<const epoll_event> wait(std::int64_t nanoseconds);

    /// What the event is about, or null when it comes from a file that is gone.
    watch* find(std::uint64_t key) noexcept;

    int wake_fd() const noexcept { return wake_fd_; }

private:
    int tell_epoll(int operation, int fd, const watch& w, std::uint32_t events) noexcept;
    void lose(watch& w) noexcept;

    int epoll_ = -1;
    int wake_fd_ = -1;
    bool has_pwait2_ = true;
    std::deque<watch> watches_;
    std::array<epoll_event, 256> events_;
};

}  // namespace ringlet::io::readiness

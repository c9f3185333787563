#include "readiness_watch_private.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

namespace ringlet::io::readiness {
namespace {

constexpr std::uint64_t wake_key = std::numeric_limits<std::uint64_t>::max();

[[noreturn]] void fail(const char* act) { throw std::system_error(errno, std::system_category(), act); }

/// A reader also wants to know of the end of the stream and of urgent data: after either, a short read
/// does not mean that nothing is left.
std::uint32_t events_for(std::uint32_t wants) noexcept {
    return wants | ((wants & POLLIN) != 0 ? EPOLLRDHUP | EPOLLPRI : 0U);
}

}  // namespace

watches::watches() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0)
        fail("epoll_create1 of the event loop");
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    // Edge-triggered, so that the counter never needs to be read: every write is an edge.
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = wake_key;
    if (wake_fd_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_fd_, &event) != 0) {
        const int error = errno;
        close(epoll_);
        if (wake_fd_ >= 0)
            close(wake_fd_);
        errno = error;
        fail("eventfd of the event loop");
    }
}

watches::~watches() {
    close(epoll_);
    close(wake_fd_);
}

int watches::tell_epoll(int operation, int fd, const watch& w, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events | EPOLLET;
    event.data.u64 = std::uint64_t(w.generation_) << 32 | static_cast<std::uint32_t>(fd);
    return epoll_ctl(epoll_, operation, fd, &event) == 0 ? 0 : errno;
}

/// Another file has this number now. Its predecessor's requests must never touch it.
void watches::lose(watch& w) noexcept {
    w.registered_ = 0;
    ++w.generation_;
    while (!w.waiting.empty())
        w.waiting.pop_front().where = pending::place::lost;
}

int watches::add(pending& p, int fd) {
    if (fd < 0)
        return -EBADF;
    while (watches_.size() <= static_cast<std::size_t>(fd))
        watches_.emplace_back();
    watch& w = watches_[static_cast<std::size_t>(fd)];
    const std::uint32_t events = w.registered_ | events_for(p.wants);
    int error = ENOENT;
    if (w.registered_ != 0) {
        // Changing it, even to what it is, also makes epoll look again: no edge is missed between the
        // attempt that found nothing and the wait.
        error = tell_epoll(EPOLL_CTL_MOD, fd, w, events);
        if (error != 0)
            lose(w);
    }
    if (error == ENOENT)
        error = tell_epoll(EPOLL_CTL_ADD, fd, w, events_for(p.wants));
    if (error == EEXIST)  // closed by way of this kernel, while somebody else holds the file open
        error = tell_epoll(EPOLL_CTL_MOD, fd, w, events_for(p.wants));
    if (error != 0)
        return -error;
    w.registered_ |= events_for(p.wants);
    w.waiting.push_back(p);
    p.where = pending::place::descriptor;
    return 0;
}

bool watches::somebody_waits(int fd, std::uint32_t wants) noexcept {
    if (fd < 0 || static_cast<std::size_t>(fd) >= watches_.size())
        return false;
    bool found = false;
    watches_[static_cast<std::size_t>(fd)].waiting.for_each([&](const pending& p) {
        found = found || ((*p.sqe).opcode != IORING_OP_POLL_ADD && (p.wants & wants) != 0);
    });
    return found;
}

void watches::forget(int fd) noexcept {
    if (fd >= 0 && static_cast<std::size_t>(fd) < watches_.size())
        lose(watches_[static_cast<std::size_t>(fd)]);
}

std::span<const epoll_event> watches::wait(std::int64_t nanoseconds) {
    const int room = static_cast<int>(events_.size());
    int count = -1;
    if (nanoseconds > 0 && has_pwait2_) {
        const timespec limit{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
        count = epoll_pwait2(epoll_, events_.data(), room, &limit, nullptr);
        // Linux before 5.11 lacks it, and an old filter may answer EPERM.
        has_pwait2_ = count >= 0 || (errno != ENOSYS && errno != EPERM);
    }
    if (nanoseconds <= 0 || !has_pwait2_) {
        // Rounded up: a timer must not be found to be not quite due again and again.
        const std::int64_t ms = nanoseconds < 0 ? -1 : nanoseconds / 1'000'000 + (nanoseconds % 1'000'000 != 0);
        count = epoll_wait(epoll_, events_.data(), room,
                           static_cast<int>(std::min<std::int64_t>(ms, std::numeric_limits<int>::max())));
    }
    if (count < 0 && errno != EINTR)
        fail("epoll_wait");
    return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

watch* watches::find(std::uint64_t key) noexcept {
    if (key == wake_key)
        return nullptr;
    const auto fd = static_cast<std::uint32_t>(key);
    if (fd >= watches_.size())
        return nullptr;
    watch& w = watches_[fd];
    return w.generation_ == static_cast<std::uint32_t>(key >> 32) ? &w : nullptr;
}

}  // namespace ringlet::io::readiness

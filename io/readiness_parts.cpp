#include "readiness_parts_private.hpp"

#include "readiness_calls_private.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::io::readiness {
namespace {

constexpr auto current_position = static_cast<std::uint64_t>(-1);

bool writes(const io_uring_sqe& sqe) noexcept {
    return sqe.opcode == IORING_OP_WRITE || sqe.opcode == IORING_OP_WRITEV;
}

std::size_t wanted_size(const io_uring_sqe& sqe) noexcept {
    return sqe.opcode == IORING_OP_READ || sqe.opcode == IORING_OP_WRITE
               ? sqe.len
               : total_size(pointer<iovec>(sqe.addr), sqe.len);
}

/// preadv2 or pwritev2 of what is left. A file without positions (a pipe, a socket) takes any offset,
/// as with io_uring.
long call(const io_uring_sqe& sqe, std::size_t done, int flags) noexcept {
    const iovec one{pointer<void>(sqe.addr), sqe.len};
    const bool single = sqe.opcode == IORING_OP_READ || sqe.opcode == IORING_OP_WRITE;
    const iovec* all = single ? &one : pointer<iovec>(sqe.addr);
    const std::size_t count = single ? 1 : sqe.len;
    const auto at = [&](off_t offset) {
        const auto go = writes(sqe) ? &pwritev2 : &preadv2;
        if (done == 0)
            return go(sqe.fd, all, static_cast<int>(count), offset, flags);
        parts left(all, count, done);
        return go(sqe.fd, left.data(), static_cast<int>(left.size()), offset, flags);
    };
    if (sqe.off == current_position)
        return at(-1);
    const long result = at(static_cast<off_t>(sqe.off + done));
    return result < 0 && errno == ESPIPE ? at(-1) : result;
}

/// Regular files and disks move all or hit their end: RWF_NOWAIT stops where the cache ends.
bool may_go_on(const io_uring_sqe& sqe, const progress& so_far) noexcept {
    const int before = errno;
    struct stat file{};
    const bool stored = fstat(sqe.fd, &file) == 0 && (S_ISREG(file.st_mode) || S_ISBLK(file.st_mode));
    const off_t end =
        sqe.off == current_position ? lseek(sqe.fd, 0, SEEK_CUR) : static_cast<off_t>(sqe.off + so_far.done);
    errno = before;
    return stored && (writes(sqe) || !S_ISREG(file.st_mode) || end < file.st_size);
}

/// RWF_NOWAIT does not make a read around the cache asynchronous: it would wait for the disk.
bool goes_around_the_cache(const io_uring_sqe& sqe) noexcept {
    return sqe.len % 512 == 0 && sqe.addr % 512 == 0 && (fcntl(sqe.fd, F_GETFL) & O_DIRECT) != 0 &&
           poll_now(sqe.fd, POLLIN | POLLOUT) == (POLLIN | POLLOUT);
}

/// A file that knows no RWF_NOWAIT (a terminal, inotify; pipes before Linux 6.4). It is asked whether it
/// is ready; but ready is no promise, so the call itself is left to a thread, unless the file's own
/// O_NONBLOCK makes it safe.
int transfer_when_ready(const io_uring_sqe& sqe, progress& so_far) noexcept {
    so_far.no_nowait = true;
    const int events = poll_now(sqe.fd, wanted_events(sqe));
    if (events <= 0)
        return events == 0 ? would_block : events;
    if ((fcntl(sqe.fd, F_GETFL) & O_NONBLOCK) == 0)
        return needs_thread;
    const int result = transfer(sqe, so_far);
    return result == -EAGAIN ? would_block : result;
}

}  // namespace

std::size_t total_size(const iovec* buffers, std::size_t count) noexcept {
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i)
        size += buffers[i].iov_len;
    return size;
}

parts::parts(const iovec* buffers, std::size_t count, std::size_t skip) noexcept {
    for (; count > 0 && skip >= buffers->iov_len; --count, ++buffers)
        skip -= buffers->iov_len;
    size_ = std::min(count, buffers_.size());
    std::copy_n(buffers, size_, buffers_.begin());
    if (size_ > 0) {
        buffers_[0].iov_base = static_cast<char*>(buffers_[0].iov_base) + skip;
        buffers_[0].iov_len -= skip;
    }
}

int transfer_now(const io_uring_sqe& sqe, progress& so_far) noexcept {
    if (so_far.no_nowait)
        return transfer_when_ready(sqe, so_far);
    if (goes_around_the_cache(sqe))
        return needs_thread;
    const long result = call(sqe, so_far.done, static_cast<int>(sqe.rw_flags | RWF_NOWAIT));
    if (result < 0) {
        if (errno == EAGAIN)
            return (sqe.rw_flags & RWF_NOWAIT) != 0 ? -EAGAIN : would_block;
        if (errno == EINTR)
            return would_block;
        if (errno == EOPNOTSUPP || errno == ENOSYS)
            return (sqe.rw_flags & RWF_NOWAIT) != 0 ? -errno : transfer_when_ready(sqe, so_far);
        return -errno;
    }
    so_far.done += static_cast<std::size_t>(result);
    if (result > 0 && so_far.done < wanted_size(sqe) && may_go_on(sqe, so_far))
        return needs_thread;
    return static_cast<int>(so_far.done);
}

int transfer(const io_uring_sqe& sqe, progress& so_far) noexcept {
    const std::size_t size = wanted_size(sqe);
    for (;;) {
        const long result = call(sqe, so_far.done, static_cast<int>(sqe.rw_flags));
        if (result < 0 && errno == EINTR)
            continue;
        if (result < 0)
            return so_far.done > 0 ? static_cast<int>(so_far.done) : -errno;
        so_far.done += static_cast<std::size_t>(result);
        if (result == 0 || so_far.done >= size || !may_go_on(sqe, so_far))
            return static_cast<int>(so_far.done);
    }
}

}  // namespace ringlet::io::readiness

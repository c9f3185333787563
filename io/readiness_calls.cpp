#include "readiness_calls_private.hpp"

#include "linux_private.hpp"
#include "readiness_parts_private.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <utility>

namespace ringlet::io::readiness {
namespace {

int answer(long result) noexcept { return result < 0 ? -errno : static_cast<int>(result); }

bool says_not_ready(long result) noexcept {
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/// A message that did not go or come whole is carried on where that was asked for.
bool wants_all(const io_uring_sqe& sqe) noexcept {
    if ((sqe.msg_flags & MSG_WAITALL) == 0)
        return false;
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(sqe.fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           (type == SOCK_STREAM || type == SOCK_SEQPACKET);
}

/// What a send or receive call gave, of `size` bytes that were still to be moved.
int moved(const io_uring_sqe& sqe, progress& so_far, long result, std::size_t size) noexcept {
    if (says_not_ready(result))
        return (sqe.msg_flags & MSG_DONTWAIT) == 0 ? would_block
               : so_far.done > 0                   ? static_cast<int>(so_far.done)
                                                   : -EAGAIN;
    if (result <= 0)
        return so_far.done > 0 ? static_cast<int>(so_far.done) : answer(result);
    so_far.done += static_cast<std::size_t>(result);
    if (static_cast<std::size_t>(result) < size && wants_all(sqe))
        return has_more;  // until the system says so itself: only then does it tell of the next byte
    return static_cast<int>(so_far.done);
}

int send_some(const io_uring_sqe& sqe, progress& so_far) noexcept {
    const std::size_t size = sqe.len - so_far.done;
    const char* from = pointer<const char>(sqe.addr) + so_far.done;
    // As io_uring does: a broken connection is never a SIGPIPE.
    const auto flags = static_cast<int>(sqe.msg_flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    return moved(sqe, so_far,
                 sqe.addr2 == 0 ? ::send(sqe.fd, from, size, flags)
                                : ::sendto(sqe.fd, from, size, flags, pointer<sockaddr>(sqe.addr2), sqe.addr_len),
                 size);
}

int receive_some(const io_uring_sqe& sqe, progress& so_far) noexcept {
    const std::size_t size = sqe.len - so_far.done;
    return moved(
        sqe, so_far,
        ::recv(sqe.fd, pointer<char>(sqe.addr) + so_far.done, size, static_cast<int>(sqe.msg_flags | MSG_DONTWAIT)),
        size);
}

int message(const io_uring_sqe& sqe, progress& so_far) noexcept {
    msghdr& whole = *pointer<msghdr>(sqe.addr);
    const bool sending = sqe.opcode == IORING_OP_SENDMSG;
    const auto flags = static_cast<int>(sqe.msg_flags | MSG_DONTWAIT | (sending ? MSG_NOSIGNAL : 0));
    const std::size_t size =
        (sqe.msg_flags & MSG_WAITALL) == 0 ? 0 : total_size(whole.msg_iov, whole.msg_iovlen) - so_far.done;
    if (so_far.done == 0)
        return moved(sqe, so_far, sending ? ::sendmsg(sqe.fd, &whole, flags) : ::recvmsg(sqe.fd, &whole, flags),
                     size);
    // What is left, without the descriptors and the like that went with the first part.
    parts left(whole.msg_iov, whole.msg_iovlen, so_far.done);
    msghdr rest{};
    rest.msg_name = whole.msg_name;
    rest.msg_namelen = whole.msg_namelen;
    rest.msg_iov = left.data();
    rest.msg_iovlen = left.size();
    return moved(sqe, so_far, sending ? ::sendmsg(sqe.fd, &rest, flags) : ::recvmsg(sqe.fd, &rest, flags), size);
}

template <class Fn>
int repeat(Fn once, const io_uring_sqe& sqe, progress& so_far) noexcept {
    for (;;)
        if (const int outcome = once(sqe, so_far); outcome != has_more)
            return outcome;
}

/// connect(2) has no flag for not waiting. A socket that is being connected is not shared yet, so its
/// O_NONBLOCK is borrowed for the time of the call. When it is over, a second call tells what came of
/// it and lets the socket know, too.
int connect_now(const io_uring_sqe& sqe, progress& so_far) noexcept {
    const int flags = fcntl(sqe.fd, F_GETFL);
    if (flags < 0)
        return -errno;
    const bool borrow = (flags & O_NONBLOCK) == 0;
    if (borrow)
        fcntl(sqe.fd, F_SETFL, flags | O_NONBLOCK);
    const int result = answer(::connect(sqe.fd, pointer<sockaddr>(sqe.addr), static_cast<socklen_t>(sqe.off)));
    if (borrow)
        fcntl(sqe.fd, F_SETFL, flags);
    const bool before = std::exchange(so_far.connecting, true);
    switch (result) {
        case -EINPROGRESS:
        case -EINTR: return would_block;
        case -EALREADY: return before ? would_block : result;
        case -EISCONN: return before ? 0 : result;
        case -EAGAIN: return try_later;  // a UNIX socket whose peer's backlog is full, which tells nobody
        default: return result;
    }
}

}  // namespace

int receive(const io_uring_sqe& sqe, void* into, std::size_t size) noexcept {
    const long result = ::recv(sqe.fd, into, size, static_cast<int>(sqe.msg_flags | MSG_DONTWAIT));
    if (says_not_ready(result))
        return (sqe.msg_flags & MSG_DONTWAIT) == 0 ? would_block : -EAGAIN;
    return answer(result);
}

/// accept4(2) has no flag for not waiting either, and a listener may be shared with other processes, so
/// its O_NONBLOCK is left alone. Being readable is no promise, since another process may be faster;
/// then SO_RCVTIMEO, which accept honours, ends the call after one tick of the clock.
int accept_now(const io_uring_sqe& sqe) noexcept {
    const auto accept_it = [&] {
        const int fd = ::accept4(sqe.fd, pointer<sockaddr>(sqe.addr), pointer<socklen_t>(sqe.addr2),
                                 static_cast<int>(sqe.accept_flags));
        return says_not_ready(fd) ? would_block : answer(fd);
    };
    const int flags = fcntl(sqe.fd, F_GETFL);
    if (flags < 0)
        return -errno;
    if ((flags & O_NONBLOCK) != 0)
        return accept_it();
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(sqe.fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0)
        return -errno;
    if (listening == 0)
        return accept_it();  // fails at once
    if (poll_now(sqe.fd, POLLIN) == 0)
        return would_block;
    timeval before{};
    size = sizeof before;
    getsockopt(sqe.fd, SOL_SOCKET, SO_RCVTIMEO, &before, &size);
    const timeval shortest{0, 1};
    setsockopt(sqe.fd, SOL_SOCKET, SO_RCVTIMEO, &shortest, sizeof shortest);
    const int result = accept_it();
    setsockopt(sqe.fd, SOL_SOCKET, SO_RCVTIMEO, &before, sizeof before);
    return result;
}

int poll_now(int fd, std::uint32_t events) noexcept {
    pollfd one{fd, static_cast<short>(events), 0};
    int count = 0;
    do
        count = ::poll(&one, 1, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    return (one.revents & POLLNVAL) != 0 ? -EBADF : static_cast<unsigned short>(one.revents);
}

bool is_ready(const awaited& end) noexcept { return poll_now(end.fd, end.events) != 0; }

bool is_tcp(int fd) noexcept {
    int protocol = 0;
    socklen_t size = sizeof protocol;
    return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
}

bool is_known(unsigned opcode) noexcept {
    switch (opcode) {
        case IORING_OP_NOP:
        case IORING_OP_READ:
        case IORING_OP_READV:
        case IORING_OP_WRITE:
        case IORING_OP_WRITEV:
        case IORING_OP_SEND:
        case IORING_OP_SENDMSG:
        case IORING_OP_RECV:
        case IORING_OP_RECVMSG:
        case IORING_OP_ACCEPT:
        case IORING_OP_CONNECT:
        case IORING_OP_SHUTDOWN:
        case IORING_OP_SOCKET:
        case IORING_OP_BIND:
        case IORING_OP_LISTEN:
        case IORING_OP_POLL_ADD:
        case IORING_OP_POLL_REMOVE:
        case IORING_OP_TIMEOUT:
        case IORING_OP_TIMEOUT_REMOVE:
        case IORING_OP_ASYNC_CANCEL:
        case IORING_OP_OPENAT:
        case IORING_OP_OPENAT2:
        case IORING_OP_CLOSE:
        case IORING_OP_STATX:
        case IORING_OP_FSYNC:
        case IORING_OP_SYNC_FILE_RANGE:
        case IORING_OP_FALLOCATE:
        case IORING_OP_FADVISE:
        case IORING_OP_MADVISE:
        case IORING_OP_FTRUNCATE:
        case IORING_OP_RENAMEAT:
        case IORING_OP_UNLINKAT:
        case IORING_OP_MKDIRAT:
        case IORING_OP_SYMLINKAT:
        case IORING_OP_LINKAT:
        case IORING_OP_SPLICE:
        case IORING_OP_TEE: return true;
        default: return false;
    }
}

bool works_on_descriptor(unsigned opcode) noexcept {
    switch (opcode) {
        case IORING_OP_NOP:
        case IORING_OP_TIMEOUT:
        case IORING_OP_MADVISE:
        case IORING_OP_SOCKET:
        case IORING_OP_CLOSE:
        case IORING_OP_OPENAT:
        case IORING_OP_OPENAT2:
        case IORING_OP_STATX:
        case IORING_OP_RENAMEAT:
        case IORING_OP_UNLINKAT:
        case IORING_OP_MKDIRAT:
        case IORING_OP_SYMLINKAT:
        case IORING_OP_LINKAT: return false;
        default: return true;
    }
}

std::uint32_t wanted_events(const io_uring_sqe& sqe) noexcept {
    switch (sqe.opcode) {
        case IORING_OP_POLL_ADD: {
            std::uint32_t events = sqe.poll32_events;
            if constexpr (std::endian::native == std::endian::big)
                events = events << 16 | events >> 16;
            // How to wait is this kernel's affair; what to wait for is the low half.
            return events & 0xffff;
        }
        case IORING_OP_SEND:
        case IORING_OP_SENDMSG:
        case IORING_OP_WRITE:
        case IORING_OP_WRITEV:
        case IORING_OP_CONNECT: return POLLOUT;
        case IORING_OP_READ:
        case IORING_OP_READV:
        case IORING_OP_RECV:
        case IORING_OP_RECVMSG:
        case IORING_OP_ACCEPT: return POLLIN;
        default: return 0;  // waits for nothing, and so behind nobody
    }
}

awaited end_to_wait_for(const io_uring_sqe& sqe) noexcept {
    if (sqe.opcode != IORING_OP_SPLICE && sqe.opcode != IORING_OP_TEE)
        return {sqe.fd, wanted_events(sqe)};
    const awaited in{sqe.splice_fd_in, POLLIN};
    return is_ready(in) ? awaited{sqe.fd, POLLOUT} : in;
}

int attempt(const io_uring_sqe& sqe, progress& so_far) noexcept {
    switch (sqe.opcode) {
        case IORING_OP_NOP: return 0;
        case IORING_OP_SEND: return repeat(send_some, sqe, so_far);
        case IORING_OP_RECV: return repeat(receive_some, sqe, so_far);
        case IORING_OP_SENDMSG:
        case IORING_OP_RECVMSG: return repeat(message, sqe, so_far);
        case IORING_OP_ACCEPT: return accept_now(sqe);
        case IORING_OP_CONNECT: return connect_now(sqe, so_far);
        case IORING_OP_READ:
        case IORING_OP_READV:
        case IORING_OP_WRITE:
        case IORING_OP_WRITEV: return transfer_now(sqe, so_far);
        case IORING_OP_POLL_ADD: {
            const int events = poll_now(sqe.fd, wanted_events(sqe));
            return events == 0 ? would_block : events;
        }
        case IORING_OP_SHUTDOWN: return answer(::shutdown(sqe.fd, static_cast<int>(sqe.len)));
        case IORING_OP_SOCKET: return answer(::socket(sqe.fd, static_cast<int>(sqe.off), static_cast<int>(sqe.len)));
        case IORING_OP_BIND:
            return answer(::bind(sqe.fd, pointer<sockaddr>(sqe.addr), static_cast<socklen_t>(sqe.off)));
        case IORING_OP_LISTEN: return answer(::listen(sqe.fd, static_cast<int>(sqe.len)));
        case IORING_OP_SPLICE:
        case IORING_OP_TEE: return is_ready(end_to_wait_for(sqe)) ? needs_thread : would_block;
        default: return needs_thread;
    }
}

}  // namespace ringlet::io::readiness

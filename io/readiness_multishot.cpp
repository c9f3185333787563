// Requests that answer more than once: each answer but the last carries IORING_CQE_F_MORE.

#include "readiness_calls_private.hpp"
#include "readiness_kernel_private.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::io::readiness {
namespace {

// As io_uring has it: after so many in a row it is somebody else's turn.
constexpr int most_in_a_row = 32;

/// No buffer is left, which matters only if there are bytes: an end or an error needs none.
int without_buffer(const io_uring_sqe& sqe) noexcept {
    char byte = 0;
    const long there = ::recv(sqe.fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    if (there > 0)
        return -ENOBUFS;
    return there == 0 ? 0 : errno == EAGAIN || errno == EINTR ? would_block : -errno;
}

}  // namespace

/// A receive, one or many, into buffers of a ring. A buffer is chosen first, so that a receive without
/// one fails at once and not when bytes come.
int readiness_kernel::receive_selected(const io_uring_sqe& sqe, progress& so_far, std::uint32_t events) {
    const bool many = (sqe.ioprio & IORING_RECV_MULTISHOT) != 0;
    // After the end of the stream or urgent data, a short read does not mean that nothing is left; and
    // before epoll has said anything there may have been either.
    const bool until_empty = events == 0 || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0;
    for (int i = 0; i < most_in_a_row; ++i) {
        const io_uring_buf* buffer = buffers_.next(sqe.buf_group);
        if (buffer == nullptr)
            return i == 0 && events == 0 ? -ENOBUFS : without_buffer(sqe);
        const std::size_t size = sqe.len == 0 ? buffer->len : std::min(sqe.len, buffer->len);
        const unsigned flags = unsigned(buffer->bid) << IORING_CQE_BUFFER_SHIFT | IORING_CQE_F_BUFFER;
        const int res = receive(sqe, pointer<void>(buffer->addr), size);
        if (res <= 0)
            return res;
        buffers_.take(sqe.buf_group);
        if (!many) {
            selected_ = flags;
            return res;
        }
        emit(sqe, res, flags | IORING_CQE_F_MORE);
        if (static_cast<std::size_t>(res) < size && !until_empty) {
            if (!so_far.stream_known) {
                so_far.stream_known = true;
                so_far.tcp = is_tcp(sqe.fd);
            }
            if (so_far.tcp)
                return would_block;  // saves the call that would say so (epoll(7), question 9)
        }
    }
    return has_more;
}

int readiness_kernel::accept_many(const io_uring_sqe& sqe) {
    for (int i = 0; i < most_in_a_row; ++i) {
        const int res = accept_now(sqe);
        if (res < 0)
            return res;
        emit(sqe, res, IORING_CQE_F_MORE);
    }
    return has_more;
}

int readiness_kernel::poll_many(const io_uring_sqe& sqe) {
    const int events = poll_now(sqe.fd, wanted_events(sqe));
    if (events < 0)
        return events;
    if (events > 0)
        emit(sqe, events, IORING_CQE_F_MORE);
    return would_block;
}

}  // namespace ringlet::io::readiness

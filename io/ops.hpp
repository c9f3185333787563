#pragma once
// The operations of the kernel, one line each, on plain descriptors. They are awaitables: nothing
// happens until they are awaited, and what they are given (buffers, paths) must live until then. They
// ignore O_NONBLOCK and SO_RCVTIMEO and are ended by cancellation, not by close(2). Each is named for
// its man page: recv is recv(2). Streams that buffer, retry and name their peer are in net/.

#include <ringlet/io/operation.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <span>

namespace ringlet::io {

/// What one request can carry: Linux moves at most this much at a time (read(2)).
inline unsigned length_of(std::size_t size) noexcept {
    return static_cast<unsigned>(std::min<std::size_t>(size, 0x7ffff000));
}

inline constexpr std::uint64_t current_position = static_cast<std::uint64_t>(-1);

inline operation<std::size_t> read(int fd, std::span<std::byte> into, std::uint64_t offset = current_position) {
    return {"read", fd,
            [&](io_uring_sqe* sqe) { io_uring_prep_read(sqe, fd, into.data(), length_of(into.size()), offset); }};
}

inline operation<std::size_t> write(int fd, std::span<const std::byte> from,
                                    std::uint64_t offset = current_position) {
    return {"write", fd,
            [&](io_uring_sqe* sqe) { io_uring_prep_write(sqe, fd, from.data(), length_of(from.size()), offset); }};
}

inline operation<std::size_t> recv(int fd, std::span<std::byte> into, int flags = 0) {
    return {"recv", fd,
            [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, fd, into.data(), length_of(into.size()), flags); }};
}

/// A broken connection is an error, never a SIGPIPE.
inline operation<std::size_t> send(int fd, std::span<const std::byte> from, int flags = 0) {
    return {"send", fd, [&](io_uring_sqe* sqe) {
                io_uring_prep_send(sqe, fd, from.data(), length_of(from.size()), flags | MSG_NOSIGNAL);
            }};
}

inline operation<std::size_t> recvmsg(int fd, msghdr& message, unsigned flags = 0) {
    return {"recvmsg", fd, [&](io_uring_sqe* sqe) { io_uring_prep_recvmsg(sqe, fd, &message, flags); }};
}

inline operation<std::size_t> sendmsg(int fd, const msghdr& message, unsigned flags = 0) {
    return {"sendmsg", fd,
            [&](io_uring_sqe* sqe) { io_uring_prep_sendmsg(sqe, fd, &message, flags | MSG_NOSIGNAL); }};
}

inline operation<fd> accept(int listener, sockaddr* peer = nullptr, socklen_t* size = nullptr) {
    return {"accept", listener,
            [&](io_uring_sqe* sqe) { io_uring_prep_accept(sqe, listener, peer, size, SOCK_CLOEXEC); }};
}

inline operation<void> connect(int fd, const sockaddr* to, socklen_t size) {
    return {"connect", fd, [&](io_uring_sqe* sqe) { io_uring_prep_connect(sqe, fd, to, size); }};
}

/// `how` is SHUT_RD, SHUT_WR or SHUT_RDWR.
inline operation<void> shutdown(int fd, int how) {
    return {"shutdown", fd, [&](io_uring_sqe* sqe) { io_uring_prep_shutdown(sqe, fd, how); }};
}

/// Gives the events of poll(2) that came.
inline operation<int> poll(int fd, short events) {
    return {"poll", fd, [&](io_uring_sqe* sqe) {
                io_uring_prep_poll_add(sqe, fd, static_cast<unsigned>(static_cast<unsigned short>(events)));
            }};
}

inline operation<fd> openat(int directory, const char* path, int flags, mode_t mode = 0) {
    return {"open", -1,
            [&](io_uring_sqe* sqe) { io_uring_prep_openat(sqe, directory, path, flags | O_CLOEXEC, mode); }};
}

inline operation<void> statx(int directory, const char* path, int flags, unsigned mask, struct statx& into) {
    return {"statx", directory,
            [&](io_uring_sqe* sqe) { io_uring_prep_statx(sqe, directory, path, flags, mask, &into); }};
}

/// With `data_only`, like fdatasync(2).
inline operation<void> fsync(int fd, bool data_only = false) {
    return {"fsync", fd,
            [&](io_uring_sqe* sqe) { io_uring_prep_fsync(sqe, fd, data_only ? IORING_FSYNC_DATASYNC : 0U); }};
}

inline operation<void> fallocate(int fd, int mode, off_t offset, off_t length) {
    return {"fallocate", fd, [&](io_uring_sqe* sqe) { io_uring_prep_fallocate(sqe, fd, mode, offset, length); }};
}

inline operation<void> unlinkat(int directory, const char* path, int flags = 0) {
    return {"unlink", -1, [&](io_uring_sqe* sqe) { io_uring_prep_unlinkat(sqe, directory, path, flags); }};
}

inline operation<void> renameat(int from_directory, const char* from, int to_directory, const char* to,
                                unsigned flags = 0) {
    return {"rename", -1,
            [&](io_uring_sqe* sqe) { io_uring_prep_renameat(sqe, from_directory, from, to_directory, to, flags); }};
}

/// Goes once through the kernel and back.
inline operation<void> nop() {
    return {"nop", -1, [](io_uring_sqe* sqe) { io_uring_prep_nop(sqe); }};
}

}  // namespace ringlet::io

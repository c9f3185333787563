#pragma once
// What is asked of the kernel and never waits: making, binding, naming and closing descriptors. These
// answer at once, without a turn of the loop, and through the kernel of this thread's loop, so that a
// simulated kernel has its own sockets. Each gives what its CQE would: a value, or a negative errno.

#include <sys/socket.h>
#include <sys/stat.h>

#include <cstddef>
#include <span>

namespace ringlet::io {

int socket_now(int family, int type, int protocol = 0) noexcept;
int bind_now(int fd, const sockaddr* to, socklen_t size) noexcept;
int listen_now(int fd, int backlog) noexcept;
int shutdown_now(int fd, int how) noexcept;
int close_now(int fd) noexcept;

/// A connect(2) that does not have to wait: of a datagram socket, or on a SOCK_NONBLOCK one.
int connect_now(int fd, const sockaddr* to, socklen_t size) noexcept;

int set_option_now(int fd, int level, int name, const void* value, socklen_t size) noexcept;

/// Gives the size of the value.
int get_option_now(int fd, int level, int name, void* value, socklen_t size) noexcept;

/// `size` is the room at first and the size of the address afterwards, as in getsockname(2).
int getsockname_now(int fd, sockaddr* into, socklen_t* size) noexcept;
int getpeername_now(int fd, sockaddr* into, socklen_t* size) noexcept;

/// pipe2(2).
int pipe_now(int (&ends)[2], int flags) noexcept;

/// unlink(2), of a socket's name.
int unlink_now(const char* path) noexcept;

/// What can be sent or received without waiting; -EAGAIN when nothing can (MSG_DONTWAIT).
int sendmsg_now(int fd, const msghdr& message, int flags = 0) noexcept;
int recvmsg_now(int fd, msghdr& message, int flags = 0) noexcept;
int recv_now(int fd, std::span<std::byte> into) noexcept;

/// For small files that configure (/etc/hosts): the kernel may have to fetch them, which is not counted
/// as waiting. Everything else about files is in file.hpp.
int open_now(const char* path, int flags) noexcept;
int read_now(int fd, void* into, unsigned size) noexcept;
int stat_now(const char* path, int flags, unsigned mask, struct statx& into) noexcept;

/// Sets an option to an int.
inline int set_option_now(int fd, int level, int name, int value) noexcept {
    return set_option_now(fd, level, name, &value, sizeof value);
}

}  // namespace ringlet::io

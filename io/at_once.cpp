#include <ringlet/io/at_once.hpp>

#include "linux_private.hpp"

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/io/ops.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ringlet {
namespace {

template <class T>
T* pointer(std::uint64_t bits) noexcept {
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(bits));
}

/// SOCKET_URING_OP_*, which liburing 2.3 has no fields for: level and optname share the place of addr,
/// optlen that of file_index, optval that of addr3.
int command(const io_uring_sqe& sqe) noexcept {
    unsigned level_and_name[2];
    std::memcpy(level_and_name, &sqe.addr, sizeof level_and_name);
    const auto level = static_cast<int>(level_and_name[0]);
    const auto name = static_cast<int>(level_and_name[1]);
    socklen_t size = sqe.file_index;
    switch (sqe.cmd_op) {
        case SOCKET_URING_OP_SETSOCKOPT: return setsockopt(sqe.fd, level, name, pointer<void>(sqe.addr3), size);
        case SOCKET_URING_OP_GETSOCKOPT:
            return getsockopt(sqe.fd, level, name, pointer<void>(sqe.addr3), &size) != 0 ? -1
                                                                                         : static_cast<int>(size);
        case SOCKET_URING_OP_GETSOCKNAME:
            return (sqe.file_index == 0 ? getsockname : getpeername)(sqe.fd, pointer<sockaddr>(sqe.addr),
                                                                     pointer<socklen_t>(sqe.addr3));
        default: errno = EOPNOTSUPP; return -1;
    }
}

int system_call(const io_uring_sqe& sqe) noexcept {
    switch (sqe.opcode) {
        case IORING_OP_SOCKET: return socket(sqe.fd, static_cast<int>(sqe.off), static_cast<int>(sqe.len));
        case IORING_OP_BIND: return bind(sqe.fd, pointer<sockaddr>(sqe.addr), static_cast<socklen_t>(sqe.off));
        case IORING_OP_LISTEN: return listen(sqe.fd, static_cast<int>(sqe.len));
        case IORING_OP_CONNECT: return connect(sqe.fd, pointer<sockaddr>(sqe.addr), static_cast<socklen_t>(sqe.off));
        case IORING_OP_SHUTDOWN: return shutdown(sqe.fd, static_cast<int>(sqe.len));
        case IORING_OP_CLOSE: return close(sqe.fd);
        case IORING_OP_URING_CMD: return command(sqe);
        case IORING_OP_PIPE: return pipe2(pointer<int>(sqe.addr), static_cast<int>(sqe.rw_flags));
        case IORING_OP_UNLINKAT:
            return unlinkat(sqe.fd, pointer<const char>(sqe.addr), static_cast<int>(sqe.unlink_flags));
        case IORING_OP_SENDMSG:
            return static_cast<int>(sendmsg(sqe.fd, pointer<msghdr>(sqe.addr),
                                            static_cast<int>(sqe.msg_flags) | MSG_DONTWAIT | MSG_NOSIGNAL));
        case IORING_OP_RECV:
            return static_cast<int>(
                recv(sqe.fd, pointer<void>(sqe.addr), sqe.len, static_cast<int>(sqe.msg_flags) | MSG_DONTWAIT));
        case IORING_OP_RECVMSG:
            return static_cast<int>(
                recvmsg(sqe.fd, pointer<msghdr>(sqe.addr), static_cast<int>(sqe.msg_flags) | MSG_DONTWAIT));
        case IORING_OP_OPENAT:
            return openat(sqe.fd, pointer<const char>(sqe.addr), static_cast<int>(sqe.open_flags), sqe.len);
        case IORING_OP_READ: return static_cast<int>(read(sqe.fd, pointer<void>(sqe.addr), sqe.len));
        case IORING_OP_STATX:
            return statx(sqe.fd, pointer<const char>(sqe.addr), static_cast<int>(sqe.statx_flags), sqe.len,
                         pointer<struct statx>(sqe.off));
        default: errno = EOPNOTSUPP; return -1;
    }
}

int perform_really(const io_uring_sqe& sqe) noexcept {
    const int answer = system_call(sqe);
    return answer < 0 ? -errno : answer;
}

}  // namespace

int kernel::perform(const io_uring_sqe& sqe) noexcept { return perform_really(sqe); }

namespace io {
namespace {

int perform(request what) noexcept {
    loop* l = loop::current_or_null();
    if (l == nullptr)
        return perform_really(*what);
    what->personality = l->running().personality();
    return l->kernel().perform(*what);
}

request about(int opcode, int fd, const void* address = nullptr, unsigned length = 0,
              std::uint64_t offset = 0) noexcept {
    request what;
    io_uring_prep_rw(opcode, &*what, fd, address, length, offset);
    return what;
}

request option(unsigned which, int fd, int level, int name, const void* value, socklen_t size) noexcept {
    request what = about(IORING_OP_URING_CMD, fd);
    const int level_and_name[2] = {level, name};
    std::memcpy(&what->addr, level_and_name, sizeof level_and_name);
    what->cmd_op = which;
    what->file_index = size;
    what->addr3 = reinterpret_cast<std::uintptr_t>(value);
    return what;
}

request name_of(bool peer, int fd, sockaddr* into, socklen_t* size) noexcept {
    request what = about(IORING_OP_URING_CMD, fd, into);
    what->cmd_op = SOCKET_URING_OP_GETSOCKNAME;
    what->file_index = peer;
    what->addr3 = reinterpret_cast<std::uintptr_t>(size);
    return what;
}

}  // namespace

int socket_now(int family, int type, int protocol) noexcept {
    return perform(
        about(IORING_OP_SOCKET, family, nullptr, static_cast<unsigned>(protocol), static_cast<std::uint64_t>(type)));
}
int bind_now(int fd, const sockaddr* to, socklen_t size) noexcept {
    return perform(about(IORING_OP_BIND, fd, to, 0, size));
}
int listen_now(int fd, int backlog) noexcept {
    return perform(about(IORING_OP_LISTEN, fd, nullptr, static_cast<unsigned>(backlog)));
}
int connect_now(int fd, const sockaddr* to, socklen_t size) noexcept {
    return perform(about(IORING_OP_CONNECT, fd, to, 0, size));
}
int shutdown_now(int fd, int how) noexcept {
    return perform(about(IORING_OP_SHUTDOWN, fd, nullptr, static_cast<unsigned>(how)));
}
int close_now(int fd) noexcept { return perform(about(IORING_OP_CLOSE, fd)); }
int unlink_now(const char* path) noexcept { return perform(about(IORING_OP_UNLINKAT, AT_FDCWD, path)); }

int sendmsg_now(int fd, const msghdr& message, int flags) noexcept {
    request what = about(IORING_OP_SENDMSG, fd, &message, 1);
    what->msg_flags = static_cast<unsigned>(flags | MSG_DONTWAIT);
    return perform(what);
}
int recvmsg_now(int fd, msghdr& message, int flags) noexcept {
    request what = about(IORING_OP_RECVMSG, fd, &message, 1);
    what->msg_flags = static_cast<unsigned>(flags | MSG_DONTWAIT);
    return perform(what);
}

int recv_now(int fd, std::span<std::byte> into) noexcept {
    request what = about(IORING_OP_RECV, fd, into.data(), length_of(into.size()));
    what->msg_flags = MSG_DONTWAIT;
    return perform(what);
}

int open_now(const char* path, int flags) noexcept {
    request what = about(IORING_OP_OPENAT, AT_FDCWD, path);
    what->open_flags = static_cast<unsigned>(flags);
    return perform(what);
}
int read_now(int fd, void* into, unsigned size) noexcept {
    return perform(about(IORING_OP_READ, fd, into, size, static_cast<std::uint64_t>(-1)));
}
int stat_now(const char* path, int flags, unsigned mask, struct statx& into) noexcept {
    request what = about(IORING_OP_STATX, AT_FDCWD, path, mask, reinterpret_cast<std::uintptr_t>(&into));
    what->statx_flags = static_cast<unsigned>(flags);
    return perform(what);
}

int pipe_now(int (&ends)[2], int flags) noexcept {
    request what = about(IORING_OP_PIPE, -1, ends);
    what->rw_flags = flags;
    return perform(what);
}

int set_option_now(int fd, int level, int name, const void* value, socklen_t size) noexcept {
    return perform(option(SOCKET_URING_OP_SETSOCKOPT, fd, level, name, value, size));
}
int get_option_now(int fd, int level, int name, void* value, socklen_t size) noexcept {
    return perform(option(SOCKET_URING_OP_GETSOCKOPT, fd, level, name, value, size));
}

int getsockname_now(int fd, sockaddr* into, socklen_t* size) noexcept {
    return perform(name_of(false, fd, into, size));
}
int getpeername_now(int fd, sockaddr* into, socklen_t* size) noexcept {
    return perform(name_of(true, fd, into, size));
}

}  // namespace io
}  // namespace ringlet

// Calls that may block, for helper threads.

#include "linux_private.hpp"
#include "readiness_calls_private.hpp"
#include "readiness_parts_private.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace ringlet::io::readiness {
namespace {

using path = const char;

/// One of the ends may be a file, which blocks; but nobody waits here until the other end is ready.
int try_splice(const io_uring_sqe& sqe) noexcept {
    if (!is_ready(end_to_wait_for(sqe)))
        return would_block;
    off_t offset_in = static_cast<off_t>(sqe.splice_off_in);
    off_t offset_out = static_cast<off_t>(sqe.off);
    const long moved =
        sqe.opcode == IORING_OP_TEE
            ? tee(sqe.splice_fd_in, sqe.fd, sqe.len, sqe.splice_flags | SPLICE_F_NONBLOCK)
            : ::splice(sqe.splice_fd_in, offset_in == -1 ? nullptr : &offset_in, sqe.fd,
                       offset_out == -1 ? nullptr : &offset_out, sqe.len, sqe.splice_flags | SPLICE_F_NONBLOCK);
    if (moved >= 0)
        return static_cast<int>(moved);
    return errno == EAGAIN && (sqe.splice_flags & SPLICE_F_NONBLOCK) == 0 ? would_block : -errno;
}

int sync_file(const io_uring_sqe& sqe) noexcept {
    return (sqe.fsync_flags & IORING_FSYNC_DATASYNC) != 0 ? ::fdatasync(sqe.fd) : ::fsync(sqe.fd);
}

long call(const io_uring_sqe& sqe) noexcept {
    const auto length = static_cast<off_t>(sqe.len);
    const auto offset = static_cast<off_t>(sqe.off);
    switch (sqe.opcode) {
        case IORING_OP_OPENAT:
            return ::openat(sqe.fd, pointer<path>(sqe.addr), static_cast<int>(sqe.open_flags), sqe.len);
        case IORING_OP_OPENAT2:
            return ::syscall(SYS_openat2, sqe.fd, pointer<path>(sqe.addr), pointer<void>(sqe.addr2), sqe.len);
        case IORING_OP_CLOSE: return ::close(sqe.fd);
        case IORING_OP_STATX:
            return ::statx(sqe.fd, pointer<path>(sqe.addr), static_cast<int>(sqe.statx_flags), sqe.len,
                           pointer<struct statx>(sqe.addr2));
        case IORING_OP_FSYNC: return sync_file(sqe);
        case IORING_OP_SYNC_FILE_RANGE: return ::sync_file_range(sqe.fd, offset, length, sqe.sync_range_flags);
        case IORING_OP_FALLOCATE:
            return ::fallocate(sqe.fd, static_cast<int>(sqe.len), offset, static_cast<off_t>(sqe.addr));
        case IORING_OP_FTRUNCATE: return ::ftruncate(sqe.fd, offset);
        case IORING_OP_MADVISE:
            return ::madvise(pointer<void>(sqe.addr), sqe.len, static_cast<int>(sqe.fadvise_advice));
        case IORING_OP_RENAMEAT:
            return ::renameat2(sqe.fd, pointer<path>(sqe.addr), static_cast<int>(sqe.len), pointer<path>(sqe.addr2),
                               sqe.rename_flags);
        case IORING_OP_UNLINKAT:
            return ::unlinkat(sqe.fd, pointer<path>(sqe.addr), static_cast<int>(sqe.unlink_flags));
        case IORING_OP_MKDIRAT: return ::mkdirat(sqe.fd, pointer<path>(sqe.addr), sqe.len);
        case IORING_OP_SYMLINKAT: return ::symlinkat(pointer<path>(sqe.addr), sqe.fd, pointer<path>(sqe.addr2));
        case IORING_OP_LINKAT:
            return ::linkat(sqe.fd, pointer<path>(sqe.addr), static_cast<int>(sqe.len), pointer<path>(sqe.addr2),
                            static_cast<int>(sqe.hardlink_flags));
        default: errno = EINVAL; return -1;
    }
}

}  // namespace

int block(pending& p) noexcept {
    const io_uring_sqe& sqe = *p.sqe;
    switch (sqe.opcode) {
        case IORING_OP_READ:
        case IORING_OP_READV:
        case IORING_OP_WRITE:
        case IORING_OP_WRITEV: return transfer(sqe, p.so_far);
        case IORING_OP_SPLICE:
        case IORING_OP_TEE: return try_splice(sqe);
        case IORING_OP_FADVISE:  // says what went wrong by what it returns
            return -posix_fadvise(sqe.fd, static_cast<off_t>(sqe.off), static_cast<off_t>(sqe.len),
                                  static_cast<int>(sqe.fadvise_advice));
        default: {
            const long result = call(sqe);
            return result < 0 ? -errno : static_cast<int>(result);
        }
    }
}

}  // namespace ringlet::io::readiness

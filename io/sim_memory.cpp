#include "sim_memory_private.hpp"

namespace ringlet::sim {

msghdr* message_of(const io_uring_sqe& sqe) noexcept {
    const bool has_one =
        sqe.opcode == IORING_OP_SENDMSG || sqe.opcode == IORING_OP_RECVMSG || sqe.opcode == IORING_OP_SENDMSG_ZC;
    return has_one ? pointer<msghdr>(sqe.addr) : nullptr;
}

bool is_read_of_nothing(const io_uring_sqe& sqe) noexcept {
    return (sqe.opcode == IORING_OP_READ || sqe.opcode == IORING_OP_READV) &&
           (sqe.flags & IOSQE_BUFFER_SELECT) == 0 && memory_parts(sqe).size() == 0;
}

memory_parts::memory_parts(const io_uring_sqe& sqe) noexcept {
    if (const msghdr* message = message_of(sqe)) {
        many_ = message->msg_iov;
        count_ = message->msg_iovlen;
    } else if (sqe.opcode == IORING_OP_READV || sqe.opcode == IORING_OP_WRITEV) {
        many_ = pointer<const iovec>(sqe.addr);
        count_ = sqe.len;
    } else {
        own_ = {pointer<void>(sqe.addr), sqe.len};
    }
}

}  // namespace ringlet::sim

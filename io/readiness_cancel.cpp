// Requests about other requests: timeouts, and asking requests to end (io_uring_cancelation(7)). A
// cancel answers first; then come the final answers of what it ended.

#include "linux_private.hpp"
#include "readiness_calls_private.hpp"
#include "readiness_kernel_private.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::io::readiness {
namespace {

constexpr unsigned known_cancel_flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY |
                                        IORING_ASYNC_CANCEL_USERDATA | IORING_ASYNC_CANCEL_OP;

}  // namespace

void readiness_kernel::start_timeout(const io_uring_sqe& sqe) {
    constexpr unsigned known = IORING_TIMEOUT_ABS | IORING_TIMEOUT_ETIME_SUCCESS;
    const auto& t = *pointer<const __kernel_timespec>(sqe.addr);
    if (sqe.len != 1 || sqe.off != 0 || (sqe.timeout_flags & ~known) != 0 || t.tv_sec < 0 || t.tv_nsec < 0) {
        emit(sqe, -EINVAL);
        return;
    }
    const duration d = std::min<duration>(
        std::chrono::seconds(std::min<long long>(t.tv_sec, 1LL << 33)) + std::chrono::nanoseconds(t.tv_nsec),
        duration::max());
    pending& p = requests_.add(sqe, {});
    wait_for_time(p, (sqe.timeout_flags & IORING_TIMEOUT_ABS) != 0 ? time_point(d) : after(now(), d));
}

void readiness_kernel::cancel(const io_uring_sqe& sqe) {
    if (sqe.opcode == IORING_OP_POLL_REMOVE)
        return sqe.len != 0 ? emit(sqe, -EINVAL) : cancel_matching(sqe, 0, IORING_OP_POLL_ADD);
    if (sqe.opcode == IORING_OP_TIMEOUT_REMOVE)
        return sqe.timeout_flags != 0 ? emit(sqe, -EINVAL) : cancel_matching(sqe, 0, IORING_OP_TIMEOUT);
    const unsigned flags = sqe.cancel_flags;
    const bool by_fd = (flags & IORING_ASYNC_CANCEL_FD) != 0;
    const bool any = (flags & IORING_ASYNC_CANCEL_ANY) != 0;
    const bool by_opcode = (flags & IORING_ASYNC_CANCEL_OP) != 0;
    if ((flags & ~known_cancel_flags) != 0 || (any && (by_fd || by_opcode)) || sqe.off != 0 || sqe.splice_fd_in != 0)
        emit(sqe, -EINVAL);
    else if (by_fd && fcntl(sqe.fd, F_GETFD) < 0)
        emit(sqe, -EBADF);
    else
        cancel_matching(sqe, flags, by_opcode ? sqe.len : unsigned(IORING_OP_LAST));
}

/// `opcode` IORING_OP_LAST stands for all.
void readiness_kernel::cancel_matching(const io_uring_sqe& sqe, unsigned flags, unsigned opcode) {
    const bool all = (flags & IORING_ASYNC_CANCEL_ALL) != 0;
    const bool by_fd = (flags & IORING_ASYNC_CANCEL_FD) != 0;
    constexpr unsigned other_keys = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_OP;
    const bool by_user_data = (flags & other_keys) == 0 || (flags & IORING_ASYNC_CANCEL_USERDATA) != 0;

    int found = 0;
    int res = -ENOENT;
    const auto try_one = [&](pending& p) {
        const bool matches = (opcode == IORING_OP_LAST || p.sqe->opcode == opcode) &&
                             (!by_fd || (p.sqe->fd == sqe.fd && works_on_descriptor(p.sqe->opcode) &&
                                         p.where != pending::place::lost));
        if (!matches)
            return false;
        ++found;
        res = stop(p) ? 0 : -EALREADY;
        return !all;
    };
    if (by_user_data)
        requests_.find(sqe.addr, try_one);
    else
        requests_.find_any(try_one);

    emit(sqe, all ? found : res);
}

void readiness_kernel::finish_stopped() {
    for (pending* p : stopped_)
        finish(*p, p->so_far.done > 0 ? static_cast<int>(p->so_far.done) : -ECANCELED);
    stopped_.clear();
}

/// Takes it from where it waits. False when a helper thread is busy with it; then its own answer comes
/// when that ends.
bool readiness_kernel::stop(pending& p) {
    switch (p.where) {
        case pending::place::stopped: return true;  // until it has answered, it can be found
        case pending::place::clock: {
            const auto [from, to] = clock_.equal_range(time_point(duration(p.when)));
            clock_.erase(std::find_if(from, to, [&](const auto& each) { return each.second == &p; }));
            break;
        }
        case pending::place::helper:
            p.stop.store(true, std::memory_order_relaxed);
            if (!helpers_->withdraw(p))
                return false;
            break;
        default: p.unlink();
    }
    p.where = pending::place::stopped;
    stopped_.push_back(&p);
    return true;
}

}  // namespace ringlet::io::readiness

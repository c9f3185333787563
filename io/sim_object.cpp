#include "sim_object_private.hpp"

#include "sim_kernel_private.hpp"

#include <poll.h>

#include <cerrno>

namespace ringlet::sim {

int object::perform(const io_uring_sqe&) { return -ENOTSOCK; }

void object::retry() {
    const auto self = shared_from_this();
    list<in_line> before;
    before.splice_back(line);
    while (!before.empty()) {
        auto& p = static_cast<pending&>(before.pop_front());
        if (const auto a = p.sqe->opcode == IORING_OP_POLL_ADD ? attempt_poll(p) : attempt(p))
            sim_.finish(p, *a);
        else
            line.push_back(p);
    }
}

/// A multishot poll tells of every change that leaves one of its events true, as poll wake-ups do.
std::optional<answer> object::attempt_poll(pending& p) {
    const unsigned wanted = (p.sqe->poll32_events & 0xffff) | POLLERR | POLLHUP;
    const unsigned now = ready() & wanted;
    if (now == 0)
        return std::nullopt;
    if ((p.sqe->len & IORING_POLL_ADD_MULTI) == 0 || sim_.ends_multishot(p))
        return static_cast<int>(now);
    sim_.finish_one(p, static_cast<int>(now));
    return std::nullopt;
}

}  // namespace ringlet::sim

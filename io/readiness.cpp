#include "readiness_kernel_private.hpp"

#include "readiness_calls_private.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ringlet::io {
namespace readiness {
namespace {

// A UNIX listener with a full backlog tells nobody when there is room.
constexpr duration pause_before_next_try = 1ms;

constexpr unsigned unknown_flags = IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK;

bool answers_more_than_once(const io_uring_sqe& sqe) noexcept {
    switch (sqe.opcode) {
        case IORING_OP_RECV: return (sqe.ioprio & IORING_RECV_MULTISHOT) != 0;
        case IORING_OP_ACCEPT: return (sqe.ioprio & IORING_ACCEPT_MULTISHOT) != 0;
        case IORING_OP_POLL_ADD: return (sqe.len & IORING_POLL_ADD_MULTI) != 0;
        default: return false;
    }
}

/// What io_uring refuses, and what this kernel has no answer to.
bool is_refused(const io_uring_sqe& sqe) noexcept {
    if (!is_known(sqe.opcode) || (sqe.flags & unknown_flags) != 0)
        return true;
    switch (sqe.opcode) {
        case IORING_OP_RECV: {
            const bool select = (sqe.flags & IOSQE_BUFFER_SELECT) != 0;
            return (sqe.ioprio & ~(IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT)) != 0 ||
                   (answers_more_than_once(sqe) && (!select || (sqe.msg_flags & MSG_WAITALL) != 0));
        }
        case IORING_OP_SEND:
        case IORING_OP_SENDMSG:
        case IORING_OP_RECVMSG:
            return (sqe.ioprio & ~IORING_RECVSEND_POLL_FIRST) != 0 || (sqe.flags & IOSQE_BUFFER_SELECT) != 0;
        case IORING_OP_ACCEPT:
            return (sqe.ioprio & ~IORING_ACCEPT_MULTISHOT) != 0 || sqe.file_index != 0 || sqe.len != 0 ||
                   (sqe.accept_flags & ~unsigned(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0;
        case IORING_OP_POLL_ADD: return (sqe.len & ~IORING_POLL_ADD_MULTI) != 0 || sqe.addr != 0 || sqe.off != 0;
        case IORING_OP_OPENAT:
        case IORING_OP_OPENAT2:
        case IORING_OP_CLOSE:
        case IORING_OP_SOCKET: return sqe.file_index != 0;
        default: return (sqe.flags & IOSQE_BUFFER_SELECT) != 0;
    }
}

}  // namespace

readiness_kernel::~readiness_kernel() {
    helpers_.reset();
    requests_.find_any([](pending& p) {
        p.unlink();
        return false;
    });
}

time_point readiness_kernel::now() noexcept {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return time_point(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

void readiness_kernel::turn(time_point until) {
    completed_ = false;
    taken_.swap(submissions_);
    for (const io_uring_sqe& sqe : taken_)
        submit(sqe);
    taken_.clear();
    finish_stopped();

    more_now_.swap(more_);
    for (const auto& [key, events] : more_now_)
        on_event(key, events);
    more_now_.clear();

    // Who has work already asks epoll every other time only: a message is then one question, as in a
    // loop written for epoll, and nobody else waits longer than a lap.
    const bool busy = completed_ || until == time_point::min();
    skipped_ = busy && !skipped_;
    if (skipped_)
        return;
    poll(busy || !more_.empty() ? time_point::min() : until);
    take_from_helpers();
    take_due();
}

void readiness_kernel::poll(time_point until) {
    if (!clock_.empty())
        until = std::min(until, clock_.begin()->first);
    std::int64_t nanoseconds = -1;
    if (until <= time_point())  // before there was this clock
        nanoseconds = 0;
    else if (until != never)
        nanoseconds = std::max<std::int64_t>((until - now()).count(), 0);
    for (const epoll_event& event : watches_.wait(nanoseconds))
        on_event(event.data.u64, event.events);
}

void readiness_kernel::wake() noexcept {
    const std::uint64_t one = 1;
    (void)!::write(watches_.wake_fd(), &one, sizeof one);
}

io_uring_buf_ring* readiness_kernel::provide_buffers(std::uint16_t group, unsigned entries) {
    return buffers_.make(group, entries);
}

bool readiness_kernel::supports(unsigned opcode) const noexcept { return is_known(opcode); }

int readiness_kernel::perform(const io_uring_sqe& sqe) noexcept {
    if (sqe.opcode == IORING_OP_CLOSE)
        watches_.forget(sqe.fd);
    return kernel::perform(sqe);
}

// --- taking requests ---------------------------------------------------------------------------------

void readiness_kernel::submit(const io_uring_sqe& sqe) {
    if (is_refused(sqe)) {
        emit(sqe, -EINVAL);
        return;
    }
    switch (sqe.opcode) {
        case IORING_OP_TIMEOUT: start_timeout(sqe); return;
        case IORING_OP_ASYNC_CANCEL:
        case IORING_OP_POLL_REMOVE:
        case IORING_OP_TIMEOUT_REMOVE: cancel(sqe); return;
        case IORING_OP_CLOSE: watches_.forget(sqe.fd); break;
        default: break;
    }
    progress so_far;
    // Behind those who came earlier; should they wait for a file that is gone, the wait will show it.
    if (works_on_descriptor(sqe.opcode) && sqe.opcode != IORING_OP_POLL_ADD &&
        watches_.somebody_waits(sqe.fd, wanted_events(sqe)))
        settle(sqe, so_far, would_block);
    else
        settle(sqe, so_far, step(sqe, so_far, 0));
}

void readiness_kernel::settle(const io_uring_sqe& sqe, const progress& so_far, int outcome) {
    if (is_answer(outcome)) {
        emit(sqe, outcome, std::exchange(selected_, 0));
        return;
    }
    pending& p = requests_.add(sqe, so_far);
    switch (outcome) {
        case needs_thread: hand_to_helper(p); break;
        case try_later: wait_for_time(p, now() + pause_before_next_try); break;
        default:
            // Epoll looks at what the descriptor is now, so whoever has more is told so at once.
            wait_for_descriptor(p);
    }
}

/// One attempt, or as many as a request that answers more than once may make at a time. `events` are
/// what epoll said, 0 at first.
int readiness_kernel::step(const io_uring_sqe& sqe, progress& so_far, std::uint32_t events) {
    if ((sqe.flags & IOSQE_BUFFER_SELECT) != 0)
        return receive_selected(sqe, so_far, events);
    if (answers_more_than_once(sqe))
        return sqe.opcode == IORING_OP_ACCEPT ? accept_many(sqe)
               // At first, epoll tells whether it is ready already, and only once.
               : events == 0 ? would_block
                             : poll_many(sqe);
    return attempt(sqe, so_far);
}

// --- letting them wait and go on ---------------------------------------------------------------------

void readiness_kernel::wait_for_descriptor(pending& p) {
    const awaited end = end_to_wait_for(*p.sqe);
    p.wants = end.events;
    const int error = watches_.add(p, end.fd);
    if (error == 0)
        return;
    const bool always_ready = error == -EPERM;
    if (always_ready && p.sqe->opcode == IORING_OP_POLL_ADD)
        finish(p, poll_now(p.sqe->fd, p.wants));
    else if (always_ready)
        hand_to_helper(p);
    else
        finish(p, error);
}

void readiness_kernel::wait_for_time(pending& p, time_point when) {
    p.where = pending::place::clock;
    p.when = when.time_since_epoch().count();
    clock_.emplace(when, &p);
}

void readiness_kernel::hand_to_helper(pending& p) {
    if (!helpers_)
        helpers_.emplace(watches_.wake_fd());
    if (!helpers_->submit(p))
        finish(p, -EAGAIN);
}

/// Lets those go on who wait for one of the events, oldest first; but first those who only want to know,
/// since the others may leave nothing to know of.
void readiness_kernel::on_event(std::uint64_t key, std::uint32_t events) {
    watch* w = watches_.find(key);
    if (w == nullptr)
        return;
    serve(*w, key, events, true);
    serve(*w, key, events, false);
}

void readiness_kernel::serve(watch& w, std::uint64_t key, std::uint32_t events, bool polls) {
    list<pending> now;
    now.splice_back(w.waiting);
    std::uint32_t found_empty = 0;
    while (!now.empty()) {
        pending& p = now.pop_front();
        const std::uint32_t concern = events & (p.wants | POLLERR | POLLHUP | POLLRDHUP | POLLPRI);
        const bool its_turn = (p.sqe->opcode == IORING_OP_POLL_ADD) == polls;
        if (!its_turn || concern == 0 || (!polls && (p.wants & found_empty) != 0)) {
            w.waiting.push_back(p);
            continue;
        }
        const int outcome = step(*p.sqe, p.so_far, events);
        if (is_answer(outcome)) {
            finish(p, outcome);
        } else if (outcome == needs_thread) {
            hand_to_helper(p);
        } else if (p.sqe->opcode == IORING_OP_SPLICE || p.sqe->opcode == IORING_OP_TEE) {
            wait_for_descriptor(p);  // now for the other end
        } else {
            w.waiting.push_back(p);
            found_empty |= p.wants;
            if (outcome == has_more)
                more_.push_back({key, concern});
        }
    }
}

void readiness_kernel::take_from_helpers() {
    if (!helpers_ || !helpers_->any_done())
        return;
    list<pending> done;
    helpers_->take_done(done);
    while (!done.empty()) {
        pending& p = done.pop_front();
        if (is_answer(p.res))
            finish(p, p.res);
        else if (p.stop.load(std::memory_order_relaxed))
            finish(p, -ECANCELED);
        else
            wait_for_descriptor(p);
    }
}

void readiness_kernel::take_due() {
    if (clock_.empty())
        return;
    const time_point t = now();
    while (!clock_.empty() && clock_.begin()->first <= t) {
        pending& p = *clock_.begin()->second;
        clock_.erase(clock_.begin());
        p.where = pending::place::nowhere;
        const int outcome = p.sqe->opcode == IORING_OP_TIMEOUT ? -ETIME : attempt(*p.sqe, p.so_far);
        if (is_answer(outcome))
            finish(p, outcome);
        else if (outcome == try_later)
            wait_for_time(p, t + pause_before_next_try);
        else
            wait_for_descriptor(p);
    }
}

void readiness_kernel::finish(pending& p, int res) noexcept {
    const request sqe = p.sqe;
    requests_.remove(p);
    emit(*sqe, res, std::exchange(selected_, 0));
}

}  // namespace readiness

std::unique_ptr<kernel> make_readiness() { return std::make_unique<readiness::readiness_kernel>(); }

}  // namespace ringlet::io

// What a connected stream socket does with bytes: send, receive, shut down, break.

#include "sim_stream_private.hpp"

#include "linux_private.hpp"
#include "sim_kernel_private.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::sim {
namespace {

constexpr std::size_t largest_piece = 64 * 1024;

}  // namespace

std::optional<answer> stream::attempt(pending& p) {
    switch (p.sqe->opcode) {
        case IORING_OP_SEND:
        case IORING_OP_SEND_ZC:
        case IORING_OP_SENDMSG:
        case IORING_OP_SENDMSG_ZC:
        case IORING_OP_WRITE:
        case IORING_OP_WRITEV: return attempt_send(p);
        case IORING_OP_RECV:
            if ((p.sqe->ioprio & IORING_RECV_MULTISHOT) != 0)
                return attempt_receive_many(p);
            return attempt_receive(p);
        case IORING_OP_RECVMSG:
        case IORING_OP_READ:
        case IORING_OP_READV: return attempt_receive(p);
        case IORING_OP_ACCEPT: return attempt_accept(p);
        case IORING_OP_CONNECT: return attempt_connect(p);
        default: return -EINVAL;
    }
}

/// Some of `most`, where a fault says so.
std::size_t stream::some_of(std::size_t most) noexcept {
    if (most > 1 && sim_.dice().chance(sim_.faults().short_counts()))
        return 1 + sim_.dice().below(most);
    return most;
}

// --- sending -----------------------------------------------------------------------------------------

std::optional<answer> stream::attempt_send(pending& p) {
    const auto broken = [&](int error) { return p.moved > 0 ? static_cast<int>(p.moved) : -error; };
    if (error_ != 0)
        return broken(p.moved > 0 ? 0 : std::exchange(error_, 0));
    if (phase_ == phase::fresh || phase_ == phase::listening)
        return -ENOTCONN;
    if (phase_ == phase::broken || writing_shut_)
        return broken(EPIPE);
    if (phase_ == phase::calling)
        return std::nullopt;
    const memory_parts from(*p.sqe);
    const std::size_t total = from.size();
    if (total == 0)
        return 0;
    if (p.moved == 0 && sim_.dice().chance(sim_.faults().no_memory()))
        return -ENOMEM;
    const bool all = (p.sqe->msg_flags & MSG_WAITALL) != 0;
    while (p.moved < total) {
        const std::size_t window = sim_.faults().window();
        const std::size_t room = out_->used < window ? window - out_->used : 0;
        if (room == 0)
            break;
        const std::size_t count = some_of(std::min({room, total - p.moved, largest_piece}));
        send_some(from, p.moved, count);
        p.moved += count;
        if (phase_ != phase::connected)
            return static_cast<int>(p.moved);  // a fault has broken the connection meanwhile
        if (!all && count < largest_piece)
            break;
    }
    if (p.moved == total || (p.moved > 0 && !all))
        return static_cast<int>(p.moved);
    if ((p.sqe->msg_flags & MSG_DONTWAIT) != 0)
        return broken(EAGAIN);
    out_->starved = true;
    if (const auto reader = out_->receiver.lock())
        reader->tell_of_room();
    return std::nullopt;
}

void stream::send_some(const memory_parts& from, std::size_t skip, std::size_t count) {
    out_->used += count;
    while (count > 0) {
        std::size_t piece = count;
        if (piece > 1 && sim_.dice().chance(sim_.faults().fragments()))
            piece = 1 + sim_.dice().below(count);
        parcel p{parcel::kind::data, std::vector<std::byte>(piece)};
        from.read(skip, p.bytes);
        out_->put(std::move(p));
        skip += piece;
        count -= piece;
    }
    if (family_ != AF_UNIX && sim_.dice().chance(sim_.faults().resets())) {
        // Somewhere between them a box forgets the connection: each side hears of it in its own time.
        out_->cut();
        out_->put({parcel::kind::reset, {}});
        sim_.note(*owner_, "reset", 0, 0);
        fail(ECONNRESET);
    }
}

// --- receiving ---------------------------------------------------------------------------------------

/// What a receive says when there is no data: the end, an error, or nothing yet.
std::optional<int> stream::end_of_data() noexcept {
    if (error_ != 0)
        return -std::exchange(error_, 0);
    if (phase_ == phase::fresh || phase_ == phase::listening)
        return -ENOTCONN;
    if (no_more_arrives_ || reading_shut_ || phase_ == phase::broken)
        return 0;
    return std::nullopt;
}

/// Moves `count` bytes that have arrived, which there are, into `into` behind the first `skip`.
void stream::take(const memory_parts& into, std::size_t skip, std::size_t count, bool keep) {
    std::size_t at = first_taken_;
    for (auto piece = arrived_.begin(); count > 0;) {
        const std::size_t now = std::min(count, piece->size() - at);
        into.write(skip, std::span(*piece).subspan(at, now));
        skip += now;
        count -= now;
        at += now;
        if (keep) {
            ++piece;
            at = 0;
            continue;
        }
        unread_ -= now;
        in_->unread += now;
        if (at == piece->size()) {
            piece = arrived_.erase(piece);
            at = 0;
        }
        first_taken_ = at;
    }
    if (!keep)
        tell_of_room();
}

/// TCP's window updates: when the sender waits, or half of the window was read.
void stream::tell_of_room() {
    if (in_->unread == 0 || (!in_->starved && in_->unread < sim_.faults().window() / 2))
        return;
    in_->starved = false;
    out_->put({parcel::kind::room, {}, std::exchange(in_->unread, 0)});
}

std::optional<answer> stream::attempt_receive(pending& p) {
    const bool is_read = p.sqe->opcode == IORING_OP_READ || p.sqe->opcode == IORING_OP_READV;
    const unsigned flags = is_read ? 0 : p.sqe->msg_flags;
    const bool never_waits = (flags & MSG_DONTWAIT) != 0;
    const bool keep = (flags & MSG_PEEK) != 0;
    if (is_read_of_nothing(*p.sqe))
        return 0;
    if (unread_ == 0) {
        if (const auto end = end_of_data())
            return p.moved > 0 ? static_cast<int>(p.moved) : *end;
        return never_waits ? std::optional<answer>(-EAGAIN) : std::nullopt;
    }
    if (msghdr* message = message_of(*p.sqe)) {
        message->msg_namelen = 0;
        message->msg_controllen = 0;
        message->msg_flags = 0;
    }
    if ((p.sqe->flags & IOSQE_BUFFER_SELECT) != 0) {
        const auto room = sim_.select_buffer(p.sqe->buf_group);
        if (!room)
            return -ENOBUFS;
        std::size_t most = room->room.size();
        if (p.sqe->len != 0)
            most = std::min<std::size_t>(most, p.sqe->len);
        const std::size_t count = some_of(std::min(unread_, most));
        take(memory_parts(room->room), 0, count, keep);
        return answer(static_cast<int>(count), room->flags);
    }
    const memory_parts into(*p.sqe);
    const std::size_t total = into.size();
    const bool all = (flags & MSG_WAITALL) != 0 && !keep;
    std::size_t count = std::min(unread_, total - p.moved);
    if (!all)
        count = some_of(count);
    take(into, p.moved, count, keep);
    p.moved += count;
    if (all && p.moved < total) {
        if (const auto end = end_of_data())
            return static_cast<int>(p.moved);
        if (!never_waits)
            return std::nullopt;
    }
    return static_cast<int>(p.moved);
}

std::optional<answer> stream::attempt_receive_many(pending& p) {
    if ((p.sqe->flags & IOSQE_BUFFER_SELECT) == 0)
        return -EINVAL;
    while (unread_ > 0) {
        if (sim_.dice().chance(sim_.faults().no_buffers()))
            return -ENOBUFS;
        const auto room = sim_.select_buffer(p.sqe->buf_group);
        if (!room)
            return -ENOBUFS;
        const std::size_t count = some_of(std::min(unread_, room->room.size()));
        take(memory_parts(room->room), 0, count, false);
        const answer got(static_cast<int>(count), room->flags | (unread_ > 0 ? IORING_CQE_F_SOCK_NONEMPTY : 0U));
        if (sim_.ends_multishot(p))
            return got;
        sim_.finish_one(p, got);
    }
    if (const auto end = end_of_data())
        return *end;
    return std::nullopt;
}

// --- what comes --------------------------------------------------------------------------------------

void stream::arrive(parcel p) {
    switch (p.what) {
        case parcel::kind::call: return;  // is for listeners
        case parcel::kind::answer_call:
            if (phase_ != phase::calling)
                return;
            phase_ = phase::connected;
            out_->put({parcel::kind::confirm, {}});
            break;
        case parcel::kind::confirm: confirmed(); return;
        case parcel::kind::data:
            if (phase_ == phase::broken)
                return;
            if (!reading_shut_) {
                unread_ += p.bytes.size();
                arrived_.push_back(std::move(p.bytes));
            }
            break;
        case parcel::kind::end:
            no_more_arrives_ = true;
            // A UNIX socket sees that its peer is closed, TCP only that it sends no more.
            if (family_ == AF_UNIX && p.count != 0)
                writing_shut_ = true;
            break;
        case parcel::kind::reset: fail(phase_ == phase::calling ? ECONNREFUSED : ECONNRESET); return;
        case parcel::kind::room: out_->used -= p.count; break;
    }
    retry();
}

void stream::fail(int error) {
    if (phase_ != phase::calling && phase_ != phase::connected)
        return;
    phase_ = phase::broken;
    error_ = error;
    if (const auto listener = listener_.lock()) {
        listener_.reset();
        std::erase(listener->dialing_, std::static_pointer_cast<stream>(shared_from_this()));
    }
    if (!gone_)
        retry();
}

// --- the end -----------------------------------------------------------------------------------------

int stream::shutdown(int how) {
    if (phase_ == phase::listening) {
        phase_ = phase::fresh;
        forget_callers();
        retry();
        return 0;
    }
    if (phase_ != phase::connected)
        return -ENOTCONN;
    if (how == SHUT_RD || how == SHUT_RDWR)
        reading_shut_ = true;
    if ((how == SHUT_WR || how == SHUT_RDWR) && !writing_shut_) {
        writing_shut_ = true;
        out_->put({parcel::kind::end, {}});
    }
    retry();
    return 0;
}

void stream::released() {
    const auto self = shared_from_this();  // the last owner may let go meanwhile
    gone_ = true;
    leave_port();
    if (phase_ == phase::listening)
        forget_callers();
    if (phase_ == phase::connected)
        hang_up();
    phase_ = phase::broken;
}

/// Data that nobody has read is answered with a reset (RFC 2525, 2.17), and so is SO_LINGER 0.
void stream::hang_up() {
    int linger[2] = {};
    options_.get(SOL_SOCKET, SO_LINGER, linger, sizeof linger);
    if (unread_ > 0 || (linger[0] != 0 && linger[1] == 0)) {
        out_->put({parcel::kind::reset, {}});
    } else if (!writing_shut_ || family_ == AF_UNIX) {
        writing_shut_ = true;
        out_->put({parcel::kind::end, {}, 1});
    }
}

unsigned stream::ready() const noexcept {
    unsigned events = 0;
    if (phase_ == phase::listening)
        return callers_.empty() ? 0 : POLLIN;
    if (unread_ > 0 || no_more_arrives_ || reading_shut_ || phase_ == phase::broken || error_ != 0)
        events |= POLLIN;
    if (no_more_arrives_)
        events |= POLLRDHUP;
    if (phase_ == phase::broken || (no_more_arrives_ && writing_shut_) || phase_ == phase::fresh)
        events |= POLLHUP;
    if (error_ != 0)
        events |= POLLERR;
    if (phase_ == phase::broken || writing_shut_ ||
        (phase_ == phase::connected && out_->used < sim_.faults().window()))
        events |= POLLOUT;
    return events;
}

}  // namespace ringlet::sim

#include "sim_datagram_private.hpp"

#include "linux_private.hpp"
#include "sim_kernel_private.hpp"
#include "sim_names_private.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::sim {
namespace {

constexpr std::size_t largest = 65507;  // what fits into an IPv4 packet (udp(7))
constexpr std::size_t most_waiting = 212992;  // net.core.rmem_default; what comes beyond over UDP is dropped
constexpr std::size_t most_in_line = 10;  // net.unix.max_dgram_qlen: whoever sends more waits

}  // namespace

std::optional<answer> datagram::attempt(pending& p) {
    switch (p.sqe->opcode) {
        case IORING_OP_SEND:
        case IORING_OP_SEND_ZC:
        case IORING_OP_SENDMSG:
        case IORING_OP_SENDMSG_ZC:
        case IORING_OP_WRITE:
        case IORING_OP_WRITEV: return attempt_send(p);
        case IORING_OP_RECV:
        case IORING_OP_RECVMSG:
            if ((p.sqe->ioprio & IORING_RECV_MULTISHOT) != 0)
                return attempt_receive_many(p);
            return attempt_receive(p);
        case IORING_OP_READ:
        case IORING_OP_READV: return attempt_receive(p);
        case IORING_OP_CONNECT: return perform(*p.sqe);
        default: return -EINVAL;
    }
}

int datagram::perform(const io_uring_sqe& sqe) {
    endpoint to;
    switch (sqe.opcode) {
        case IORING_OP_BIND: {
            const int wrong = parse(pointer<void>(sqe.addr), static_cast<socklen_t>(sqe.off), to);
            return wrong < 0 ? wrong : to.family != family_ ? -EAFNOSUPPORT : bind(to);
        }
        case IORING_OP_CONNECT: {
            const int wrong = parse(pointer<void>(sqe.addr), static_cast<socklen_t>(sqe.off), to);
            return wrong < 0 ? wrong : connect(to);
        }
        case IORING_OP_SHUTDOWN: return connected_ ? 0 : -ENOTCONN;
        case IORING_OP_URING_CMD:
            return command_of(sqe, options_,
                              {.family = family_,
                               .type = SOCK_DGRAM,
                               .listening = false,
                               .error = &error_,
                               .local = &local_,
                               .remote = connected_ ? &remote_ : nullptr});
        default: return -EOPNOTSUPP;
    }
}

int datagram::bind(endpoint to) {
    if (bound_)
        return -EINVAL;
    machine& here = *owner_->on;
    if (to.family == AF_UNIX) {
        if (to.path.empty())
            to.path = std::string(1, '\0') + "auto" + std::to_string(++here.last_given);
        if (!here.paths.try_emplace(to.path, weak_from_this()).second)
            return -EADDRINUSE;
    } else {
        if (!is_any(to.ip) && !is_loopback(to.ip) && sim_.hosts().at(to.ip) != &here)
            return -EADDRNOTAVAIL;
        if (to.port == 0)
            to.port = here.free_port(here.datagrams);
        else if (options_.number(SOL_SOCKET, SO_REUSEADDR) == 0 && options_.number(SOL_SOCKET, SO_REUSEPORT) == 0)
            for (auto [at, last] = here.datagrams.equal_range(to.port); at != last; ++at)
                if (const auto other = std::static_pointer_cast<datagram>(at->second.lock());
                    other != nullptr && overlap(other->local_, to))
                    return -EADDRINUSE;
        here.datagrams.emplace(to.port, weak_from_this());
    }
    local_ = std::move(to);
    bound_ = true;
    return 0;
}

int datagram::connect(const endpoint& to) {
    if (to.family == AF_UNSPEC) {
        connected_ = false;
        return 0;
    }
    if (to.family != family_)
        return -EAFNOSUPPORT;
    if (!bound_ && family_ != AF_UNIX) {
        endpoint any;
        any.family = family_;
        if (const int answer = bind(any); answer < 0)
            return answer;
    }
    remote_ = to;
    if (const auto receiver = unix_receiver(to))
        receiver->will_tell(shared_from_this());
    if (family_ != AF_UNIX && is_any(local_.ip))
        local_.ip = is_loopback(to.ip) ? to.ip : ip_like(to.ip, owner_->on->number);
    connected_ = true;
    return 0;
}

// --- sending -----------------------------------------------------------------------------------------

std::optional<answer> datagram::attempt_send(pending& p) {
    if (error_ != 0)
        return -std::exchange(error_, 0);
    if (sim_.dice().chance(sim_.faults().no_memory()))
        return -ENOBUFS;
    message m;
    const void* name = nullptr;
    socklen_t size = 0;
    if (const msghdr* header = message_of(*p.sqe)) {
        name = header->msg_name;
        size = header->msg_namelen;
    } else if (p.sqe->opcode == IORING_OP_SEND || p.sqe->opcode == IORING_OP_SEND_ZC) {
        name = pointer<void>(p.sqe->addr2);
        size = p.sqe->addr_len;
    }
    if (name != nullptr && size > 0) {
        if (const int wrong = parse(name, size, m.to); wrong < 0)
            return wrong;
    } else if (connected_) {
        m.to = remote_;
    } else {
        return -EDESTADDRREQ;
    }
    if (const auto receiver = unix_receiver(m.to); receiver != nullptr && receiver->is_full()) {
        const bool is_write = p.sqe->opcode == IORING_OP_WRITE || p.sqe->opcode == IORING_OP_WRITEV;
        if (!is_write && (p.sqe->msg_flags & MSG_DONTWAIT) != 0)
            return -EAGAIN;
        receiver->will_tell(shared_from_this());
        return std::nullopt;
    }
    const memory_parts from(*p.sqe);
    m.bytes.resize(from.size());
    from.read(0, m.bytes);
    return send(std::move(m));
}

int datagram::send(message m) {
    const auto size = static_cast<int>(m.bytes.size());
    if (m.bytes.size() > largest)
        return -EMSGSIZE;
    machine& here = *owner_->on;
    if (family_ == AF_UNIX) {
        const auto to = unix_receiver(m.to);
        if (to == nullptr)
            return here.paths.contains(m.to.path) ? -ECONNREFUSED : -ENOENT;
        m.from = local_;
        to->arrive(std::move(m));
        return size;
    }
    if (!bound_) {
        endpoint any;
        any.family = family_;
        if (const int answer = bind(any); answer < 0)
            return answer;
    }
    if (is_any(m.to.ip))
        m.to.ip = loopback_ip();
    m.from = local_;
    if (is_any(m.from.ip))
        m.from.ip = is_loopback(m.to.ip) ? m.to.ip : ip_like(m.to.ip, here.number);
    machine* there = is_loopback(m.to.ip) ? &here : sim_.hosts().at(m.to.ip);
    if (there == nullptr)
        return number_in(m.to.ip) == 0 ? -ENETUNREACH : size;
    const faults& f = sim_.faults();
    const bool far = there != &here;
    if (far && sim_.dice().chance(f.loss()))
        return size;
    if (far && sim_.dice().chance(f.duplication()))
        travel(*there, m, sim_.dice().between({}, f.overtaking_delay().most));
    const bool overtaken = far && sim_.dice().chance(f.overtaking());
    travel(*there, std::move(m),
           overtaken ? sim_.dice().between(f.overtaking_delay().least, f.overtaking_delay().most) : duration());
    return size;
}

/// The UNIX socket at a path; null when nobody has it.
std::shared_ptr<datagram> datagram::unix_receiver(const endpoint& at) const {
    if (family_ != AF_UNIX)
        return nullptr;
    const auto& paths = owner_->on->paths;
    const auto found = paths.find(at.path);
    auto there = found != paths.end() ? std::dynamic_pointer_cast<datagram>(found->second.lock()) : nullptr;
    return there != nullptr && !there->gone_ ? there : nullptr;
}

bool datagram::is_full() const noexcept { return arrived_.size() > most_in_line; }

void datagram::will_tell(const std::shared_ptr<object>& sender) {
    std::erase_if(senders_, [&](const auto& each) { return each.expired() || each.lock() == sender; });
    senders_.push_back(sender);
}

/// There is room again, or there will never be any.
void datagram::let_send() {
    for (const auto& each : senders_)
        if (auto sender = each.lock())
            sim_.plan(sim_.now(), [sender] { sender->retry(); });
}

void datagram::travel(machine& to, message m, duration longer) {
    const time_point arrival = sim_.network().arrival(*owner_->on, to, m.bytes.size() + 42) + longer;
    sim_.plan(arrival, [&s = sim_, from = owner_->on, &to,
                        self = std::weak_ptr(std::static_pointer_cast<datagram>(shared_from_this())),
                        m = std::move(m)]() mutable {
        if (from == &to || !s.network().parted(*from, to))
            deliver(s, to, self, std::move(m));
    });
}

bool datagram::takes(const message& m) const noexcept {
    return !gone_ && (is_any(local_.ip) || local_.ip == m.to.ip) &&
           (!connected_ || (remote_.ip == m.from.ip && remote_.port == m.from.port));
}

void datagram::deliver(simulator& s, machine& to, const std::weak_ptr<datagram>& sender, message m) {
    std::shared_ptr<datagram> best;
    for (auto [at, last] = to.datagrams.equal_range(m.to.port); at != last; ++at)
        if (auto bound = std::static_pointer_cast<datagram>(at->second.lock());
            bound != nullptr && bound->takes(m) && (best == nullptr || bound->connected_))
            best = std::move(bound);
    if (best != nullptr) {
        best->arrive(std::move(m));
        return;
    }
    if (to.number == name_server && m.to.port == name_port) {
        answer_question(s, to, sender.lock(), std::move(m));
        return;
    }
    // ICMP port unreachable: only a connected sender hears of it (udp(7)).
    const auto from = sender.lock();
    if (from == nullptr || !from->connected_ || from->gone_)
        return;
    s.plan(s.network().arrival(to, *from->owner_->on, 64), [from] {
        from->error_ = ECONNREFUSED;
        from->retry();
    });
}

void datagram::answer_question(simulator& s, machine& from, const std::shared_ptr<datagram>& asker, message m) {
    if (asker == nullptr)
        return;
    m.bytes = answer_from_name_server(s.hosts(), m.bytes);
    std::swap(m.from, m.to);
    if (m.bytes.empty() || s.dice().chance(s.faults().loss()))
        return;
    machine& there = *asker->owner_->on;
    s.plan(s.network().arrival(from, there, m.bytes.size() + 42), [&s, &from, &there, asker, m]() mutable {
        if (!s.network().parted(from, there) && asker->takes(m))
            asker->arrive(std::move(m));
    });
}

// --- receiving ---------------------------------------------------------------------------------------

void datagram::arrive(message m) {
    if (family_ != AF_UNIX && bytes_waiting_ + m.bytes.size() > most_waiting)
        return;
    bytes_waiting_ += m.bytes.size();
    arrived_.push_back(std::move(m));
    retry();
}

void datagram::take_first() {
    bytes_waiting_ -= arrived_.front().bytes.size();
    const bool was_full = is_full();
    arrived_.pop_front();
    if (was_full)
        let_send();
}

std::optional<answer> datagram::attempt_receive(pending& p) {
    const bool is_read = p.sqe->opcode == IORING_OP_READ || p.sqe->opcode == IORING_OP_READV;
    const unsigned flags = is_read ? 0 : p.sqe->msg_flags;
    if (is_read_of_nothing(*p.sqe))
        return 0;
    if (error_ != 0)
        return -std::exchange(error_, 0);
    if (arrived_.empty()) {
        return (flags & MSG_DONTWAIT) != 0 ? std::optional<answer>(-EAGAIN) : std::nullopt;
    }
    std::optional<simulator::buffer> selected;
    if ((p.sqe->flags & IOSQE_BUFFER_SELECT) != 0) {
        selected = sim_.select_buffer(p.sqe->buf_group);
        if (!selected)
            return -ENOBUFS;
    }
    const message& m = arrived_.front();
    const memory_parts own(*p.sqe);
    const memory_parts chosen(selected ? selected->room : std::span<std::byte>());
    const memory_parts& into = selected ? chosen : own;
    const std::size_t count = std::min(into.size(), m.bytes.size());
    into.write(0, std::span(m.bytes).first(count));
    if (msghdr* header = message_of(*p.sqe)) {
        if (header->msg_name != nullptr)
            show(m.from, family_, header->msg_name, &header->msg_namelen);
        header->msg_controllen = 0;
        header->msg_flags = count < m.bytes.size() ? MSG_TRUNC : 0;
    }
    const answer a(static_cast<int>((flags & MSG_TRUNC) != 0 ? m.bytes.size() : count),
                   selected ? selected->flags : 0);
    if ((flags & MSG_PEEK) == 0)
        take_first();
    return a;
}

std::optional<answer> datagram::attempt_receive_many(pending& p) {
    if ((p.sqe->flags & IOSQE_BUFFER_SELECT) == 0)
        return -EINVAL;
    if (error_ != 0)
        return -std::exchange(error_, 0);
    while (!arrived_.empty()) {
        if (sim_.dice().chance(sim_.faults().no_buffers()))
            return -ENOBUFS;
        const auto selected = sim_.select_buffer(p.sqe->buf_group);
        if (!selected)
            return -ENOBUFS;
        answer a = fill(selected->room, p.sqe, arrived_.front());
        a.flags = selected->flags;
        take_first();
        if (a.res < 0 || sim_.ends_multishot(p))
            return a;
        sim_.finish_one(p, a);
    }
    return std::nullopt;
}

/// A multishot recvmsg puts a header, the name and the control data before the payload
/// (io_uring_recvmsg_out(3)).
answer datagram::fill(std::span<std::byte> room, const request& sqe, const message& m) const {
    std::size_t before = 0;
    const auto& r = *sqe;
    if (r.opcode == IORING_OP_RECVMSG) {
        const auto* header = pointer<const msghdr>(r.addr);
        before = sizeof(io_uring_recvmsg_out) + header->msg_namelen + header->msg_controllen;
        if (room.size() < before)
            return -EFAULT;
        io_uring_recvmsg_out out{};
        socklen_t name_size = header->msg_namelen;
        show(m.from, family_, room.data() + sizeof out, &name_size);
        out.namelen = name_size;
        out.payloadlen = static_cast<unsigned>(m.bytes.size());
        out.flags = m.bytes.size() > room.size() - before ? MSG_TRUNC : 0;
        std::memcpy(room.data(), &out, sizeof out);
    }
    const std::size_t count = std::min(room.size() - before, m.bytes.size());
    if (count > 0)
        std::memcpy(room.data() + before, m.bytes.data(), count);
    return static_cast<int>(before + count);
}

// --- the end -----------------------------------------------------------------------------------------

void datagram::released() {
    gone_ = true;
    machine& here = *owner_->on;
    if (family_ == AF_UNIX) {
        if (!local_.path.empty() && local_.path[0] == '\0')
            here.paths.erase(local_.path);
        let_send();
    } else if (bound_) {
        std::erase_if(here.datagrams, [this](const auto& entry) { return entry.second.lock().get() == this; });
    }
}

unsigned datagram::ready() const noexcept {
    const auto receiver = connected_ ? unix_receiver(remote_) : nullptr;
    return (receiver != nullptr && receiver->is_full() ? 0U : unsigned(POLLOUT)) |
           (arrived_.empty() && error_ == 0 ? 0U : unsigned(POLLIN)) | (error_ != 0 ? unsigned(POLLERR) : 0U);
}

}  // namespace ringlet::sim

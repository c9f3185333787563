// What never waits: sockets are made, bound, named and closed at once (kernel::perform), whether they
// are asked to by a call or by a request on the ring.

#include "linux_private.hpp"
#include "sim_datagram_private.hpp"
#include "sim_file_private.hpp"
#include "sim_kernel_private.hpp"
#include "sim_memory_private.hpp"
#include "sim_pipe_private.hpp"
#include "sim_stream_private.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::sim {

// --- options -----------------------------------------------------------------------------------------

int socket_options::get(int level, int name, void* into, socklen_t room) const {
    const auto found = values_.find({level, name});
    const std::string none(std::min<socklen_t>(room, sizeof(int)), '\0');
    const std::string& value = found != values_.end() ? found->second : none;
    const std::size_t size = std::min<std::size_t>(room, value.size());
    std::memcpy(into, value.data(), size);
    return static_cast<int>(size);
}

int socket_options::number(int level, int name) const {
    int value = 0;
    get(level, name, &value, sizeof value);
    return value;
}

int command_of(const io_uring_sqe& sqe, socket_options& options, socket_facts facts) {
    unsigned level_and_name[2];
    std::memcpy(level_and_name, &sqe.addr, sizeof level_and_name);
    const int level = static_cast<int>(level_and_name[0]);
    const int name = static_cast<int>(level_and_name[1]);
    auto* value = pointer<void>(sqe.addr3);
    if (sqe.cmd_op == SOCKET_URING_OP_SETSOCKOPT)
        return options.set(level, name, value, sqe.file_index);
    if (sqe.cmd_op == SOCKET_URING_OP_GETSOCKNAME) {
        const endpoint* which = sqe.file_index == 0 ? facts.local : facts.remote;
        if (which == nullptr)
            return -ENOTCONN;
        show(*which, facts.family, pointer<void>(sqe.addr), pointer<socklen_t>(sqe.addr3));
        return 0;
    }
    if (sqe.cmd_op != SOCKET_URING_OP_GETSOCKOPT)
        return -EOPNOTSUPP;
    if (level == SOL_SOCKET) {
        const auto give = [&](int number) { options.set(level, name, &number, sizeof number); };
        if (name == SO_ERROR)
            give(std::exchange(*facts.error, 0));
        else if (name == SO_TYPE)
            give(facts.type);
        else if (name == SO_DOMAIN)
            give(facts.family);
        else if (name == SO_ACCEPTCONN)
            give(facts.listening);
    }
    return options.get(level, name, value, sqe.file_index);
}

int stream::perform(const io_uring_sqe& sqe) {
    endpoint to;
    switch (sqe.opcode) {
        case IORING_OP_BIND: {
            const int wrong = parse(pointer<void>(sqe.addr), static_cast<socklen_t>(sqe.off), to);
            return wrong < 0 ? wrong : to.family != family_ ? -EAFNOSUPPORT : bind(to);
        }
        case IORING_OP_LISTEN: return listen(static_cast<int>(sqe.len));
        case IORING_OP_CONNECT: {
            const int wrong = parse(pointer<void>(sqe.addr), static_cast<socklen_t>(sqe.off), to);
            return wrong < 0 ? wrong : call(to);
        }
        case IORING_OP_SHUTDOWN: return shutdown(static_cast<int>(sqe.len));
        case IORING_OP_URING_CMD:
            return command_of(sqe, options_,
                              {.family = family_,
                               .type = SOCK_STREAM,
                               .listening = phase_ == phase::listening,
                               .error = &error_,
                               .local = &local_,
                               .remote = phase_ == phase::connected ? &remote_ : nullptr});
        default: return -EOPNOTSUPP;
    }
}

// --- the kernel --------------------------------------------------------------------------------------

int simulator::perform(const io_uring_sqe& sqe) noexcept {
    process* owner = machines_.owner(sqe.fd);
    process& who = owner != nullptr ? *owner : machines_.process_of(sqe.personality);
    int result = -EOPNOTSUPP;
    switch (sqe.opcode) {
        case IORING_OP_SOCKET: result = make_socket(who, sqe.fd, static_cast<int>(sqe.off)); break;
        case IORING_OP_CLOSE: result = machines_.close(sqe.fd); break;
        case IORING_OP_PIPE: result = make_pipe(who, pointer<int>(sqe.addr)); break;
        case IORING_OP_OPENAT:
        case IORING_OP_STATX:
        case IORING_OP_UNLINKAT: result = work_on_path(*this, who, sqe).res; break;
        case IORING_OP_SENDMSG:
        case IORING_OP_RECV:
        case IORING_OP_RECVMSG:
        case IORING_OP_ACCEPT: result = attempt_now(who, sqe); break;
        default:
            if (const auto on = machines_.open(sqe.fd))
                result = on->perform(sqe);
            else
                result = owner != nullptr ? -EIO : -EBADF;
    }
    note(who, name_of(sqe.opcode), 0, result);
    return result;
}

/// An operation that is only tried.
int simulator::attempt_now(process& who, const io_uring_sqe& sqe) {
    pending once;
    *once.sqe = sqe;
    once.who = &who;
    once.on = machines_.open(sqe.fd);
    if (once.on == nullptr)
        return -EBADF;
    const auto tried = once.on->attempt(once);
    return tried ? tried->res : -EAGAIN;
}

int simulator::make_pipe(process& who, int* ends) {
    if (!who.alive)
        return -EIO;
    if (dice_.chance(faults_.no_descriptors()))
        return -EMFILE;
    auto [reader, writer] = pipe_end::make(*this);
    const int from = machines_.install(who, std::move(reader));
    if (from < 0)
        return from;
    const int to = machines_.install(who, std::move(writer));
    if (to < 0) {
        machines_.close(from);
        return to;
    }
    ends[0] = from;
    ends[1] = to;
    return 0;
}

int simulator::make_socket(process& who, int family, int type) {
    if (!who.alive)
        return -ENETDOWN;
    if (dice_.chance(faults_.no_descriptors()))
        return -EMFILE;
    if (dice_.chance(faults_.no_memory()))
        return -ENOMEM;
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
        return -EAFNOSUPPORT;
    const int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    std::shared_ptr<object> made;
    if (kind == SOCK_STREAM)
        made = std::make_shared<stream>(*this, who, static_cast<sa_family_t>(family));
    else if (kind == SOCK_DGRAM)
        made = std::make_shared<datagram>(*this, who, static_cast<sa_family_t>(family));
    else
        return -ESOCKTNOSUPPORT;
    return machines_.install(who, std::move(made));
}

}  // namespace ringlet::sim

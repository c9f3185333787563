#include "sim_kernel_private.hpp"

#include "linux_private.hpp"
#include "sim_file_private.hpp"
#include "sim_memory_private.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

namespace ringlet::sim {

std::string_view name_of(unsigned opcode) noexcept {
    switch (opcode) {
        case IORING_OP_NOP: return "nop";
        case IORING_OP_ASYNC_CANCEL: return "cancel";
        case IORING_OP_POLL_ADD: return "poll";
        case IORING_OP_POLL_REMOVE: return "poll remove";
        case IORING_OP_SOCKET: return "socket";
        case IORING_OP_TIMEOUT: return "timeout";
        case IORING_OP_TIMEOUT_REMOVE: return "timeout remove";
        case IORING_OP_CONNECT: return "connect";
        case IORING_OP_ACCEPT: return "accept";
        case IORING_OP_SEND: return "send";
        case IORING_OP_RECV: return "recv";
        case IORING_OP_SENDMSG: return "sendmsg";
        case IORING_OP_RECVMSG: return "recvmsg";
        case IORING_OP_READ: return "read";
        case IORING_OP_WRITE: return "write";
        case IORING_OP_READV: return "readv";
        case IORING_OP_WRITEV: return "writev";
        case IORING_OP_SHUTDOWN: return "shutdown";
        case IORING_OP_CLOSE: return "close";
        case IORING_OP_OPENAT: return "open";
        case IORING_OP_STATX: return "stat";
        case IORING_OP_UNLINKAT: return "unlink";
        case IORING_OP_RENAMEAT: return "rename";
        case IORING_OP_MKDIRAT: return "make folder";
        case IORING_OP_FSYNC: return "sync";
        case IORING_OP_FALLOCATE: return "allocate";
        case IORING_OP_FTRUNCATE: return "truncate";
        case IORING_OP_PIPE: return "pipe";
        case IORING_OP_BIND: return "bind";
        case IORING_OP_LISTEN: return "listen";
        case IORING_OP_URING_CMD: return "command";
        default: return "";
    }
}

namespace {

// A program that is busy for so many turns while the clock stands still will never let it go on.
constexpr std::uint64_t most_idle_turns = 50'000'000;

}  // namespace

simulator::simulator(std::uint64_t seed, const class faults& what_fails)
    : dice_(seed), faults_(what_fails), network_(*this), machines_(*this) {}

simulator::~simulator() {
    if (left_open != nullptr)
        *left_open = machines_.list_descriptors();
    while (!requests_.empty())
        delete &static_cast<pending&>(requests_.pop_front());
}

// --- a turn ------------------------------------------------------------------------------------------

void simulator::turn(time_point until) {
    // What is pushed while these are taken is for the next turn.
    const std::vector<io_uring_sqe> taken = std::exchange(submissions_, {});
    for (const io_uring_sqe& sqe : taken)
        take(sqe);
    for (;;) {
        while (const auto due = agenda_.take(now_))
            due->happen();
        if (deliver() || take_wake() || until <= now_)
            break;
        time_point next = std::min(until, agenda_.next());
        for (const completion_entry& c : completions_)
            next = std::min(next, c.due);
        if (next == never) {
            if (!on_idle || !on_idle())
                woken_.wait(false);
            return;
        }
        now_ = next;
        idle_turns_ = 0;
    }
    if (++idle_turns_ > most_idle_turns)
        throw std::runtime_error("simulation: the program keeps itself busy and never lets time go on");
}

// A futex and no mutex: a signal handler may interrupt whoever holds one.
// Sequentially consistent, because libstdc++ notifies only if it then sees somebody wait.
void simulator::wake() noexcept {
    woken_ = true;
    woken_.notify_one();
}

bool simulator::take_wake() { return woken_.exchange(false); }

// --- requests ----------------------------------------------------------------------------------------

void simulator::take(const io_uring_sqe& sqe) {
    auto& p = *new pending;
    *p.sqe = sqe;
    p.number = ++numbers_;
    p.who = &machines_.process_of(sqe.personality);
    requests_.push_back(p);
    begin(p);
}

void simulator::begin(pending& p) {
    switch (p.sqe->opcode) {
        case IORING_OP_NOP: return finish(p, 0);
        case IORING_OP_ASYNC_CANCEL:
        case IORING_OP_POLL_REMOVE:
        case IORING_OP_TIMEOUT_REMOVE: return cancel(p);
        case IORING_OP_TIMEOUT: return start_timeout(p);
        case IORING_OP_SOCKET:
        case IORING_OP_CLOSE:
        case IORING_OP_PIPE: return finish(p, perform(*p.sqe));
        default: break;
    }
    if (!supports(p.sqe->opcode))
        return finish(p, -EINVAL);
    if (is_about_paths(p.sqe->opcode)) {
        const duration takes = dice_.between(faults_.disk_latency().least, faults_.disk_latency().most);
        return finish_in(takes, p, [this](pending& late) { return work_on_path(*this, *late.who, *late.sqe); });
    }
    // What a program says goes to the real terminal.
    if ((p.sqe->fd == STDOUT_FILENO || p.sqe->fd == STDERR_FILENO) && p.sqe->opcode == IORING_OP_WRITE) {
        const auto written = write(p.sqe->fd, pointer<void>(p.sqe->addr), p.sqe->len);
        return finish(p, written < 0 ? -errno : static_cast<int>(written));
    }
    // Not everybody says on whose behalf, but a descriptor belongs to somebody.
    if (process* owner = machines_.owner(p.sqe->fd))
        p.who = owner;
    p.on = machines_.open(p.sqe->fd);
    if (p.on == nullptr)
        return finish(p, machines_.owner(p.sqe->fd) != nullptr ? -EIO : -EBADF);
    ++p.on->uses;
    if (p.sqe->opcode == IORING_OP_SHUTDOWN || p.sqe->opcode == IORING_OP_BIND || p.sqe->opcode == IORING_OP_LISTEN ||
        p.sqe->opcode == IORING_OP_URING_CMD)
        return finish(p, p.on->perform(*p.sqe));
    if (const auto a = p.sqe->opcode == IORING_OP_POLL_ADD ? p.on->attempt_poll(p) : p.on->attempt(p))
        return finish(p, *a);
    p.on->line.push_back(p);
}

bool simulator::supports(unsigned opcode) const noexcept { return !name_of(opcode).empty(); }

// --- cancelling --------------------------------------------------------------------------------------

void simulator::cancel(pending& asking) {
    const auto& sqe = *asking.sqe;
    const unsigned how = sqe.opcode == IORING_OP_ASYNC_CANCEL ? sqe.cancel_flags : 0;
    constexpr unsigned known = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY;
    const bool any = (how & IORING_ASYNC_CANCEL_ANY) != 0;
    const bool all = any || (how & IORING_ASYNC_CANCEL_ALL) != 0;
    const bool by_descriptor = (how & IORING_ASYNC_CANCEL_FD) != 0;
    const auto on = by_descriptor ? machines_.open(sqe.fd) : nullptr;
    if ((how & ~known) != 0)
        return finish(asking, -EINVAL);
    if (by_descriptor && on == nullptr && sqe.fd > STDERR_FILENO)
        return finish(asking, -EBADF);
    std::vector<pending*> found;
    requests_.for_each([&](in_flight& each) {
        auto& p = static_cast<pending&>(each);
        const bool meant = any || (by_descriptor ? p.on != nullptr && p.on == on : p.sqe->user_data == sqe.addr);
        if (meant && &p != &asking && (all || found.empty()))
            found.push_back(&p);
    });
    const bool late = dice_.chance(faults_.late_cancels());
    int result = all ? static_cast<int>(found.size()) : -ENOENT;
    if (!all && !found.empty())
        result = found[0]->unstoppable || found[0]->asked_to_stop || late ? -EALREADY : 0;
    finish(asking, result);  // before what it ends, as the ring does
    for (pending* p : found)
        end_early(*p, late);
}

/// What a cancel finds is stopped at once, or it runs already and takes its time to notice.
void simulator::end_early(pending& p, bool late) {
    if (p.asked_to_stop || p.unstoppable)
        return;
    p.asked_to_stop = true;
    if (!late)
        return stop(p, ECANCELED);
    const duration later = dice_.between(faults_.cancel_delay().least, faults_.cancel_delay().most);
    const int error = dice_.chance(0.5) ? ECANCELED : EINTR;
    plan(now_ + later, [this, number = p.number, error] {
        if (pending* found = find(number))
            stop(*found, error);
    });
}

void simulator::start_timeout(pending& p) {
    if (p.sqe->off != 0)
        return finish(p, -EINVAL);  // a count of completions, which nobody here asks for
    const auto* time = pointer<const __kernel_timespec>(p.sqe->addr);
    const duration d = std::chrono::seconds(time->tv_sec) + duration(time->tv_nsec);
    const bool absolute = (p.sqe->timeout_flags & IORING_TIMEOUT_ABS) != 0;
    plan(absolute ? time_point(d) : after(now_, d), [this, number = p.number] {
        if (pending* due = find(number))
            finish(*due, -ETIME);
    });
}

pending* simulator::find(std::uint64_t number) {
    pending* found = nullptr;
    requests_.for_each([&](in_flight& each) {
        if (auto& p = static_cast<pending&>(each); p.number == number)
            found = &p;
    });
    return found;
}

void simulator::stop(pending& p, int error) { finish(p, p.moved > 0 ? static_cast<int>(p.moved) : -error); }

void simulator::stop_all_of(const process& who) {
    std::vector<pending*> found;
    requests_.for_each([&](in_flight& each) {
        if (auto& p = static_cast<pending&>(each); p.who == &who && !p.unstoppable)
            found.push_back(&p);
    });
    for (pending* p : found)
        stop(*p, ECANCELED);
}

// --- completions -------------------------------------------------------------------------------------

void simulator::complete(pending& p, answer a) {
    note(*p.who, name_of(p.sqe->opcode), p.number, a.res);
    if (a.res >= 0 && (p.sqe->flags & IOSQE_CQE_SKIP_SUCCESS) != 0 && (a.flags & IORING_CQE_F_MORE) == 0)
        return;
    time_point due = now_;
    if (dice_.chance(faults_.late_completions()))
        due += dice_.between(faults_.completion_delay().least, faults_.completion_delay().most);
    p.answered_until = std::max(due, p.answered_until);
    if (p.sqe->user_data != 0)
        completions_.push_back({p.answered_until, p.number, p.sqe->user_data, a});
}

void simulator::finish(pending& p, answer a) {
    static_cast<in_line&>(p).unlink();
    static_cast<in_flight&>(p).unlink();
    complete(p, a);
    const std::shared_ptr<object> on = std::move(p.on);
    delete &p;
    if (on != nullptr)
        let_go(on);
}

void simulator::finish_in(duration delay, pending& p, std::function<answer(pending&)> work) {
    if (delay == duration())
        return finish(p, work(p));
    p.unstoppable = true;
    plan(now_ + delay, [this, number = p.number, work = std::move(work)] {
        if (pending* late = find(number))
            finish(*late, work(*late));
    });
}

bool simulator::deliver() {
    if (completions_.empty())
        return false;
    std::vector<completion_entry> batch;
    std::erase_if(completions_, [&](const completion_entry& c) {
        if (c.due > now_)
            return false;
        batch.push_back(c);
        return true;
    });
    if (batch.size() > 1 && dice_.chance(faults_.reordering()))
        shuffle(batch);
    for (const completion_entry& c : batch) {
        io_uring_cqe cqe{};
        cqe.user_data = c.user_data;
        cqe.res = c.what.res;
        cqe.flags = c.what.flags;
        completion::deliver(cqe);
    }
    return !batch.empty();
}

/// Different requests complete in any order, the completions of one request in theirs.
void simulator::shuffle(std::vector<completion_entry>& batch) {
    const std::uint64_t salt = dice_.next();
    const auto rank = [salt](std::uint64_t number) { return sim::dice(number ^ salt).next(); };
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t i = 0; i < batch.size(); ++i)
        order.emplace_back(rank(batch[i].number), i);
    std::sort(order.begin(), order.end());
    std::vector<completion_entry> shuffled;
    for (const auto& [drawn, place] : order)
        shuffled.push_back(batch[place]);
    batch = std::move(shuffled);
}

// --- provided buffers --------------------------------------------------------------------------------

io_uring_buf_ring* simulator::provide_buffers(std::uint16_t group, unsigned entries) {
    auto memory = std::make_unique<std::byte[]>(entries * sizeof(io_uring_buf));
    auto* ring = reinterpret_cast<io_uring_buf_ring*>(memory.get());
    io_uring_buf_ring_init(ring);
    buffers_[group] = {std::move(memory), ring, entries, 0};
    return ring;
}

std::optional<simulator::buffer> simulator::select_buffer(unsigned group) {
    const auto found = buffers_.find(group);
    if (found == buffers_.end())
        return std::nullopt;
    buffer_group& g = found->second;
    if (g.head == g.ring->tail)
        return std::nullopt;
    const io_uring_buf& chosen = g.ring->bufs[g.head++ & (g.entries - 1)];
    return buffer{{reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(chosen.addr)), chosen.len},
                  IORING_CQE_F_BUFFER | unsigned(chosen.bid) << IORING_CQE_BUFFER_SHIFT};
}

}  // namespace ringlet::sim

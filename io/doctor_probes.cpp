#include "doctor_probes_private.hpp"

#include "linux_private.hpp"

#include <ringlet/io/fd.hpp>
#include <ringlet/io/uring.hpp>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

namespace ringlet::io {
namespace {

bool takes_setup_flags(unsigned flags) {
    io_uring ring{};
    io_uring_params params{};
    params.flags = flags;
    if (io_uring_queue_init_params(4, &ring, &params) != 0)
        return false;
    io_uring_queue_exit(&ring);
    return true;
}

bool takes_registered_ring() {
    io_uring ring{};
    if (io_uring_queue_init(4, &ring, 0) != 0)
        return false;
    const bool taken = io_uring_register_ring_fd(&ring) == 1;
    io_uring_queue_exit(&ring);
    return taken;
}

/// Asks for one answer and takes it; where the request is unknown that is an error.
struct answered : completion {
    answered() : completion(&arrived) {}
    static void arrived(completion& c, int res, unsigned flags) noexcept {
        auto& self = static_cast<answered&>(c);
        self.first_flags = self.count++ == 0 ? flags : self.first_flags;
        self.last_res = res;
        self.over = (flags & IORING_CQE_F_MORE) == 0;
        if (self.accepts && res >= 0)
            ::close(res);
    }
    unsigned first_flags = 0;
    int count = 0;
    int last_res = 0;
    bool over = false;
    bool accepts = false;
};

bool answers_many(kernel& k, request& what, bool accepts) {
    answered it;
    it.accepts = accepts;
    what->user_data = it.user_data();
    k.push(*what);
    k.turn(time_point::min());
    request stop;
    stop->opcode = IORING_OP_ASYNC_CANCEL;
    stop->fd = -1;
    stop->addr = it.user_data();
    k.push(*stop);
    while (!it.over)
        k.turn(never);
    return (it.first_flags & IORING_CQE_F_MORE) != 0 || it.last_res == -ECANCELED;
}

bool receives_many(kernel& k) {
    io_uring_buf_ring* ring = k.provide_buffers(0, 2);
    int ends[2];
    if (ring == nullptr || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    const fd near(ends[0]);
    const fd far(ends[1]);
    std::array<char, 16> memory{};
    io_uring_buf_ring_add(ring, memory.data(), memory.size(), 0, 1, 0);
    io_uring_buf_ring_advance(ring, 1);
    (void)!::write(far.get(), "x", 1);
    request what;
    io_uring_prep_recv_multishot(&*what, near.get(), nullptr, 0, 0);
    what->flags |= IOSQE_BUFFER_SELECT;
    return answers_many(k, what, false);
}

bool accepts_many(kernel& k) {
    const fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr name{};
    name.sa_family = AF_UNIX;
    if (!listener || bind(listener.get(), &name, sizeof name.sa_family) != 0 || listen(listener.get(), 1) != 0)
        return false;
    request what;
    io_uring_prep_multishot_accept(&*what, listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    return answers_many(k, what, true);
}

/// Whether a read that would wait says so, instead of saying that it cannot tell.
bool pipes_know_nowait() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    const fd in(ends[0]);
    const fd out(ends[1]);
    char byte = 0;
    const iovec into{&byte, 1};
    return preadv2(in.get(), &into, 1, -1, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

bool waits_in_nanoseconds() {
    const fd epoll(epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    const timespec none{};
    return epoll_pwait2(epoll.get(), &event, 1, &none, nullptr) == 0;
}

}  // namespace

int uring_error() {
    try {
        (void)make_uring();
        return 0;
    } catch (const std::system_error& refused) {
        return refused.code().value();
    }
}

std::vector<feature> features_of_uring() {
    std::vector<feature> found;
    const auto add = [&](const char* name, bool on, const char* since, const char* cost) {
        found.push_back({name, on, cost, since});
    };
    io_uring ring{};
    io_uring_params params{};
    if (io_uring_queue_init_params(4, &ring, &params) == 0)
        io_uring_queue_exit(&ring);
    const std::unique_ptr<kernel> k = make_uring();
    add("deferred task work", takes_setup_flags(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN), "6.1",
        "4 to 11 % more CPU per message");
    add("buffer rings and multishot receive", receives_many(*k), "6.0",
        "a request and a buffer of its own for every read");
    add("multishot accept", accepts_many(*k), "5.19", "a request for every accepted connection");
    std::array<std::byte, 64> some{};
    add("registered buffers", k->register_buffer(some) >= 0, "5.19",
        "a tenth more CPU per direct read of a file into a registered_buffer");
    add("registered ring descriptor", takes_registered_ring(), "5.18", "a look-up of the ring at every system call");
    add("submit all", takes_setup_flags(IORING_SETUP_SUBMIT_ALL), "5.18",
        "another system call after a request that fails at once");
    add("no iowait", (params.features & IORING_FEAT_NO_IOWAIT) != 0, "6.15",
        "waiting loops look like waiting for a disk in load and CPU statistics");
    return found;
}

std::vector<feature> features_of_readiness() {
    return {
        {"timeouts in nanoseconds (epoll_pwait2)", waits_in_nanoseconds(), "sleeps end up to 1 ms late", "5.11"},
        {"reads of pipes that do not wait (RWF_NOWAIT)", pipes_know_nowait(),
         "a helper thread for every read and write of a pipe", "6.4"},
        {"io_uring", false,
         "two system calls for every message instead of a share of one, and a helper thread for every file "
         "operation that finds nothing in the cache",
         "5.11"},
    };
}

bool has_lightweight_guards() {
    const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return false;
    const bool installed = madvise(page, size, MADV_GUARD_INSTALL) == 0;
    munmap(page, size);
    return installed;
}

}  // namespace ringlet::io

#include <ringlet/io/pipe.hpp>

#include "linux_private.hpp"

#include <ringlet/io/ops.hpp>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace ringlet::io {
namespace {

// Whether write requests may say RWF_NOSIGNAL (Linux 6.18). Writers of any thread may find out.
std::atomic<bool> kernel_knows_nosignal = true;

/// Keeps SIGPIPE from ending the process where the kernel cannot be told per request. A handler, unlike
/// SIG_IGN, is not inherited by the programs that we start.
void survive_sigpipe() noexcept {
    struct sigaction now{};
    if (sigaction(SIGPIPE, nullptr, &now) != 0 || now.sa_handler != SIG_DFL)
        return;
    now.sa_handler = [](int) {};
    now.sa_flags = SA_RESTART;
    sigaction(SIGPIPE, &now, nullptr);
}

/// Somebody else made it O_NONBLOCK, which read and write requests obey.
bool wants_poll(int res, bool& polling) noexcept {
    if (polling && res >= 0) {
        polling = false;
        return true;
    }
    if (res == -EAGAIN) {
        polling = true;
        return true;
    }
    return false;
}

}  // namespace

std::pair<pipe_reader, pipe_writer> make_pipe() {
    int ends[2];
    if (const int made = pipe_now(ends, O_CLOEXEC); made < 0)
        throw std::system_error(-made, std::system_category(), "make a pipe");
    io::fd read_end(ends[0]);
    io::fd write_end(ends[1]);
    return {pipe_reader(std::move(read_end)), pipe_writer(std::move(write_end))};
}

pipe_writer::pipe_writer(io::fd end, std::string name) : end_(std::move(end), std::move(name)) {}

// --- reading -----------------------------------------------------------------------------------------

void pipe_reader::read_awaiter::prepare(io_uring_sqe* sqe, int fd) noexcept {
    if (polling_)
        io_uring_prep_poll_add(sqe, fd, POLLIN);
    else
        io_uring_prep_read(sqe, fd, into_.data(), length_of(into_.size()), current_position);
}

bool pipe_reader::read_awaiter::answered(int& res) noexcept { return !wants_poll(res, polling_); }

result<std::size_t> pipe_reader::read_awaiter::await_result() const {
    if (const std::error_code failed = error())
        return failed;
    return static_cast<std::size_t>(outcome());
}

// --- writing -----------------------------------------------------------------------------------------

void pipe_writer::write_awaiter::prepare(io_uring_sqe* sqe, int fd) noexcept {
    if (polling_) {
        io_uring_prep_poll_add(sqe, fd, POLLOUT);
        return;
    }
    io_uring_prep_write(sqe, fd, from_.data(), length_of(from_.size()), current_position);
    if ((quiet_ = kernel_knows_nosignal.load(std::memory_order_relaxed)))
        sqe->rw_flags = RWF_NOSIGNAL;
}

bool pipe_writer::write_awaiter::answered(int& res) noexcept {
    if (wants_poll(res, polling_))
        return false;
    if (res == -EOPNOTSUPP && quiet_) {
        survive_sigpipe();
        kernel_knows_nosignal = false;
        return false;
    }
    if (res < 0)
        return true;
    from_ = from_.subspan(static_cast<std::size_t>(res));
    return from_.empty();
}

}  // namespace ringlet::io

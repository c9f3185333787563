#pragma once
// What requests do: system calls that look like their SQEs. attempt() never blocks; block() runs on a
// helper thread and may.

#include "readiness_request_private.hpp"

namespace ringlet::io::readiness {

/// True for operations that this kernel answers, in one way or another.
bool is_known(unsigned opcode) noexcept;

/// True when `fd` in the SQE is the file that the request works on, by which a cancel can name it.
bool works_on_descriptor(unsigned opcode) noexcept;

/// The events of poll(2) after which another attempt makes sense.
std::uint32_t wanted_events(const io_uring_sqe& sqe) noexcept;

/// A descriptor to wait for, and the events of poll(2).
struct awaited {
    int fd;
    std::uint32_t events;
};

/// What a request that has to wait waits for: its descriptor; of the two ends of a splice, one that is not ready,
/// if there is one.
awaited end_to_wait_for(const io_uring_sqe& sqe) noexcept;

/// Also when there is something wrong with it: another attempt will say what.
bool is_ready(const awaited& end) noexcept;

/// One attempt: a result, would_block, needs_thread or try_later.
int attempt(const io_uring_sqe& sqe, progress& so_far) noexcept;

/// The rest of a request, by calls that may block. A splice only tries: would_block when somebody was faster.
int block(pending& p) noexcept;

/// A part of attempt(): receives into `into`, which need not be the SQE's.
int receive(const io_uring_sqe& sqe, void* into, std::size_t size) noexcept;

/// A part of attempt(): accept4(2) that does not wait, whether the listener has O_NONBLOCK or not.
int accept_now(const io_uring_sqe& sqe) noexcept;

/// The events of poll(2) that there are now, 0 for none, or a negative errno.
int poll_now(int fd, std::uint32_t events) noexcept;

/// Whether a descriptor is the socket of a TCP connection.
bool is_tcp(int fd) noexcept;

}  // namespace ringlet::io::readiness

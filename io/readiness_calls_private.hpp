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

/// One attempt: a result, would_block, needs_thread or try_later.
int attempt(const io_uring_sqe& sqe, progress& so_far) noexcept;

/// The rest of a request, by calls that may block.
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

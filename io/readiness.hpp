#pragma once
// The kernel for machines where io_uring is refused (containers, gVisor, old Linux): epoll and plain
// system calls. It answers the same SQEs with the same CQEs. Sockets, pipes and the like are tried
// first and waited for by epoll; what can only block (regular files, paths) runs on helper threads.

#include <ringlet/core/kernel.hpp>

namespace ringlet::io {

/// Throws std::system_error when not even an epoll instance can be had.
std::unique_ptr<kernel> make_readiness();

}  // namespace ringlet::io

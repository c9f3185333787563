#pragma once
// The seam between the loop and whatever answers its requests. It speaks the Linux kernel's own
// vocabulary, io_uring_sqe in and io_uring_cqe out, so that a new operation is a new way to fill an
// SQE and never a new function here. One virtual call per turn; pushing is a plain append.

#include <ringlet/core/time.hpp>

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace ringlet {

/// Whoever put its address into an SQE's user_data: it is told of each CQE with that user_data.
/// It must stay in place until a CQE without IORING_CQE_F_MORE has come.
class completion {
public:
    using function = void (*)(completion&, int res, unsigned flags) noexcept;

    explicit completion(function on_complete) noexcept : on_complete_(on_complete) {}

    std::uint64_t user_data() noexcept { return reinterpret_cast<std::uintptr_t>(this); }

    /// Hands a CQE to the one who asked. user_data 0 means that nobody cares.
    static void deliver(const io_uring_cqe& cqe) noexcept {
        if (cqe.user_data == 0)
            return;
        auto* target = reinterpret_cast<completion*>(static_cast<std::uintptr_t>(cqe.user_data));
        target->on_complete_(*target, cqe.res, cqe.flags);
    }

private:
    function on_complete_;
};

/// A zeroed SQE. It is a class because io_uring_sqe ends in an array without a size, which ISO C++
/// does not allow as a member.
class request {
public:
    request() noexcept { ::new (bytes_) io_uring_sqe(); }
    request(const request& other) noexcept { ::new (bytes_) io_uring_sqe(*other); }
    request& operator=(const request&) = delete;

    io_uring_sqe& operator*() noexcept { return *std::launder(reinterpret_cast<io_uring_sqe*>(bytes_)); }
    io_uring_sqe* operator->() noexcept { return &**this; }
    const io_uring_sqe& operator*() const noexcept {
        return *std::launder(reinterpret_cast<const io_uring_sqe*>(bytes_));
    }

private:
    alignas(io_uring_sqe) std::byte bytes_[sizeof(io_uring_sqe)];
};

class kernel {
public:
    kernel() = default;
    kernel(const kernel&) = delete;
    kernel& operator=(const kernel&) = delete;
    virtual ~kernel() = default;

    /// The only clock.
    virtual time_point now() noexcept = 0;

    /// Takes everything pushed so far, in order; waits until something completes, wake() is called or
    /// `until` has come (a time in the past means: do not wait); delivers every completion there is.
    virtual void turn(time_point until) = 0;

    /// Ends a turn() that waits, or the next one. The only member that other threads may call, and
    /// signal handlers too.
    virtual void wake() noexcept = 0;

    /// The descriptor that an IORING_OP_MSG_RING of another kernel can name to end a turn() here, or -1
    /// when only wake() does.
    virtual int ring_fd() const noexcept { return -1; }

    /// True when time passes only by waiting for it, as in a simulation.
    virtual bool clock_jumps() const noexcept { return false; }

    /// Makes a ring of `entries` (a power of two) buffers known under a group id, to be selected by
    /// SQEs with IOSQE_BUFFER_SELECT. Null when this kernel has none. io_uring_register_buf_ring(3).
    virtual io_uring_buf_ring* provide_buffers(std::uint16_t group, unsigned entries) = 0;

    /// Makes memory known, so that the pages need not be looked up and held at each request that names it
    /// by the buf_index which this gives (IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED). -1 when this
    /// kernel does not take it: ask by address then. io_uring_register_buffers(3).
    virtual int register_buffer(std::span<std::byte>) { return -1; }

    /// Frees a buf_index. What is in flight with it goes on.
    virtual void unregister_buffer(int) noexcept {}

    /// True when the kernel answers this IORING_OP_.
    virtual bool supports(unsigned opcode) const noexcept = 0;

    /// Answers at once a request that never waits: to make, bind, name or close a socket, and the like.
    /// Gives what the CQE would say, a count, a descriptor or a negative errno. By default it is the
    /// system call of that name (defined in io/).
    virtual int perform(const io_uring_sqe& sqe) noexcept;

    /// Appends to the queue that the next turn takes. First in, first out, also for cancels: an
    /// earlier cancel must not reach a later request at the same address.
    void push(const io_uring_sqe& sqe) { submissions_.push_back(sqe); }

    /// Appends a zeroed one, to be filled in before anything else is pushed.
    io_uring_sqe& push() { return submissions_.emplace_back(); }

protected:
    std::vector<io_uring_sqe> submissions_;
};

/// The kernel for this machine: io_uring, or readiness where that is refused. The environment variable
/// RINGLET_KERNEL forces one ("uring", "readiness", "virtual", "sim").
/// Defined in io/, the one link from core upwards. Throws std::system_error that names cause and cure.
std::unique_ptr<kernel> make_kernel();

}  // namespace ringlet

#pragma once
// What a simulated descriptor refers to, and the requests that wait on it. An object answers each
// request by trying: what cannot be answered yet waits in line, and is tried again when the object's
// state has changed. So every operation is one function, whether it waits or not.

#include <ringlet/core/kernel.hpp>
#include <ringlet/core/list.hpp>

#include <memory>
#include <optional>

namespace ringlet::sim {

class simulator;
class object;
struct process;

/// What the CQE will say.
struct answer {
    answer(int result, unsigned cqe_flags = 0) noexcept : res(result), flags(cqe_flags) {}
    int res;
    unsigned flags;
};

/// The two lists that a request is in: all requests, and the line of its object while it waits there.
class in_flight : public hook {};
class in_line : public hook {};

/// A request that was taken and has not been answered for the last time.
struct pending : in_flight, in_line {
    request sqe;
    std::uint64_t number = 0;
    process* who = nullptr;
    std::shared_ptr<object> on;
    std::size_t moved = 0;  // bytes, by a request that goes on until all are moved
    time_point answered_until{};  // its latest completion; later ones must not overtake it
    bool started = false;  // its object has begun something that is under way
    bool unstoppable = false;  // runs on a kernel thread, where a cancel does not reach it
    bool asked_to_stop = false;
};

class object : public std::enable_shared_from_this<object> {
public:
    explicit object(simulator& s) noexcept : sim_(s) {}
    object(const object&) = delete;
    object& operator=(const object&) = delete;
    virtual ~object() = default;

    /// Answers if it can; otherwise the request waits for the next retry. A multishot request posts
    /// what there is and is answered when it ends.
    virtual std::optional<answer> attempt(pending& p) = 0;

    /// Requests that never wait (kernel::perform): a value, or a negative errno.
    virtual int perform(const io_uring_sqe& sqe);

    /// The events of poll(2) that are true now.
    virtual unsigned ready() const noexcept { return 0; }

    /// No descriptor and no request refers to it any more.
    virtual void released() {}

    /// Tries everything that waits, in the order in which it came.
    void retry();

    std::optional<answer> attempt_poll(pending& p);

    list<in_line> line;
    unsigned uses = 0;  // descriptors and requests that refer to it

protected:
    simulator& sim_;
};

}  // namespace ringlet::sim

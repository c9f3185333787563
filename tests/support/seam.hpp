#pragma once
// Talking to a kernel directly, without a loop: push requests, turn, and look at what was answered.

#include <ringlet/core/check.hpp>
#include <ringlet/core/kernel.hpp>
#include <ringlet/io/readiness.hpp>
#include <ringlet/io/uring.hpp>

#include <cerrno>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

namespace seam {

/// One CQE. Whether a socket has more is a hint that only some kernels give.
struct answer {
    int res;
    unsigned flags;

    bool more() const { return (flags & IORING_CQE_F_MORE) != 0; }
    bool has_buffer() const { return (flags & IORING_CQE_F_BUFFER) != 0; }
    unsigned buffer() const { return flags >> IORING_CQE_BUFFER_SHIFT; }

    bool operator==(const answer&) const = default;
    friend std::ostream& operator<<(std::ostream& out, const answer& a) {
        out << a.res;
        if (a.res < 0)
            out << " (" << std::generic_category().message(-a.res) << ")";
        if (a.has_buffer())
            out << " buffer " << a.buffer();
        return out << (a.more() ? " and more" : "");
    }
};

/// What came of one request.
class asked : public ringlet::completion {
public:
    explicit asked(std::vector<std::string>* log, std::string called)
        : completion(&arrived), name(std::move(called)), log_(log) {}

    bool over() const { return over_; }
    const answer& last() const { return answers.at(answers.size() - 1); }

    std::string name;
    std::vector<answer> answers;

private:
    static void arrived(completion& c, int res, unsigned flags) noexcept {
        auto& self = static_cast<asked&>(c);
        ringlet::check(!self.over_, "nothing comes after the final answer");
        self.answers.push_back({res, flags & ~unsigned(IORING_CQE_F_SOCK_NONEMPTY)});
        self.over_ = !self.answers.back().more();
        if (self.log_ != nullptr)
            self.log_->push_back(self.name);
    }

    bool over_ = false;
    std::vector<std::string>* log_;
};

/// "uring" or "readiness"; null when this machine refuses it.
inline std::unique_ptr<ringlet::kernel> make(const std::string& name) {
    if (name == "readiness")
        return ringlet::io::make_readiness();
    try {
        return ringlet::io::make_uring();
    } catch (const std::system_error&) {
        return nullptr;
    }
}

class world {
public:
    explicit world(const std::string& name) : kernel(make(name)) {}
    ~world() {
        if (kernel != nullptr)
            end_all();
    }

    using prepare = std::function<void(io_uring_sqe*)>;

    /// Pushes a request; it is taken by the next turn.
    asked& push(const prepare& fill, std::string name = {}) {
        all_.emplace_back(&order, std::move(name));
        ringlet::request sqe;
        fill(&*sqe);
        sqe->user_data = all_.back().user_data();
        kernel->push(*sqe);
        return all_.back();
    }
    asked& cancel(asked& what, std::string name = {}) {
        return push(
            [&](io_uring_sqe* sqe) {
                io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, nullptr, 0, 0);
                sqe->addr = what.user_data();
            },
            std::move(name));
    }

    void turn(ringlet::duration wait = std::chrono::seconds(5)) {
        kernel->turn(wait == ringlet::duration::zero() ? ringlet::time_point::min() : kernel->now() + wait);
    }

    /// Turns until this request is over.
    const answer& finish(asked& what) {
        const auto limit = kernel->now() + std::chrono::seconds(10);
        while (!what.over() && kernel->now() < limit)
            turn();
        ringlet::check(what.over(), "a request was never answered");
        return what.last();
    }

    /// Turns until nothing more comes by itself.
    void settle(ringlet::duration quiet = std::chrono::milliseconds(2)) {
        for (std::size_t before = SIZE_MAX; before != order.size();) {
            before = order.size();
            turn(ringlet::duration::zero());
            turn(ringlet::duration::zero());
            turn(quiet);
        }
    }

    void end_all() {
        push([](io_uring_sqe* sqe) {
            io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, nullptr, 0, 0);
            sqe->cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
        });
        for (asked& each : all_)
            finish(each);
    }

    std::unique_ptr<ringlet::kernel> kernel;
    std::vector<std::string> order;  // names, as their answers came

private:
    std::deque<asked> all_;
};

/// A ring of buffers and their memory.
class buffers {
public:
    buffers(ringlet::kernel& k, std::uint16_t group, unsigned count, unsigned size)
        : ring_(k.provide_buffers(group, count)), count_(count), size_(size), memory_(count * size) {
        for (unsigned i = 0; i < count; ++i)
            give(i);
    }

    void give(unsigned index) {
        io_uring_buf_ring_add(ring_, &memory_[std::size_t(index) * size_], size_, static_cast<unsigned short>(index),
                              static_cast<int>(count_ - 1), 0);
        io_uring_buf_ring_advance(ring_, 1);
    }
    std::string text(const answer& a) const {
        return {&memory_[std::size_t(a.buffer()) * size_], static_cast<std::size_t>(a.res)};
    }

private:
    io_uring_buf_ring* ring_;
    unsigned count_;
    unsigned size_;
    std::vector<char> memory_;
};

}  // namespace seam

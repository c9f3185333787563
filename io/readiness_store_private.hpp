#pragma once
// All pending requests of one kernel: their memory, reused without allocation, and an index by
// user_data, since a cancel names its target so and must not walk a hundred thousand connections.

#include "readiness_request_private.hpp"

#include <deque>
#include <vector>

namespace ringlet::io::readiness {

class store {
public:
    pending& add(const io_uring_sqe& sqe, const progress& so_far);

    /// It must be in no list any more.
    void remove(pending& p) noexcept;

    std::size_t size() const noexcept { return size_; }

    /// Calls `fn(pending&)` for each with this user_data; stops when it gives true.
    template <class Fn>
    void find(std::uint64_t user_data, Fn fn) {
        for (pending* p = buckets_[bucket(user_data)]; p != nullptr; p = p->next_alike)
            if (p->sqe->user_data == user_data && fn(*p))
                return;
    }

    /// Calls `fn(pending&)` for each; stops when it gives true.
    template <class Fn>
    void find_any(Fn fn) {
        for (pending* chain : buckets_)
            for (pending* p = chain; p != nullptr; p = p->next_alike)
                if (fn(*p))
                    return;
    }

private:
    std::size_t bucket(std::uint64_t user_data) const noexcept {
        // Mostly addresses: the low bits say little.
        return (user_data * 0x9e3779b97f4a7c15U) >> shift_;
    }
    void grow();

    std::deque<pending> memory_;
    pending* free_ = nullptr;  // chained by next_alike
    std::vector<pending*> buckets_ = std::vector<pending*>(64);
    unsigned shift_ = 64 - 6;
    std::size_t size_ = 0;
};

}  // namespace ringlet::io::readiness

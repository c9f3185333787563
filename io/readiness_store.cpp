#include "readiness_store_private.hpp"

#include <utility>

namespace ringlet::io::readiness {

pending& store::add(const io_uring_sqe& sqe, const progress& so_far) {
    if (size_ == buckets_.size())
        grow();
    pending& p = free_ != nullptr ? *free_ : memory_.emplace_back();
    if (free_ != nullptr)
        free_ = free_->next_alike;
    *p.sqe = sqe;
    p.so_far = so_far;
    p.where = pending::place::nowhere;
    p.stop.store(false, std::memory_order_relaxed);
    pending*& chain = buckets_[bucket(sqe.user_data)];
    p.next_alike = std::exchange(chain, &p);
    ++size_;
    return p;
}

void store::remove(pending& p) noexcept {
    pending** link = &buckets_[bucket(p.sqe->user_data)];
    while (*link != &p)
        link = &(*link)->next_alike;
    *link = p.next_alike;
    --size_;
    p.next_alike = std::exchange(free_, &p);  // its memory is still warm
}

void store::grow() {
    std::vector<pending*> old(2 * buckets_.size());
    old.swap(buckets_);
    --shift_;
    for (pending* chain : old)
        while (chain != nullptr) {
            pending* p = std::exchange(chain, chain->next_alike);
            pending*& head = buckets_[bucket(p->sqe->user_data)];
            p->next_alike = std::exchange(head, p);
        }
}

}  // namespace ringlet::io::readiness

#pragma once
// What will happen in the simulated world, by time; at equal times in the order of planning.

#include <ringlet/core/time.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace ringlet::sim {

class happening : public std::enable_shared_from_this<happening> {
public:
    happening() = default;
    happening(const happening&) = delete;
    happening& operator=(const happening&) = delete;
    virtual ~happening() = default;
    virtual void happen() = 0;
};

class agenda {
public:
    time_point next() const noexcept { return heap_.empty() ? never : heap_.front().when; }

    void plan(time_point when, std::shared_ptr<happening> what) {
        heap_.push_back({when, planned_++, std::move(what)});
        std::push_heap(heap_.begin(), heap_.end());
    }

    /// The one whose time has come first; null when none has at `now`.
    std::shared_ptr<happening> take(time_point now) {
        if (next() > now)
            return nullptr;
        std::pop_heap(heap_.begin(), heap_.end());
        std::shared_ptr<happening> what = std::move(heap_.back().what);
        heap_.pop_back();
        return what;
    }

private:
    struct entry {
        time_point when;
        std::uint64_t order;
        std::shared_ptr<happening> what;
        bool operator<(const entry& other) const noexcept {
            return when != other.when ? when > other.when : order > other.order;
        }
    };
    std::vector<entry> heap_;
    std::uint64_t planned_ = 0;
};

}  // namespace ringlet::sim

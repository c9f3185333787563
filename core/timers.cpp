#include <ringlet/core/timers.hpp>

#include <ringlet/core/check.hpp>

#include <utility>

namespace ringlet {
namespace {

constexpr std::size_t fan_out = 4;

}  // namespace

timer::~timer() { check(!armed(), "a timer was destroyed while it was armed"); }

void timer_heap::arm(timer& t, time_point when) {
    check(!t.armed(), "a timer is armed once at a time");
    if (when == never)
        return;
    if (firing_ && when <= *firing_) {
        postponed_.push_back({when, &t});
        t.place_ = timer::postponed;
        return;
    }
    heap_.push_back({});
    t.order_ = armed_++;
    sift_up(heap_.size() - 1, {when, &t});
}

void timer_heap::disarm(timer& t) noexcept {
    if (!t.armed())
        return;
    const std::size_t hole = std::exchange(t.place_, timer::nowhere);
    if (hole == timer::postponed) {
        std::erase_if(postponed_, [&t](const entry& e) { return e.node == &t; });
        return;
    }
    const entry last = heap_.back();
    heap_.pop_back();
    if (hole == heap_.size())
        return;
    if (hole > 0 && last.before(heap_[(hole - 1) / fan_out]))
        sift_up(hole, last);
    else
        sift_down(hole, last);
}

void timer_heap::fire_due(time_point now) noexcept {
    firing_ = now;
    while (!heap_.empty() && heap_.front().when <= now) {
        timer& t = *heap_.front().node;
        disarm(t);
        t.on_fire_(t);
    }
    firing_.reset();
    for (const entry& e : postponed_) {
        e.node->place_ = timer::nowhere;
        arm(*e.node, e.when);
    }
    postponed_.clear();
}

void timer_heap::place(std::size_t at, const entry& e) noexcept {
    heap_[at] = e;
    e.node->place_ = static_cast<std::uint32_t>(at);
}

void timer_heap::sift_up(std::size_t at, const entry& e) noexcept {
    while (at > 0) {
        const std::size_t parent = (at - 1) / fan_out;
        if (!e.before(heap_[parent]))
            break;
        place(at, heap_[parent]);
        at = parent;
    }
    place(at, e);
}

void timer_heap::sift_down(std::size_t at, const entry& e) noexcept {
    const std::size_t size = heap_.size();
    for (;;) {
        const std::size_t first = at * fan_out + 1;
        if (first >= size)
            break;
        const std::size_t end = first + fan_out < size ? first + fan_out : size;
        std::size_t least = first;
        for (std::size_t child = first + 1; child < end; ++child)
            if (heap_[child].before(heap_[least]))
                least = child;
        if (!heap_[least].before(e))
            break;
        place(at, heap_[least]);
        at = least;
    }
    place(at, e);
}

}  // namespace ringlet

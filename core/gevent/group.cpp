#include <ringlet/core/gevent/group.hpp>

#include <ringlet/core/gevent/wait.hpp>

#include <algorithm>

namespace ringlet::gevent {

TrackedGreenlets::TrackedGreenlets(std::optional<std::size_t> limit) : state_(std::make_shared<state>()) {
    state_->none_left.set();
    state_->limit = limit;
    if (limit)
        state_->room.emplace(*limit);
}

bool TrackedGreenlets::find(const std::vector<AnyGreenlet>& all, const AnyGreenlet& g) noexcept {
    return std::ranges::find(all, g) != all.end();
}

void TrackedGreenlets::add(AnyGreenlet g, bool blocking, interval timeout) const {
    const auto held = state_;  // `this` may go meanwhile
    state& s = *held;
    if (s.room && !s.room->acquire(blocking, timeout))
        throw PoolFull();
    if (find(s.greenlets, g)) {
        if (s.room)
            s.room->release();
        return;
    }
    const std::size_t before = s.greenlets.size();
    try {
        s.greenlets.push_back(g);
        s.links.push_back(0);
        s.links.back() = g.state().add_link([held](greenlet_base& over) { forget(*held, over); });
    } catch (...) {  // out of memory
        s.greenlets.resize(before);
        s.links.resize(before);
        if (s.room)
            s.room->release();
        throw;
    }
    s.none_left.clear();
}

/// Gives the number of its link.
std::uint64_t TrackedGreenlets::forget(state& s, const AnyGreenlet& g) {
    std::uint64_t link = 0;
    if (const auto at = std::ranges::find(s.greenlets, g); at != s.greenlets.end()) {
        const auto link_at = s.links.begin() + (at - s.greenlets.begin());
        link = *link_at;
        s.links.erase(link_at);
        s.greenlets.erase(at);
    }
    std::erase(s.dying, g);
    if (s.greenlets.empty())
        s.none_left.set();
    if (s.room && link != 0)
        s.room->release();
    return link;
}

void TrackedGreenlets::discard(const AnyGreenlet& g) const { g.unlink(forget(*state_, g)); }

bool TrackedGreenlets::join(interval timeout, bool raise_error) const {
    const std::vector<AnyGreenlet> now = raise_error ? state_->greenlets : std::vector<AnyGreenlet>();
    const bool in_time = state_->none_left.wait(timeout);
    for (const AnyGreenlet& g : now)
        if (auto error = g.exception())
            std::rethrow_exception(error);
    return in_time;
}

void TrackedGreenlets::kill(std::exception_ptr exception, bool block, interval timeout) const {
    const auto held = state_;
    within(block ? timeout : interval(), [&] {
        while (!held->greenlets.empty()) {
            for (const AnyGreenlet& g : std::vector<AnyGreenlet>(held->greenlets))
                if (!find(held->dying, g)) {
                    g.kill(exception, false);
                    held->dying.push_back(g);
                }
            if (!block)
                return;
            joinall(held->greenlets);
        }
    });
}

void TrackedGreenlets::killone(const AnyGreenlet& g, std::exception_ptr exception, bool block,
                               interval timeout) const {
    if (find(state_->dying, g) || !contains(g))
        return;
    g.kill(std::move(exception), false);
    state_->dying.push_back(g);
    if (block)
        g.join(timeout);
}

std::size_t TrackedGreenlets::free_count() const noexcept {
    if (!state_->limit)
        return 1;
    return *state_->limit - std::min(*state_->limit, size());
}

std::size_t TrackedGreenlets::wait_available(interval timeout) const {
    return state_->room ? state_->room->wait(timeout) : 1;
}

}  // namespace ringlet::gevent

#include "sim_network_private.hpp"

#include "sim_kernel_private.hpp"
#include "sim_stream_private.hpp"

#include <algorithm>

namespace ringlet::sim {
namespace {

// How long TCP may sleep between two attempts to retransmit (TCP_RTO_MAX).
constexpr duration longest_backoff = 120s;

}  // namespace

// --- lanes -------------------------------------------------------------------------------------------

void lane::put(parcel p) {
    if (!from_->up)
        return;
    const std::size_t size = p.bytes.size() + 64;
    const time_point earliest = queue_.empty() ? sim_.now() : queue_.back().arrival;
    p.arrival = std::max(earliest, local_ ? sim_.now() : sim_.network().arrival(*from_, *to_, size));
    queue_.push_back(std::move(p));
    if (queue_.size() == 1 && !held_)
        sim_.plan(queue_.front().arrival, std::static_pointer_cast<lane>(shared_from_this()));
}

void lane::cut() noexcept {
    queue_.clear();
    held_ = false;
    ++times_held_;
}

void lane::happen() {
    if (queue_.empty() || held_)
        return;
    if (queue_.front().arrival > sim_.now()) {
        return;
    }
    if (!local_ && sim_.network().parted(*from_, *to_)) {
        hold();
        return;
    }
    parcel p = std::move(queue_.front());
    queue_.pop_front();
    if (!queue_.empty())
        sim_.plan(queue_.front().arrival, std::static_pointer_cast<lane>(shared_from_this()));
    deliver(std::move(p));
}

void lane::hold() {
    held_ = true;
    held_since_ = sim_.now();
    const auto self = std::static_pointer_cast<lane>(shared_from_this());
    sim_.network().add_held(self);
    const bool calling = queue_.front().what == parcel::kind::call;
    const duration patience = calling ? sim_.faults().give_up_connecting() : sim_.faults().give_up_sending();
    sim_.plan(after(sim_.now(), patience), [self, time = ++times_held_] {
        if (!self->held_ || self->times_held_ != time)
            return;
        self->cut();
        if (const auto s = self->sender.lock())
            s->fail(ETIMEDOUT);
    });
}

void lane::go_on() {
    if (!held_ || queue_.empty())
        return;
    held_ = false;
    const duration waited = std::min(sim_.now() - held_since_, longest_backoff);
    const time_point arrival =
        sim_.now() + sim_.dice().between({}, waited) + (sim_.network().arrival(*from_, *to_, 64) - sim_.now());
    for (parcel& p : queue_)
        p.arrival = std::max(p.arrival, arrival);
    sim_.plan(queue_.front().arrival, std::static_pointer_cast<lane>(shared_from_this()));
}

void lane::deliver(parcel p) {
    if (p.what == parcel::kind::call) {
        stream::answer_call(sim_, std::static_pointer_cast<lane>(shared_from_this()));
        return;
    }
    const auto there = receiver.lock();
    if (there != nullptr && !there->gone()) {
        there->arrive(std::move(p));
        return;
    }
    // Nobody is there any more, and says so.
    if (p.what == parcel::kind::data || p.what == parcel::kind::end || p.what == parcel::kind::answer_call)
        if (const auto reverse = back.lock())
            reverse->put({parcel::kind::reset, {}});
}

// --- the network -------------------------------------------------------------------------------------

network::way_key network::key(const machine& from, const machine& to) noexcept { return {from.number, to.number}; }

bool network::parted(const machine& from, const machine& to) const noexcept {
    if (!to.up)
        return true;
    if (ways_.empty())
        return false;
    const auto found = ways_.find(key(from, to));
    return found != ways_.end() && found->second.cut;
}

void network::join(machine& a, machine& b) {
    ways_[key(a, b)].cut = ways_[key(b, a)].cut = false;
    recheck();
}

void network::join_all() {
    for (auto& [ends, between] : ways_)
        between.cut = false;
    recheck();
}

time_point network::arrival(const machine& from, const machine& to, std::size_t bytes) {
    if (&from == &to)
        return sim_.now();
    const faults& f = sim_.faults();
    time_point sent = sim_.now();
    if (f.bandwidth() != 0) {
        way& w = ways_[key(from, to)];
        w.free_at = std::max(w.free_at, sent) + duration(bytes * 1'000'000'000 / f.bandwidth());
        sent = w.free_at;
    }
    return sent + sim_.dice().between(f.latency().least, f.latency().most);
}

void network::recheck() {
    std::vector<std::weak_ptr<lane>> still_held;
    for (const auto& each : std::exchange(held_, {}))
        if (const auto l = each.lock(); l != nullptr && l->held()) {
            if (parted(l->from(), l->to()))
                still_held.push_back(l);
            else
                l->go_on();
        }
    held_.insert(held_.end(), still_held.begin(), still_held.end());
}

void network::forget_held(const machine& from) {
    for (const auto& each : held_)
        if (const auto l = each.lock(); l != nullptr && &l->from() == &from)
            l->cut();
}

}  // namespace ringlet::sim

#pragma once
// How bytes travel between simulated hosts. A lane is one direction of a connection: what is put in at
// one end comes out at the other in order, after the latency. While two hosts are parted, lanes
// between them hold what they carry, as a TCP that retransmits, and give up after a while. Datagrams
// have no lane: they are lost, doubled and overtaken.

#include "sim_events_private.hpp"
#include "sim_object_private.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace ringlet::sim {

class simulator;
class stream;
struct machine;

/// What travels on a lane.
struct parcel {
    enum class kind : std::uint8_t { call, answer_call, confirm, data, end, reset, room };

    kind what;
    std::vector<std::byte> bytes;  // of data
    std::size_t count = 0;  // of room: bytes that were read at the other end; of end: 1 when closed
    time_point arrival{};
};

class lane : public happening {
public:
    lane(simulator& s, machine& from, machine& to, bool local) noexcept
        : sim_(s), from_(&from), to_(&to), local_(local) {}

    void put(parcel p);

    /// Lets go of everything under way; nothing more arrives.
    void cut() noexcept;

    /// The hosts are no longer parted: what was held arrives, after a while for the retransmission.
    void go_on();

    machine& from() const noexcept { return *from_; }
    machine& to() const noexcept { return *to_; }
    bool held() const noexcept { return held_; }

    std::weak_ptr<stream> sender;
    std::weak_ptr<stream> receiver;
    std::weak_ptr<lane> back;
    std::size_t used = 0;  // of the window: bytes sent that the sender does not know to be read
    std::size_t unread = 0;  // bytes that the receiver has read and not told of
    bool starved = false;  // the sender waits for room

private:
    void happen() override;
    void hold();
    void deliver(parcel p);

    simulator& sim_;
    machine* from_;
    machine* to_;
    bool local_;  // within one host, which takes no time
    bool held_ = false;
    unsigned times_held_ = 0;
    time_point held_since_{};
    std::deque<parcel> queue_;
};

class network {
public:
    explicit network(simulator& s) noexcept : sim_(s) {}

    /// Cuts or joins the way between two hosts, both directions.
    void part(machine& a, machine& b) { ways_[key(a, b)].cut = ways_[key(b, a)].cut = true; }
    void join(machine& a, machine& b);
    void join_all();

    bool parted(const machine& from, const machine& to) const noexcept;

    /// When `bytes` put on the way now arrive.
    time_point arrival(const machine& from, const machine& to, std::size_t bytes);

    void add_held(std::weak_ptr<lane> l) { held_.push_back(std::move(l)); }
    /// Lets lanes that are held and no longer parted go on.
    void recheck();

    /// Everything that a host which crashed had not sent yet is gone.
    void forget_held(const machine& from);

private:
    struct way {
        bool cut = false;
        time_point free_at{};
    };
    using way_key = std::pair<std::uint32_t, std::uint32_t>;
    static way_key key(const machine& from, const machine& to) noexcept;

    simulator& sim_;
    std::map<way_key, way> ways_;
    std::vector<std::weak_ptr<lane>> held_;
};

}  // namespace ringlet::sim

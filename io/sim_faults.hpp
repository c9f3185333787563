#pragma once
// What may go wrong in a simulated world, and how often. Nothing does by default. A swarm draws from a
// seed which kinds of fault a run has at all, and then how frequent each is: a run in which everything
// fails finds less than many runs that each lack something.

#include <ringlet/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace ringlet::sim {

/// A range of times, both ends included; each use draws from it.
class span_of_time {
public:
    constexpr span_of_time() noexcept = default;
    constexpr span_of_time(std::convertible_to<any_duration> auto exactly) noexcept
        : span_of_time(exactly, exactly) {}
    constexpr span_of_time(any_duration from, any_duration to) noexcept : least(from), most(to) {}

    duration least{};
    duration most{};
};

/// Options. Those of type double are probabilities for each occasion, from 0 to 1.
class faults {
public:
    faults() noexcept = default;

    /// Draws kinds and frequencies; the same seed draws the same.
    static faults swarm(std::uint64_t seed);

    /// The same of faults that lose nothing and fail nothing, but try a program's patience: short counts,
    /// late and reordered completions, late cancels, requests that end early, small windows.
    static faults harmless_swarm(std::uint64_t seed);

    // --- the kernel ---

    /// A read or write moves less than it could.
    faults& short_counts(double value) noexcept {
        short_counts_ = value;
        return *this;
    }
    /// The completions of one turn come in another order than they happened.
    faults& reordering(double value) noexcept {
        reordering_ = value;
        return *this;
    }
    /// A completion is held back, for so long.
    faults& late_completions(double value) noexcept {
        late_completions_ = value;
        return *this;
    }
    faults& completion_delay(span_of_time value) noexcept {
        completion_delay_ = value;
        return *this;
    }
    /// A cancel is answered EALREADY, and what it meant goes on for so long, perhaps to its success.
    faults& late_cancels(double value) noexcept {
        late_cancels_ = value;
        return *this;
    }
    faults& cancel_delay(span_of_time value) noexcept {
        cancel_delay_ = value;
        return *this;
    }
    /// A multishot request ends although it could go on.
    faults& multishot_ends(double value) noexcept {
        multishot_ends_ = value;
        return *this;
    }
    /// ENOBUFS where a buffer is to be selected.
    faults& no_buffers(double value) noexcept {
        no_buffers_ = value;
        return *this;
    }
    /// EMFILE where a descriptor is to be made.
    faults& no_descriptors(double value) noexcept {
        no_descriptors_ = value;
        return *this;
    }
    /// ENOMEM where a socket is to be made or written to.
    faults& no_memory(double value) noexcept {
        no_memory_ = value;
        return *this;
    }

    // --- the network between hosts; what a host says to itself takes no time and is not lost ---

    /// From one host to another, one way.
    faults& latency(span_of_time value) noexcept {
        latency_ = value;
        return *this;
    }
    /// Bytes per second from one host to another; 0 is no limit.
    faults& bandwidth(std::uint64_t value) noexcept {
        bandwidth_ = value;
        return *this;
    }
    /// A TCP segment breaks its connection: both sides see ECONNRESET.
    faults& resets(double value) noexcept {
        resets_ = value;
        return *this;
    }
    /// A write travels in several pieces, each with a latency of its own.
    faults& fragments(double value) noexcept {
        fragments_ = value;
        return *this;
    }
    /// A datagram is lost. TCP retransmits, and is lost only to a partition.
    faults& loss(double value) noexcept {
        loss_ = value;
        return *this;
    }
    /// A datagram arrives twice.
    faults& duplication(double value) noexcept {
        duplication_ = value;
        return *this;
    }
    /// A datagram takes so much longer, and others overtake it.
    faults& overtaking(double value) noexcept {
        overtaking_ = value;
        return *this;
    }
    faults& overtaking_delay(span_of_time value) noexcept {
        overtaking_delay_ = value;
        return *this;
    }
    /// What one side of a connection has sent and the other has not read.
    faults& window(std::size_t value) noexcept {
        window_ = value;
        return *this;
    }
    /// How long TCP retransmits before ETIMEDOUT (tcp_retries2, tcp(7)).
    faults& give_up_sending(any_duration value) noexcept {
        give_up_sending_ = value;
        return *this;
    }
    /// How long a connect goes on before ETIMEDOUT (tcp_syn_retries, tcp(7)).
    faults& give_up_connecting(any_duration value) noexcept {
        give_up_connecting_ = value;
        return *this;
    }

    // --- disks ---

    /// How long a request to a file takes.
    faults& disk_latency(span_of_time value) noexcept {
        disk_latency_ = value;
        return *this;
    }
    /// EIO.
    faults& disk_errors(double value) noexcept {
        disk_errors_ = value;
        return *this;
    }
    /// Bytes of each host's disk; beyond comes ENOSPC.
    faults& disk_capacity(std::uint64_t value) noexcept {
        disk_capacity_ = value;
        return *this;
    }
    /// ENOSPC for once, as when others fill the disk and empty it again.
    faults& disk_full(double value) noexcept {
        disk_full_ = value;
        return *this;
    }
    /// At a crash, what was not synced is lost or kept; this often a write is kept in part.
    faults& torn_writes(double value) noexcept {
        torn_writes_ = value;
        return *this;
    }

    double short_counts() const noexcept { return short_counts_; }
    double reordering() const noexcept { return reordering_; }
    double late_completions() const noexcept { return late_completions_; }
    const span_of_time& completion_delay() const noexcept { return completion_delay_; }
    double late_cancels() const noexcept { return late_cancels_; }
    const span_of_time& cancel_delay() const noexcept { return cancel_delay_; }
    double multishot_ends() const noexcept { return multishot_ends_; }
    double no_buffers() const noexcept { return no_buffers_; }
    double no_descriptors() const noexcept { return no_descriptors_; }
    double no_memory() const noexcept { return no_memory_; }
    const span_of_time& latency() const noexcept { return latency_; }
    std::uint64_t bandwidth() const noexcept { return bandwidth_; }
    double resets() const noexcept { return resets_; }
    double fragments() const noexcept { return fragments_; }
    double loss() const noexcept { return loss_; }
    double duplication() const noexcept { return duplication_; }
    double overtaking() const noexcept { return overtaking_; }
    const span_of_time& overtaking_delay() const noexcept { return overtaking_delay_; }
    std::size_t window() const noexcept { return window_; }
    duration give_up_sending() const noexcept { return give_up_sending_; }
    duration give_up_connecting() const noexcept { return give_up_connecting_; }
    const span_of_time& disk_latency() const noexcept { return disk_latency_; }
    double disk_errors() const noexcept { return disk_errors_; }
    double disk_full() const noexcept { return disk_full_; }
    std::uint64_t disk_capacity() const noexcept { return disk_capacity_; }
    double torn_writes() const noexcept { return torn_writes_; }

    /// The faults that are on, in words, for reports.
    std::string to_string() const;

private:
    double short_counts_ = 0;
    double reordering_ = 0;
    double late_completions_ = 0;
    span_of_time completion_delay_{10us, 10ms};
    double late_cancels_ = 0;
    span_of_time cancel_delay_{1us, 5ms};
    double multishot_ends_ = 0;
    double no_buffers_ = 0;
    double no_descriptors_ = 0;
    double no_memory_ = 0;
    span_of_time latency_{100us};
    std::uint64_t bandwidth_ = 0;
    double resets_ = 0;
    double fragments_ = 0;
    double loss_ = 0;
    double duplication_ = 0;
    double overtaking_ = 0;
    span_of_time overtaking_delay_{1ms, 50ms};
    std::size_t window_ = 256 * 1024;
    duration give_up_sending_{924s};
    duration give_up_connecting_{127s};
    span_of_time disk_latency_{};
    double disk_errors_ = 0;
    double disk_full_ = 0;
    std::uint64_t disk_capacity_ = UINT64_MAX;
    double torn_writes_ = 0.5;
};

}  // namespace ringlet::sim

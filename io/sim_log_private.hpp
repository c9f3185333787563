#pragma once
// The log of a simulated run. Every event goes into a running hash, which is the run's fingerprint;
// the text of the same events is made only for whoever wants to read it. Events are told by numbers
// and names that a seed fixes, never by addresses.

#include <ringlet/core/time.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace ringlet::sim {

class event_log {
public:
    using sink = std::function<void(std::string_view line)>;

    void set_sink(sink chosen) { sink_ = std::move(chosen); }

    /// "12.000345678 a send #7 = 100": something happened to request or thing `number` on `host`.
    void add(time_point when, std::string_view host, std::string_view what, std::uint64_t number,
             std::int64_t outcome);

    std::uint64_t fingerprint() const noexcept { return hash_; }

private:
    void mix(std::uint64_t word) noexcept {
        hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15;
        hash_ ^= hash_ >> 29;
    }

    std::uint64_t hash_ = 0x243f6a8885a308d3;
    sink sink_;
};

}  // namespace ringlet::sim

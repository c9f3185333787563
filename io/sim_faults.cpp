#include <ringlet/io/sim_faults.hpp>

#include "sim_random_private.hpp"

#include <array>
#include <cstdio>

namespace ringlet::sim {
namespace {

using setter = faults& (faults::*)(double) noexcept;
using getter = double (faults::*)() const noexcept;

struct kind {
    const char* name;
    setter set;
    getter get;
    double most;  // so that a run still gets somewhere
    bool harmless = false;
};

constexpr std::array kinds{
    kind{"short counts", &faults::short_counts, &faults::short_counts, 0.9, true},
    kind{"reordering", &faults::reordering, &faults::reordering, 1, true},
    kind{"late completions", &faults::late_completions, &faults::late_completions, 0.5, true},
    kind{"late cancels", &faults::late_cancels, &faults::late_cancels, 1, true},
    kind{"multishot ends", &faults::multishot_ends, &faults::multishot_ends, 0.5, true},
    kind{"no buffers", &faults::no_buffers, &faults::no_buffers, 0.3},
    kind{"no descriptors", &faults::no_descriptors, &faults::no_descriptors, 0.1},
    kind{"no memory", &faults::no_memory, &faults::no_memory, 0.05},
    kind{"resets", &faults::resets, &faults::resets, 0.05},
    kind{"fragments", &faults::fragments, &faults::fragments, 1, true},
    kind{"loss", &faults::loss, &faults::loss, 0.3},
    kind{"duplication", &faults::duplication, &faults::duplication, 0.3},
    kind{"overtaking", &faults::overtaking, &faults::overtaking, 0.3},
    kind{"disk errors", &faults::disk_errors, &faults::disk_errors, 0.02},
    kind{"disk full", &faults::disk_full, &faults::disk_full, 0.02},
};

/// Rare faults find other bugs than frequent ones, so magnitudes are drawn evenly, not values.
double draw(dice& d, double most) { return most / static_cast<double>(1u << d.below(11)); }

}  // namespace

faults faults::swarm(std::uint64_t seed) {
    dice d(seed);
    faults drawn;
    for (const kind& k : kinds)
        if (d.chance(0.5))
            (drawn.*k.set)(draw(d, k.most));
    if (d.chance(0.7))
        drawn.latency({duration(50us), d.between(50us, 100ms)});
    if (d.chance(0.2))
        drawn.bandwidth(100'000 + d.below(10'000'000));
    if (d.chance(0.3))
        drawn.window(1 + d.below(64 * 1024));
    if (d.chance(0.5))
        drawn.disk_latency({duration(10us), d.between(20us, 200ms)});
    return drawn;
}

faults faults::harmless_swarm(std::uint64_t seed) {
    dice d(seed);
    faults drawn;
    for (const kind& k : kinds)
        if (k.harmless && d.chance(0.5))
            (drawn.*k.set)(draw(d, k.most));
    if (d.chance(0.3))
        drawn.window(1024 + d.below(64 * 1024));
    if (d.chance(0.3))
        drawn.disk_latency({duration(1us), d.between(1us, 1ms)});
    return drawn;
}

std::string faults::to_string() const {
    std::string text;
    const auto add = [&](const char* name, double value, const char* unit = "") {
        char line[60];
        std::snprintf(line, sizeof line, "%s%s %.3g%s", text.empty() ? "" : ", ", name, value, unit);
        text += line;
    };
    const auto add_time = [&](const char* name, const span_of_time& t) {
        add(name, std::chrono::duration<double, std::milli>(t.most).count(), " ms");
    };
    const faults none;
    for (const kind& k : kinds)
        if (const double often = (this->*k.get)(); often > 0)
            add(k.name, often);
    if (latency_.most > none.latency_.most)
        add_time("latency up to", latency_);
    if (bandwidth_ != 0)
        add("bandwidth", static_cast<double>(bandwidth_) / 1e6, " MB/s");
    if (window_ != none.window_)
        add("window", static_cast<double>(window_), " bytes");
    if (disk_latency_.most > duration())
        add_time("disk latency up to", disk_latency_);
    if (disk_capacity_ != none.disk_capacity_)
        add("disk capacity", static_cast<double>(disk_capacity_), " bytes");
    return text.empty() ? "none" : text;
}

}  // namespace ringlet::sim

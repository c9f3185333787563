// Latencies in log-linear buckets: 32 per power of two, so any percentile is
// within 3 % and recording one costs a shift and an increment. Printed sparse,
// as [lower bound in ns, count] pairs, so that the suite can add up slices.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>

namespace load {

class histogram {
public:
    void record(std::uint64_t ns) {
        ++counts_[std::min(index(ns), counts_.size() - 1)];
        ++total_;
    }

    std::uint64_t percentile(double percent) const {
        const double wanted = static_cast<double>(total_) * percent / 100;
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > 0 && static_cast<double>(seen) >= wanted)
                return lower_bound(i);
        }
        return 0;
    }

    void print(std::FILE* out) const {
        const char* separator = "";
        std::fputc('[', out);
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            if (counts_[i] == 0)
                continue;
            std::fprintf(out, "%s[%llu,%llu]", separator, static_cast<unsigned long long>(lower_bound(i)),
                         static_cast<unsigned long long>(counts_[i]));
            separator = ",";
        }
        std::fputc(']', out);
    }

private:
    static constexpr unsigned step_bits = 5;
    static constexpr std::size_t steps = 1U << step_bits;

    // Below `steps` each value has a bucket of its own; above, the top
    // `step_bits` bits after the leading one choose within the power of two.
    static std::size_t index(std::uint64_t ns) {
        if (ns < steps)
            return static_cast<std::size_t>(ns);
        const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - step_bits;
        return (std::size_t{shift} << step_bits) + static_cast<std::size_t>(ns >> shift);
    }

    static std::uint64_t lower_bound(std::size_t index) {
        if (index < 2 * steps)
            return index;
        const std::size_t shift = (index >> step_bits) - 1;
        return static_cast<std::uint64_t>(steps + (index & (steps - 1))) << shift;
    }

    std::array<std::uint64_t, steps * 36> counts_{};  // Past half an hour all in the last one.
    std::uint64_t total_ = 0;
};

}  // namespace load

#pragma once
// The one source of chance in a simulated world: xoshiro256**, seeded through splitmix64. Everything
// that could have gone either way is drawn here, so that a seed fixes a run.

#include <ringlet/core/time.hpp>

#include <array>
#include <cstdint>

namespace ringlet::sim {

class dice {
public:
    explicit dice(std::uint64_t seed) noexcept {
        for (std::uint64_t& word : state_) {
            seed += 0x9e3779b97f4a7c15;
            std::uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            word = z ^ (z >> 31);
        }
    }

    std::uint64_t next() noexcept {
        const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = rotate(state_[3], 45);
        return result;
    }

    /// 0 to bound - 1. The bias of the remainder is below 2^-32 for every bound that occurs here.
    std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }

    /// True this often. An impossible or a certain thing draws nothing, so that a fault which is off
    /// does not change the rest of the run.
    bool chance(double probability) noexcept {
        if (probability <= 0)
            return false;
        if (probability >= 1)
            return true;
        return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
    }

    /// From `least` to `most`, both included.
    duration between(duration least, duration most) noexcept {
        if (most <= least)
            return least;
        return least + duration(below(static_cast<std::uint64_t>((most - least).count()) + 1));
    }

private:
    static constexpr std::uint64_t rotate(std::uint64_t x, int by) noexcept { return (x << by) | (x >> (64 - by)); }

    std::array<std::uint64_t, 4> state_;
};

}  // namespace ringlet::sim

// Which kernel a loop gets.

#include <ringlet/io/readiness.hpp>
#include <ringlet/io/sim.hpp>
#include <ringlet/io/uring.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace ringlet {
namespace {

/// A process without descriptors gets no epoll instance either, so that is an error and no refusal.
bool readiness_may_help(const std::error_code& error) noexcept {
    return error.value() != EMFILE && error.value() != ENFILE;
}

/// Says nothing when it falls back: a container without io_uring is nothing to complain about at every
/// start. `ringlet doctor` tells.
std::unique_ptr<kernel> make_best() {
    try {
        return io::make_uring();
    } catch (const std::system_error& refused) {
        if (!readiness_may_help(refused.code()))
            throw;
    }
    return io::make_readiness();
}

}  // namespace

std::unique_ptr<kernel> make_kernel() {
    const char* chosen = std::getenv("RINGLET_KERNEL");
    const std::string_view name = chosen != nullptr ? chosen : "";
    if (name.empty())
        return make_best();
    if (name == "uring")
        return io::make_uring();
    if (name == "readiness")
        return io::make_readiness();
    if (name == "virtual")
        return io::make_virtual_time();
    if (name == "sim") {
        const char* seed = std::getenv("SIM_SEED");
        const std::uint64_t number = seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
        return sim::make_kernel(number, sim::faults::harmless_swarm(number));
    }
    throw std::invalid_argument("RINGLET_KERNEL=" + std::string(name) +
                                ": there is no such kernel; uring, readiness, virtual and sim are known");
}

}  // namespace ringlet

// Which kernel a loop gets.

#include <ringlet/io/readiness.hpp>
#include <ringlet/io/uring.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace ringlet {

std::unique_ptr<kernel> make_kernel() {
    const char* chosen = std::getenv("RINGLET_KERNEL");
    const std::string_view name = chosen != nullptr ? chosen : "";
    if (name.empty() || name == "uring")
        return io::make_uring();
    if (name == "readiness")
        return io::make_readiness();
    if (name == "virtual")
        return io::make_virtual_time();
    throw std::invalid_argument("RINGLET_KERNEL=" + std::string(name) +
                                ": there is no such kernel; uring, readiness and virtual are known");
}

}  // namespace ringlet

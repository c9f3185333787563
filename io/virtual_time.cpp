#include <ringlet/io/virtual_time.hpp>

#include <ringlet/io/sim.hpp>

namespace ringlet::io {

std::unique_ptr<kernel> make_virtual_time() { return sim::make_kernel(); }

}  // namespace ringlet::io

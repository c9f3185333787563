// Very many sleepers on Boost.Fiber, on stacks of 64 KiB from its pool: its default, a malloc of 128 KiB
// each, is beyond the number of mappings that a process may have.

#include <boost/fiber/all.hpp>

#include "sleepers.hpp"

#include <chrono>
#include <memory>

namespace fibers = boost::fibers;

int main(int argc, char** argv) {
    sleepers all(argc, argv);
    const auto how_long =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(all.seconds));
    fibers::pooled_fixedsize_stack stacks(64 * 1024);
    for (std::size_t i = 0; i < all.count; ++i)
        fibers::fiber(std::allocator_arg, stacks, [&] {
            boost::this_fiber::sleep_for(how_long);
            ++all.awake;
        }).detach();
    boost::this_fiber::yield();
    all.all_sleep();
    while (all.awake < all.count)
        boost::this_fiber::sleep_for(std::chrono::milliseconds(100));
    all.all_awake();
}

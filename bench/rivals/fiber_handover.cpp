// The things of ../handover.cpp on Boost.Fiber.

#include "../timing.hpp"

#include <boost/fiber/all.hpp>

#include <mutex>
#include <vector>

namespace fibers = boost::fibers;

namespace {

constexpr std::size_t crowd = 1000;

}  // namespace

int main(int argc, char** argv) {
    const bench::timing time(argc, argv);
    time.each("queue", 500'000, [](std::size_t n) {
        fibers::buffered_channel<std::size_t> items(2);  // The least it takes; it holds one item less.
        fibers::fiber consumer([&] {
            std::size_t item = 0;
            for (std::size_t i = 0; i < n; ++i)
                items.pop(item);
        });
        fibers::fiber producer([&] {
            for (std::size_t i = 0; i < n; ++i)
                items.push(i);
        });
        consumer.join();
        producer.join();
    });
    fibers::pooled_fixedsize_stack stacks;
    time.each("spawn and join", 300'000, [&](std::size_t n) {
        for (std::size_t i = 0; i < n; ++i)
            fibers::fiber(std::allocator_arg, stacks, [] {}).join();
    });
    time.each("mutex", 300'000, [](std::size_t n) {
        fibers::mutex one;
        const auto lock_and_unlock = [&] {
            for (std::size_t i = 0; i < n / 2; ++i) {
                const std::lock_guard held(one);
                boost::this_fiber::yield();
            }
        };
        fibers::fiber first(lock_and_unlock), second(lock_and_unlock);
        first.join();
        second.join();
    });
    time.each("event", 500'000, [](std::size_t n) {
        fibers::mutex lock;
        fibers::condition_variable event;
        std::size_t times = 0;
        std::vector<fibers::fiber> waiting;
        for (std::size_t i = 0; i < crowd; ++i)
            waiting.emplace_back([&] {
                std::unique_lock held(lock);
                while (times < n / crowd)
                    event.wait(held);
            });
        for (std::size_t i = 0; i < n / crowd; ++i) {
            boost::this_fiber::yield();
            const std::lock_guard held(lock);
            ++times;
            event.notify_all();
        }
        for (auto& each : waiting)
            each.join();
    });
}

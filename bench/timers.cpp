// A hundred thousand and a million timers armed at scattered times, cancelled, and armed again and fired;
// and one armed and cancelled among a hundred thousand, which is what a deadline around a read costs.
// The same on other frameworks is in rivals/.

#include "timing.hpp"

#include <ringlet/core/timers.hpp>

#include <deque>
#include <string>

using namespace ringlet;

namespace {

std::size_t fired = 0;

// Each of the next million microseconds once, in an order that looks like none.
time_point scattered(std::size_t i) { return time_point(std::chrono::microseconds(1 + i * 104'729 % 1'000'003)); }

void many(std::size_t count, const std::string& of) {
    timer_heap heap;
    std::deque<timer> all;
    for (std::size_t i = 0; i < count; ++i)
        all.emplace_back([](timer&) noexcept { ++fired; });
    const auto timed = [count, &of](const char* act, auto work) {
        const double start = bench::cpu_ns();
        work();
        bench::timing::say((act + (" " + of)).c_str(), (bench::cpu_ns() - start) / static_cast<double>(count));
    };
    const auto arm = [&] {
        for (std::size_t i = 0; i < count; ++i)
            heap.arm(all[i], scattered(i));
    };
    timed("arm", arm);
    timed("cancel", [&] {
        for (timer& each : all)
            heap.disarm(each);
    });
    arm();
    timed("fire", [&] { heap.fire_due(time_point(std::chrono::hours(1))); });
}

}  // namespace

int main(int argc, char** argv) {
    const bench::timing time(argc, argv);
    timer_heap heap;
    std::deque<timer> others;
    for (std::size_t i = 0; i < time.scaled(100'000); ++i) {
        others.emplace_back([](timer&) noexcept {});
        heap.arm(others.back(), scattered(i * 7));
    }
    time.each("arm and cancel one among 100k", 1'000'000, [&](std::size_t n) {
        timer one([](timer&) noexcept {});
        for (std::size_t i = 0; i < n; ++i) {
            heap.arm(one, scattered(i));
            heap.disarm(one);
        }
    });
    for (timer& each : others)
        heap.disarm(each);
    many(time.scaled(100'000), "100k");
    many(time.scaled(1'000'000), "1M");
    return fired == time.scaled(100'000) + time.scaled(1'000'000) ? 0 : 1;
}

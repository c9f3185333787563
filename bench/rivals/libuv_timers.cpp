// The things of ../timers.cpp on libuv, whose timers know milliseconds.

#include "../timing.hpp"

#include <uv.h>

#include <string>

namespace {

std::size_t fired = 0;

void fire(uv_timer_t*) { ++fired; }

// Up to a second away. The order is that of ../timers.cpp.
std::uint64_t scattered(std::size_t i) { return (1 + i * 104'729 % 1'000'003) / 1000; }

void many(uv_loop_t* loop, std::size_t count, const std::string& of) {
    std::vector<uv_timer_t> all(count);
    for (uv_timer_t& each : all)
        uv_timer_init(loop, &each);
    const auto timed = [count, &of](const char* act, auto work) {
        const double start = bench::cpu_ns();
        work();
        bench::timing::say((act + (" " + of)).c_str(), (bench::cpu_ns() - start) / static_cast<double>(count));
    };
    const auto arm = [&] {
        for (std::size_t i = 0; i < count; ++i)
            uv_timer_start(&all[i], fire, scattered(i), 0);
    };
    uv_update_time(loop);
    timed("arm", arm);
    timed("cancel", [&] {
        for (uv_timer_t& each : all)
            uv_timer_stop(&each);
    });
    arm();
    const timespec rest{.tv_sec = 1, .tv_nsec = 100'000'000};  // Then all are due, and fire in one turn.
    nanosleep(&rest, nullptr);
    timed("fire", [&] { uv_run(loop, UV_RUN_NOWAIT); });
    for (uv_timer_t& each : all)
        uv_close(reinterpret_cast<uv_handle_t*>(&each), nullptr);
    uv_run(loop, UV_RUN_DEFAULT);
}

}  // namespace

int main(int argc, char** argv) {
    const bench::timing time(argc, argv);
    uv_loop_t* loop = uv_default_loop();
    std::vector<uv_timer_t> others(time.scaled(100'000));
    for (std::size_t i = 0; i < others.size(); ++i) {
        uv_timer_init(loop, &others[i]);
        uv_timer_start(&others[i], fire, 1'000'000 + scattered(i * 7), 0);
    }
    uv_timer_t one;
    uv_timer_init(loop, &one);
    time.each("arm and cancel one among 100k", 1'000'000, [&](std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            uv_timer_start(&one, fire, 1'000'000 + scattered(i), 0);
            uv_timer_stop(&one);
        }
    });
    for (uv_timer_t& each : others)
        uv_close(reinterpret_cast<uv_handle_t*>(&each), nullptr);
    uv_run(loop, UV_RUN_NOWAIT);
    many(loop, time.scaled(100'000), "100k");
    many(loop, time.scaled(1'000'000), "1M");
    return fired == time.scaled(100'000) + time.scaled(1'000'000) ? 0 : 1;
}

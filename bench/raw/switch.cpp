// Times the bare mechanisms of bare.hpp by themselves: what a switch costs on
// this machine before anything of ringlet is added. Prints one JSON object per
// line, as every micro bench does (harness/works/micro.py).

#include "bare.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <string_view>

namespace {

// The best of many short samples: noise only ever adds.
template <typename Fn>
void report(const char* name, int samples, Fn once) {
    constexpr int per_sample = 10'000;
    double best = std::numeric_limits<double>::max();
    for (int i = 0; i < samples; ++i) {
        const auto start = std::chrono::steady_clock::now();
        for (int j = 0; j < per_sample; ++j)
            once();
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
        best = std::min(best, took.count() / per_sample);
    }
    std::printf("{\"name\": \"%s\", \"ns\": %.2f}\n", name, best);
}

}  // namespace

int main(int argc, char** argv) {
    const int samples = argc > 1 && std::string_view(argv[1]) == "--tiny" ? 2 : 500;
    raw::bare_fiber fiber;
    raw::bare_coroutine coroutine = raw::bare_coroutine::endless();
    volatile int sink = 0;
    report("fcontext switch pair", samples, [&] { fiber.switch_pair(); });
    report("coroutine resume and suspend", samples, [&] { coroutine.resume_pair(); });
    report("coroutine create, run, destroy", samples, [&] { sink = raw::bare_task::create_run_destroy(sink); });
}

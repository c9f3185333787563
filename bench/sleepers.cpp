// Very many greenlets that sleep: how the suite drives it is in harness/works/sleepers.py. --fibers puts
// each on a stack of its own, of 64 KiB with a guard below: with the default of 192 KiB a fiber takes 256 bytes
// of page tables more.

#include <ringlet/core/latch.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace ringlet;

namespace {

duration how_long;
std::size_t left;
event all_awake;

void woken() {
    if (--left == 0)
        all_awake.set();
}

task<> sleeper() {
    co_await sleep_for(how_long);
    woken();
}

void sleeper_on_fiber() {
    await(sleep_for(how_long));
    woken();
}

void say(const char* word) {
    std::puts(word);
    std::fflush(stdout);
}

void sleep_all(std::size_t count, bool fibers) {
    left = count;
    say("ready");
    (void)std::getchar();
    for (std::size_t i = 0; i < count; ++i) {
        if (fibers)
            spawn(spawn_options().stack_size(64 * 1024), sleeper_on_fiber);
        else
            spawn(sleeper);
    }
    await(yield());  // all have begun
    if (left < count) {
        std::fprintf(stderr, "some woke before all slept: they must sleep longer\n");
        std::exit(1);
    }
    say("asleep");
    await(all_awake.wait());
    say("awake");
    (void)std::getchar();
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t count = 0;
    bool fibers = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--fibers")
            fibers = true;
        else if (name == "--count" && i + 1 < argc)
            count = std::strtoul(argv[++i], nullptr, 10);
        else if (name == "--seconds" && i + 1 < argc)
            how_long = std::chrono::duration_cast<duration>(std::chrono::duration<double>(std::atof(argv[++i])));
    }
    if (count == 0 || how_long <= duration::zero()) {
        std::fprintf(stderr, "usage: sleepers --count N --seconds S [--fibers]\n");
        return 2;
    }
    run([&] { sleep_all(count, fibers); });
}

// Runs scenarios in simulated worlds, one seed after another, and says how many seeds a second it made:
// ./dev sim --seeds 100000 [--scenario http] [--first 1]. Stops at the first seed that fails, with the
// command that replays it. Where a scenario is mostly waiting it also says how much faster than real
// time it went.

#include "support/sim_client_scenarios.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace ringlet;

namespace {

struct scenario {
    const char* name;
    void (*run)(sim::world& w);
    bool short_and_faulty = true;
};

duration virtual_time{};

template <void (*Run)(sim::world&)>
void timed(sim::world& w) {
    Run(w);
    virtual_time += w.elapsed();
}

constexpr std::array scenarios{
    scenario{"echo", timed<story::echo_under_faults>},
    scenario{"http", timed<story::http_under_faults>},
    scenario{"client", timed<story::client_under_faults>},
    scenario{"downloads", timed<story::downloads_under_faults>},
    scenario{"names", timed<story::names_under_faults>},
    scenario{"files", timed<story::files_under_faults>},
    scenario{"thinkers", timed<story::thinkers>, false},
};

[[noreturn]] void usage() {
    std::fprintf(stderr, "usage: sim_soak [--seeds N] [--first SEED] [--scenario NAME]\nscenarios:");
    for (const scenario& s : scenarios)
        std::fprintf(stderr, " %s", s.name);
    std::fprintf(stderr, "\n");
    std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t count = 1000;
    std::uint64_t first = 1;
    std::string_view only;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        if (name == "--seeds")
            count = std::strtoull(argv[i + 1], nullptr, 10);
        else if (name == "--first")
            first = std::strtoull(argv[i + 1], nullptr, 10);
        else if (name == "--scenario")
            only = argv[i + 1];
        else
            usage();
    }
    if (argc % 2 == 0)
        usage();
    bool known = false;
    for (const scenario& s : scenarios) {
        if (!only.empty() && only != s.name)
            continue;
        known = true;
        virtual_time = {};
        sim::seeds which(s.short_and_faulty ? count : count / 1000 + 1);
        which.first(first);
        if (!s.short_and_faulty)
            which.fail(sim::faults());
        const sim::exploration came = sim::explore(which, s.run);
        if (!came)
            return 1;
        const double faster = std::chrono::duration<double>(virtual_time).count() / came.seconds;
        std::printf("%-10s %8llu seeds, %7.0f a second, %7.0f times real time, fingerprint %016llx\n", s.name,
                    static_cast<unsigned long long>(came.runs), static_cast<double>(came.runs) / came.seconds, faster,
                    static_cast<unsigned long long>(came.fingerprint));
        std::fflush(stdout);
    }
    if (!known)
        usage();
}

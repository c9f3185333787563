// How a program of the work "handover" or "timers" times something: CPU time of the process, the median
// of a few rounds, printed as the suite reads it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

namespace bench {

inline double cpu_ns() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

class timing {
public:
    timing(int argc, char** argv) {
        for (int i = 1; i < argc; ++i)
            tiny_ = tiny_ || std::strcmp(argv[i], "--tiny") == 0;
    }

    bool tiny() const { return tiny_; }
    std::size_t scaled(std::size_t count) const { return tiny_ ? std::max<std::size_t>(count / 1000, 1000) : count; }

    // `work(n)` does something n times.
    template <typename Fn>
    void each(const char* name, std::size_t count, Fn work) const {
        count = scaled(count);
        std::vector<double> samples;
        for (int round = 0; round < (tiny_ ? 1 : 5); ++round) {
            const double start = cpu_ns();
            work(count);
            samples.push_back((cpu_ns() - start) / static_cast<double>(count));
        }
        std::sort(samples.begin(), samples.end());
        say(name, samples[samples.size() / 2]);
    }

    static void say(const char* name, double ns) {
        std::printf("{\"name\": \"%s\", \"ns\": %.2f}\n", name, ns);
        std::fflush(stdout);
    }

private:
    bool tiny_ = false;
};

}  // namespace bench

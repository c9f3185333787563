// The command line and the words of the work "sleepers" (harness/works/sleepers.py), for rivals in C++.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

struct sleepers {
    std::size_t count = 0;
    double seconds = 0;
    bool fibers = false;
    std::size_t awake = 0;

    sleepers(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            if (std::strcmp(argv[i], "--fibers") == 0)
                fibers = true;
            else if (std::strcmp(argv[i], "--count") == 0 && i + 1 < argc)
                count = std::strtoul(argv[++i], nullptr, 10);
            else if (std::strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
                seconds = std::atof(argv[++i]);
        }
        say("ready");
        (void)std::getchar();
    }

    void all_sleep() const {
        if (awake > 0) {
            std::fprintf(stderr, "some woke before all slept: they must sleep longer\n");
            std::exit(1);
        }
        say("asleep");
    }

    void all_awake() const {
        say("awake");
        (void)std::getchar();
    }

    static void say(const char* word) {
        std::puts(word);
        std::fflush(stdout);
    }
};

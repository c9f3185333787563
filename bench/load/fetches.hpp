// What all HTTP clients under comparison have in common: their command line, and how the suite drives
// them. A client keeps its connections; the suite says on stdin when it is its turn:
//
//   run <fetches>
//
// Each turn is answered by one line of JSON. The end of stdin ends the process.
#pragma once

#include <sys/resource.h>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace load {

struct crawl {
    std::uint16_t port = 0;
    std::string page;  // "/1024", always the same.
    std::size_t concurrency = 1;
    bool fibers = false;  // Where a client knows two styles.
    bool keep = false;  // Where it has a choice whether to make anything of a body...
    bool parse = false;  // ... or of a whole answer.

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port) + page; }
};

inline crawl parse_crawl(int argc, char** argv) {
    crawl wanted;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--fibers")
            wanted.fibers = true;
        else if (name == "--keep")
            wanted.keep = true;
        else if (name == "--parse")
            wanted.parse = true;
        else if (i + 1 == argc)
            wanted.port = 0;
        else if (name == "--port")
            wanted.port = static_cast<std::uint16_t>(std::strtoul(argv[++i], nullptr, 10));
        else if (name == "--page")
            wanted.page = argv[++i];
        else if (name == "--concurrency")
            wanted.concurrency = std::strtoul(argv[++i], nullptr, 10);
    }
    if (wanted.port == 0 || wanted.page.empty() || wanted.concurrency == 0) {
        std::fprintf(stderr, "usage: %s --port P --page /BYTES --concurrency N\n", argv[0]);
        std::exit(2);
    }
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return wanted;
}

// Calls fetch(n), which fetches the page n times and gives the bytes of all bodies, at each turn.
template <typename Fn>
void at_each_turn(Fn fetch) {
    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
        if (!line.starts_with("run "))
            throw std::runtime_error("not a command: " + line);
        const std::size_t fetches = std::stoul(line.substr(4));
        const auto start = std::chrono::steady_clock::now();
        const std::size_t bytes = fetch(fetches);
        const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - start;
        std::printf("{\"messages\":%zu,\"elapsed_ns\":%lld,\"bytes\":%zu}\n", fetches,
                    static_cast<long long>(took.count()), bytes);
        std::fflush(stdout);
    }
}

}  // namespace load

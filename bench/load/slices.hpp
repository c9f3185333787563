// The command side of a load generator, the same for every protocol. Either
// one run against each server (`--duration-ms`), or slice mode: connections
// to all servers stay open and the suite says on stdin whose turn it is:
//
//   run <index of the server> <milliseconds>
//
// Each run is answered by one line of JSON. The end of stdin ends the process.
#pragma once

#include "closed_loop.hpp"

#include <sys/resource.h>

#include <charconv>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>

namespace load {

struct arguments {
    std::vector<std::uint16_t> ports;
    std::size_t connections = 50;
    std::size_t size = 64;
    std::size_t depth = 1;
    std::size_t duration_ms = 0;  // 0 asks for slice mode.
};

inline arguments parse(int argc, char** argv) {
    arguments parsed;
    std::map<std::string_view, std::function<void(std::size_t)>> options = {
        {"--connections", [&](std::size_t n) { parsed.connections = n; }},
        {"--size", [&](std::size_t n) { parsed.size = n; }},
        {"--depth", [&](std::size_t n) { parsed.depth = n; }},
        {"--duration-ms", [&](std::size_t n) { parsed.duration_ms = n; }},
        {"--port", [&](std::size_t n) { parsed.ports.push_back(static_cast<std::uint16_t>(n)); }},
    };
    bool good = argc % 2 == 1;
    for (int i = 1; good && i + 1 < argc; i += 2) {
        const std::string_view word = argv[i + 1];
        std::size_t number = 0;
        good = options.contains(argv[i]) && !word.empty() &&
               std::from_chars(word.begin(), word.end(), number).ptr == word.end() && number > 0;
        if (good)
            options[argv[i]](number);
    }
    if (!good || parsed.ports.empty()) {
        std::cerr << "usage: " << argv[0] << " --port P [--port P …] [--connections N] [--size BYTES]"
                  << " [--depth D] [--duration-ms MS]\n"
                  << "without --duration-ms: reads `run <server-index> <ms>` from stdin\n";
        std::exit(2);
    }
    return parsed;
}

inline void print(std::size_t server, const outcome& result) {
    const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
    std::printf(
        "{\"server\":%zu,\"messages\":%llu,\"elapsed_ns\":%llu,"
        "\"p50_ns\":%llu,\"p99_ns\":%llu,\"p999_ns\":%llu,\"histogram\":",
        server, number(result.messages), number(static_cast<std::uint64_t>(result.elapsed.count())),
        number(result.latency.percentile(50)), number(result.latency.percentile(99)),
        number(result.latency.percentile(99.9)));
    result.latency.print(stdout);
    std::puts("}");
    std::fflush(stdout);
}

inline void serve(const arguments& wanted, const shape& traffic) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);

    std::vector<std::unique_ptr<closed_loop>> servers;
    for (const std::uint16_t port : wanted.ports)
        servers.push_back(std::make_unique<closed_loop>(port, traffic));

    if (wanted.duration_ms > 0) {
        for (std::size_t i = 0; i < servers.size(); ++i)
            print(i, servers[i]->run(std::chrono::milliseconds(wanted.duration_ms)));
        return;
    }

    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string verb;
        std::size_t index = 0;
        std::size_t duration_ms = 0;
        if (!(words >> verb >> index >> duration_ms) || verb != "run" || index >= servers.size())
            throw std::runtime_error("not a command: " + line);
        print(index, servers[index]->run(std::chrono::milliseconds(duration_ms)));
    }
}

}  // namespace load

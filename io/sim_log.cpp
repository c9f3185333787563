#include "sim_log_private.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace ringlet::sim {

void event_log::add(time_point when, std::string_view host, std::string_view what, std::uint64_t number,
                    std::int64_t outcome) {
    const std::int64_t ns = when.time_since_epoch().count();
    mix(static_cast<std::uint64_t>(ns));
    mix(number);
    mix(static_cast<std::uint64_t>(outcome));
    for (const std::string_view text : {host, what}) {
        std::uint64_t word = text.size();
        for (const char c : text)
            word = word * 257 + static_cast<unsigned char>(c);
        mix(word);
    }
    if (!sink_)
        return;
    char line[200];
    const int size = std::snprintf(line, sizeof line, "%" PRId64 ".%09" PRId64 " %.*s %.*s #%" PRIu64 " = %" PRId64,
                                   ns / 1'000'000'000, ns % 1'000'000'000, static_cast<int>(host.size()), host.data(),
                                   static_cast<int>(what.size()), what.data(), number, outcome);
    sink_({line, std::min(sizeof line - 1, static_cast<std::size_t>(size))});
}

}  // namespace ringlet::sim

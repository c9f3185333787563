#include "sim_kernel_private.hpp"
#include "sim_replay_private.hpp"

#include <ringlet/core/report.hpp>
#include <ringlet/io/sim.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace ringlet::sim {
namespace {

std::optional<std::uint64_t> number_in_environment(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr || *text == '\0')
        return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

/// What went wrong in one world, or "".
std::string run_one(std::uint64_t seed, const faults& what_fails, const std::function<void(world&)>& body,
                    std::uint64_t& fingerprint) {
    try {
        world w(seed, what_fails);
        if (std::getenv("SIM_LOG") != nullptr)
            w.log_to([](std::string_view line) {
                std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
            });
        std::string error;
        try {
            body(w);
        } catch (const canceled&) {
            error = "deadlock: everybody waits for something that cannot come";
        } catch (...) {
            error = describe(std::current_exception());
        }
        fingerprint = fingerprint * 31 + w.fingerprint();
        try {
            if (error.empty())
                w.finish();
        } catch (const std::runtime_error& left_open) {
            error = left_open.what();
        }
        if (!error.empty())
            replay::tell(error + "\nthese could fail: " + what_fails.to_string());
        return error;
    } catch (const std::exception& e) {
        return e.what();
    }
}

}  // namespace

exploration explore(const seeds& which, const std::function<void(world&)>& body) {
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t first = which.first();
    std::uint64_t count = number_in_environment("SIM_SEEDS").value_or(which.count());
    if (const auto only = number_in_environment("SIM_SEED")) {
        first = *only;
        count = 1;
    }
    exploration came;
    for (std::uint64_t seed = first; seed < first + count && !came.failed; ++seed) {
        came.error = run_one(seed, which.fail().value_or(faults::swarm(seed)), body, came.fingerprint);
        ++came.runs;
        if (!came.error.empty())
            came.failed = seed;
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
        came.seconds = spent.count();
        if (spent > which.within())
            break;
    }
    return came;
}

std::unique_ptr<kernel> make_kernel(std::uint64_t seed, const faults& what_fails) {
    return std::make_unique<simulator>(seed, what_fails);
}

}  // namespace ringlet::sim

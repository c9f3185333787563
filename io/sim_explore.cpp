#include "sim_kernel_private.hpp"
#include "sim_replay_private.hpp"

#include <ringlet/core/report.hpp>
#include <ringlet/io/sim.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>

namespace ringlet::sim {
namespace {

std::optional<std::uint64_t> number_in_environment(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr || *text == '\0')
        return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

/// Keeps the latest reports, for a failure to tell.
class kept_reports {
public:
    kept_reports()
        : before_(set_report_sink([this](std::string_view text) {
              if (latest_.size() == most)
                  latest_.pop_front();
              latest_.emplace_back(text);
          })) {}
    kept_reports(const kept_reports&) = delete;
    kept_reports& operator=(const kept_reports&) = delete;
    ~kept_reports() { set_report_sink(std::move(before_)); }

    std::string in_words() const {
        std::string text;
        for (const std::string& each : latest_)
            text += "\nbefore: " + each;
        return text;
    }

private:
    static constexpr std::size_t most = 5;
    std::deque<std::string> latest_;
    std::function<void(std::string_view)> before_;
};

/// What goes wrong in one world, or "".
std::string run_one(world& w, const std::function<void(world&)>& body, std::uint64_t& fingerprint) {
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
    return error;
}

std::string run_one(std::uint64_t seed, const faults& what_fails, const std::function<void(world&)>& body,
                    std::uint64_t& fingerprint) {
    std::string error;
    std::string told;
    {
        const kept_reports reports;
        world w(seed, what_fails);
        if (std::getenv("SIM_LOG") != nullptr)
            w.log_to([](std::string_view line) {
                std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
            });
        error = run_one(w, body, fingerprint);
        told = reports.in_words();
    }
    if (!error.empty())
        report("simulation: seed " + std::to_string(seed) + " failed: " + error + told +
               "\nwhat could fail: " + what_fails.to_string() + "\nagain with: " + replay::command(seed));
    return error;
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

// How seeds are tried, and what a failure says.

#include "support/sim_scenarios.hpp"

#include <ringlet/core/report.hpp>
#include <ringlet/io/pipe.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace io_sim_explore_test {

using namespace ringlet;
using testing::AllOf;
using testing::HasSubstr;

/// Keeps what is reported.
class reports {
public:
    reports() : before_(set_report_sink([this](std::string_view each) { (text += each) += '\n'; })) {}
    ~reports() { set_report_sink(std::move(before_)); }

    std::string text;

private:
    std::function<void(std::string_view)> before_;
};

void fail_at_seed_seven(sim::world& w) {
    if (w.seed() == 7)
        throw std::runtime_error("it is seven");
}

TEST(sim_explore, the_first_seed_that_fails_is_told_with_the_command_that_replays_it) {
    const reports told;
    const auto came = sim::explore(sim::seeds(100), fail_at_seed_seven);
    EXPECT_FALSE(came);
    EXPECT_EQ(came.failed, 7u);
    EXPECT_EQ(came.runs, 7u);
    EXPECT_THAT(told.text, AllOf(HasSubstr("simulation: seed 7 failed: std::runtime_error: it is seven"),
                                 HasSubstr("again with: SIM_SEED=7 "), HasSubstr("ringlet_tests"),
                                 HasSubstr("what could fail: ")));
}

TEST(sim_explore, the_environment_chooses_one_seed_or_how_many) {
    const reports told;
    setenv("SIM_SEED", "7", 1);
    const auto alone = sim::explore(sim::seeds(3), fail_at_seed_seven);
    unsetenv("SIM_SEED");
    EXPECT_EQ(alone.failed, 7u);
    EXPECT_EQ(alone.runs, 1u);
    setenv("SIM_SEEDS", "5", 1);
    EXPECT_EQ(sim::explore(sim::seeds(100), fail_at_seed_seven).runs, 5u);
    unsetenv("SIM_SEEDS");
}

TEST(sim_explore, a_failed_seed_fails_again_event_by_event) {
    const auto events_of = [](std::uint64_t seed) {
        std::string events;
        (void)sim::explore(sim::seeds(1).first(seed), [&](sim::world& w) {
            w.log_to([&](std::string_view line) { (events += line) += '\n'; });
            story::http_under_faults(w);
        });
        return events;
    };
    std::string last;
    for (std::uint64_t seed = 1; seed < 20; ++seed) {
        const std::string events = events_of(seed);
        EXPECT_GT(events.size(), 1000u);
        EXPECT_TRUE(events == events_of(seed)) << "seed " << seed;
        EXPECT_TRUE(events != std::exchange(last, events));
    }
}

TEST(sim_explore, names_are_as_repeatable_as_everything_else) {
    const auto fingerprint = [] { return sim::explore(sim::seeds(50), story::names_under_faults).fingerprint; };
    EXPECT_EQ(fingerprint(), fingerprint());
}

TEST(sim_explore, whoever_leaves_a_descriptor_open_has_failed) {
    const reports told;
    static io::pipe_reader* forgotten;  // here a leak detector finds it
    const auto came = sim::explore(sim::seeds(1), [](sim::world& w) {
        w.host("careless").spawn([] { forgotten = new io::pipe_reader(io::make_pipe().first); });
        w.run_for(1s);
    });
    EXPECT_NE(forgotten, nullptr);
    EXPECT_THAT(came.error, AllOf(HasSubstr("descriptors were left open"), HasSubstr("of careless")));
}

TEST(sim_explore, whoever_waits_for_what_cannot_come_has_failed) {
    const reports told;
    const auto came = sim::explore(sim::seeds(1).fail(sim::faults()), [](sim::world& w) {
        const auto waiting = w.host("host").spawn([]() -> task<> {
            auto listener = net::listen(net::address::loopback(0));
            co_await listener.accept();
        });
        await(waiting.get());
    });
    EXPECT_THAT(came.error, HasSubstr("deadlock"));
    EXPECT_THAT(told.text, HasSubstr("a connection to accept"));
}

TEST(sim_explore, a_crash_of_the_program_names_its_seed) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH((void)sim::explore(sim::seeds(100).first(41),
                                    [](sim::world& w) {
                                        if (w.seed() == 42)
                                            std::abort();
                                    }),
                 "this was seed 42; again with: SIM_SEED=42 ");
}

TEST(sim_explore, each_run_lacks_some_faults_and_every_fault_comes) {
    const char* kinds[] = {"short counts", "reordering",     "late completions", "late cancels", "multishot ends",
                           "no buffers",   "no descriptors", "no memory",        "resets",       "fragments",
                           "loss",         "duplication",    "overtaking",       "disk errors",  "disk full",
                           "latency",      "bandwidth",      "window",           "disk latency"};
    constexpr int runs = 200;
    std::map<std::string, int> times;
    for (std::uint64_t seed = 1; seed <= runs; ++seed) {
        const std::string drawn = sim::faults::swarm(seed).to_string();
        EXPECT_EQ(drawn, sim::faults::swarm(seed).to_string());
        for (const char* kind : kinds)
            times[kind] += (", " + drawn).find(", " + std::string(kind)) != std::string::npos;
    }
    for (const char* kind : kinds) {
        EXPECT_GT(times[kind], runs / 10) << kind;
        EXPECT_LT(times[kind], runs * 9 / 10) << kind;
    }
    EXPECT_EQ(sim::faults().to_string(), "none");
}

}  // namespace io_sim_explore_test

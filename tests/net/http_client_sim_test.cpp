// The client in simulated worlds where everything may fail: some hundred seeds of each scenario.

#include "support/sim_client_scenarios.hpp"

#include <gtest/gtest.h>

namespace net_http_client_sim_test {

using namespace ringlet;

void under_faults(void (*scenario)(sim::world&), std::size_t failures_per_hundred) {
    story::outcomes = {};
    const auto came = sim::explore(sim::seeds(200), scenario);
    EXPECT_TRUE(came) << "seed " << *came.failed << ": " << came.error;
    if (came.runs > 100) {
        EXPECT_GT(story::outcomes.right, story::outcomes.failed) << "too much fails for this to say anything";
        EXPECT_GE(story::outcomes.failed, came.runs * failures_per_hundred / 100) << "no fault hits";
    }
}

TEST(http_client_sim, a_request_gets_its_own_answer_or_an_error) { under_faults(story::client_under_faults, 10); }
TEST(http_client_sim, a_download_is_right_or_not_there) { under_faults(story::downloads_under_faults, 1); }

}  // namespace net_http_client_sim_test

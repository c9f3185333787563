#include "support/seam.hpp"
#include "support/sim_scenarios.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/sim.hpp>
#include <ringlet/io/virtual_time.hpp>
#include <ringlet/net/tcp.hpp>

#include <gtest/gtest.h>

namespace io_sim_test {

using namespace ringlet;

using story::address_on;
using story::echo_server;

task<std::string> ask(net::address server, std::string text) {
    auto stream = co_await net::tcp_stream::connect(server);
    co_await stream.write_all(io::bytes_of(text));
    std::string answer(text.size(), '\0');
    co_await io::read_exact(stream, std::as_writable_bytes(std::span(answer)));
    co_return answer;
}

TEST(sim, two_hosts_talk_and_time_passes_only_on_the_wire) {
    sim::world w(1, sim::faults().latency(10ms));
    const auto server = w.host("server");
    server.boot(echo_server);
    const auto answer = w.host("client").spawn(ask, address_on(server, 7), "hello");
    EXPECT_EQ(await(answer.get()), "hello");
    EXPECT_EQ(w.elapsed(), 40ms);  // there and back to connect, there and back to ask
}

TEST(sim, a_day_costs_nothing) {
    sim::world w(1);
    w.run_for(24h);
    EXPECT_GE(w.elapsed(), 24h);
}

TEST(sim, nobody_listening_refuses) {
    sim::world w(1);
    const auto answer = w.host("client").spawn(ask, address_on(w.host("server"), 7), "hello");
    EXPECT_THROW(await(answer.get()), std::system_error);
}

TEST(sim, a_partition_holds_what_is_sent_until_it_heals) {
    sim::world w(1);
    const auto server = w.host("server");
    server.boot(echo_server);
    auto client = w.host("client").spawn([&]() -> task<> {
        auto stream = co_await net::tcp_stream::connect(address_on(server, 7));
        w.partition("client", "server");
        co_await stream.write_all(io::bytes_of("x"));
        std::byte b;
        try {
            co_await with_timeout(1min, stream.read({&b, 1}));
            ADD_FAILURE() << "it came through";
        } catch (const timeout_error&) {}
        w.heal("client", "server");
        EXPECT_EQ(co_await stream.read({&b, 1}), 1u);
    });
    await(client.get());
}

TEST(sim, a_connection_gives_up_after_tcp_does) {
    sim::world w(1);
    const auto server = w.host("server");
    server.boot(echo_server);
    auto client = w.host("client").spawn([&]() -> task<> {
        auto stream = co_await net::tcp_stream::connect(address_on(server, 7));
        server.crash();
        co_await stream.write_all(io::bytes_of("x"));
        std::byte b;
        const auto got = co_await as_result(stream.read({&b, 1}));
        EXPECT_EQ(got.error(), std::errc::timed_out);
        EXPECT_GT(w.elapsed(), 15min);
    });
    await(client.get());
}

TEST(sim, a_restarted_host_does_not_know_old_connections) {
    sim::world w(1);
    const auto server = w.host("server");
    server.boot(echo_server);
    auto client = w.host("client").spawn([&]() -> task<> {
        auto stream = co_await net::tcp_stream::connect(address_on(server, 7));
        server.crash();
        co_await sleep_for(10s);
        server.restart();
        co_await stream.write_all(io::bytes_of("x"));
        std::byte b;
        const auto got = co_await as_result(stream.read({&b, 1}));
        EXPECT_EQ(got.error(), std::errc::connection_reset);
        EXPECT_EQ(co_await ask(address_on(server, 7), "again"), "again");
    });
    await(client.get());
}

TEST(sim, the_same_seed_is_the_same_run) {
    const auto run = [](std::uint64_t seed) {
        std::string events;
        sim::world w(seed, sim::faults::swarm(seed));
        w.log_to([&](std::string_view line) { (events += line) += '\n'; });
        const auto server = w.host("server");
        server.boot(echo_server);
        for (int i = 0; i < 5; ++i)
            w.host("client").spawn([&]() -> task<> {
                const std::string text(10000, 'x');
                for (int j = 0; j < 5; ++j) {
                    auto limited = with_timeout(1s, ask(address_on(server, 7), text));
                    (void)co_await as_result(std::move(limited));
                }
            });
        w.run_for(1min);
        return std::pair(events, w.fingerprint());
    };
    for (std::uint64_t seed = 1; seed < 20; ++seed) {
        const auto first = run(seed);
        const auto again = run(seed);
        EXPECT_EQ(first.first, again.first);
        EXPECT_EQ(first.second, again.second);
        EXPECT_NE(first.second, run(seed + 1000).second);
    }
}

void under_faults(void (*scenario)(sim::world&)) {
    story::outcomes = {};
    const auto came = sim::explore(sim::seeds(300), scenario);
    EXPECT_TRUE(came) << "seed " << *came.failed << ": " << came.error;
    if (came.runs > 100) {
        EXPECT_GT(story::outcomes.right, story::outcomes.failed) << "too much fails for this to say anything";
        EXPECT_GT(story::outcomes.failed, came.runs / 10) << "no fault hits";
    }
}

TEST(sim, what_is_echoed_is_never_wrong) { under_faults(story::echo_under_faults); }
TEST(sim, http_gives_the_right_body_or_an_error_and_always_in_time) { under_faults(story::http_under_faults); }
TEST(sim, nothing_is_done_twice_and_what_is_cut_off_is_an_error) { under_faults(story::browsing_under_faults); }
TEST(sim, a_name_leads_to_its_host_or_nowhere) { under_faults(story::names_under_faults); }
TEST(sim, a_replaced_file_is_old_or_new_whenever_the_power_fails) { under_faults(story::files_under_faults); }

TEST(sim, a_success_that_nobody_wants_to_hear_of_is_not_told) {
    const auto kernel = io::make_virtual_time();
    seam::asked silent(nullptr, "silent"), failed(nullptr, "failed"), told(nullptr, "told");
    const auto push = [&](seam::asked& to, unsigned opcode, bool skip) {
        request sqe;
        sqe->opcode = static_cast<std::uint8_t>(opcode);
        sqe->fd = -1;
        sqe->flags = skip ? IOSQE_CQE_SKIP_SUCCESS : 0;
        sqe->user_data = to.user_data();
        kernel->push(*sqe);
    };
    push(silent, IORING_OP_NOP, true);
    push(failed, IORING_OP_READ, true);
    push(told, IORING_OP_NOP, false);
    while (!told.over())
        kernel->turn(kernel->now() + 1s);
    EXPECT_TRUE(silent.answers.empty());
    ASSERT_EQ(failed.answers.size(), 1u);
    EXPECT_EQ(failed.last().res, -EBADF);
}

TEST(sim, a_hundred_users_think_for_a_minute) {
    const auto came = sim::explore(sim::seeds(1).fail(sim::faults()), story::thinkers);
    EXPECT_TRUE(came) << came.error;
}

}  // namespace io_sim_test

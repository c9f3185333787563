// TLS on the simulated network, under faults: what is read is right, or an error says that it is not.

#include "support/sim_scenarios.hpp"
#include "support/tls_world.hpp"

#include <gtest/gtest.h>

namespace net_tls_sim_test {

using namespace story;

task<> serve_echo(net::tcp_stream peer, tls::context with) {
    try {
        auto waited = tls::accept(std::move(peer), std::move(with));
        tls::stream s = co_await std::move(waited);
        std::vector<std::byte> buffer(3000);
        while (const std::size_t count = co_await s.read(buffer))
            co_await s.write_all(std::span(buffer).first(count));
        co_await s.shutdown();
    } catch (const std::system_error&) {}
}

task<> tls_echo_server() {
    static const tls::context with(serving("server"));
    for (;;) {
        try {
            auto listener = net::listen(net::address::parse("0.0.0.0:443"));
            for (;;) {
                auto peer = co_await listener.accept();
                spawn(serve_echo, std::move(peer), with);
            }
        } catch (const std::system_error&) {}
        co_await sleep_for(100ms);
    }
}

/// Writes all of it while it reads to the end: an echo that is cut short is never taken for whole.
task<std::string> ask_tls_echo(net::address server, const std::string& text) {
    static const tls::context with(trusting());
    auto below = co_await net::tcp_stream::connect(server);
    auto asked = tls::connect(std::move(below), "server", with);
    tls::stream s = co_await std::move(asked);
    std::string got;
    auto both = ringlet::all(write_and_finish(s, text, sizes(100, 9000)), read_to_end(s, got));
    co_await std::move(both);
    co_return got;
}

void tls_under_faults(sim::world& w) {
    const auto server = w.host("server");
    server.boot(tls_echo_server);
    std::vector<greenlet<>> clients;
    for (int i = 0; i < 3; ++i)
        clients.push_back(w.host("client").spawn([&w, server]() -> task<> {
            for (int j = 0; j < 3; ++j) {
                const std::string text = pattern(w.below(30'000));
                auto limited = with_timeout(5s, ask_tls_echo(address_on(server, 443), text));
                const auto got = co_await as_result(std::move(limited));
                demand(!got || *got == text, "an echo was wrong, or a part was taken for the whole");
                ++(got ? outcomes.right : outcomes.failed);
            }
        }));
    if (w.below(4) == 0) {
        w.run_for(w.between(1ms, 500ms));
        server.kill();
        server.restart();
    }
    for (const auto& c : clients)
        await(c.get());
    demand(w.elapsed() < patience, "somebody did not give up");
    demand(errors_left_behind() == 0, "OpenSSL's error queue was not emptied");
}

TEST(tls_sim, what_is_read_is_right_or_an_error) {
    outcomes = {};
    const auto came = sim::explore(sim::seeds(150), tls_under_faults);
    EXPECT_TRUE(came) << "seed " << *came.failed << ": " << came.error;
    if (came.runs > 100) {
        EXPECT_GT(outcomes.right, outcomes.failed) << "too much fails for this to say anything";
        EXPECT_GT(outcomes.failed, came.runs / 10) << "no fault hits";
    }
}

}  // namespace net_tls_sim_test

// Whole services on a simulated kernel, killed at every turn: with answers in their order, and with late
// cancels, short counts and completions in any order. Nothing may be left behind, no descriptor either.

#include "support/sim_scenarios.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/group.hpp>
#include <ringlet/io/sim_kernel_private.hpp>
#include <ringlet/net/resolve.hpp>
#include <ringlet/net/udp.hpp>

namespace io_sim_sweep_test {

using namespace ringlet;

/// What the kernels of a sweep are made of, and where they say which descriptors were left open.
std::uint64_t seed = 0;
std::vector<std::shared_ptr<std::string>> left_open;

std::unique_ptr<kernel> make_sim() {
    const auto what_fails = seed == 0   ? sim::faults()
                            : seed == 1 ? sim::faults().late_cancels(1)
                                        : sim::faults::harmless_swarm(seed);
    auto made = std::make_unique<sim::simulator>(seed, what_fails);
    made->left_open = left_open.emplace_back(std::make_shared<std::string>());
    return made;
}

/// Tells the story killed at each of its moments, on kernels of several seeds.
template <class Story>
void sweep_on_sim(Story story, std::size_t at_least) {
    for (seed = 0; seed < 8; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        left_open.clear();
        EXPECT_GE(story::sweep(story, &make_sim), at_least);
        for (const auto& each : left_open)
            EXPECT_EQ(*each, "") << "descriptors were left open";
        if (testing::Test::HasFailure())
            return;
    }
}

task<> echo_to_one(net::tcp_listener& listener) {
    auto peer = co_await listener.accept();
    co_await story::echo(std::move(peer));
}

task<> talk_over_tcp() {
    auto body = [](group& g) -> task<> {
        auto listener = net::listen(net::address::loopback(0));
        auto serving = [&]() -> task<> { co_await echo_to_one(listener); };
        g.spawn(serving);
        const std::string text = story::pattern(100'000);
        const std::string answer = co_await story::ask_echo(listener.local_address(), text);
        EXPECT_TRUE(answer == text);
        g.cancel();
    };
    co_await with_group(body);
}

task<> ask_by_http() {
    auto body = [](group& g) -> task<> {
        http::server server;
        story::add_handlers(server);
        auto listener = net::listen(net::address::loopback(0));
        const std::string url = "http://" + listener.local_address().to_string();
        auto serving = [&]() -> task<> { co_await server.serve(std::move(listener)); };
        g.spawn(serving);
        http::client client;
        const std::string text = story::pattern(30'000);
        auto posting = client.post(url + "/echo", text);
        const http::response echoed = co_await std::move(posting);
        EXPECT_TRUE(echoed.body == text);
        auto getting = client.get(url + "/stream?30000");
        const http::response streamed = co_await std::move(getting);
        EXPECT_TRUE(streamed.body == text);
        client.close_idle();
        g.cancel();
    };
    co_await with_group(body);
}

task<> keep_files() {
    const std::string text = story::pattern(5000);
    co_await io::write_file("/var/a", text);
    co_await io::rename("/var/a", "/var/b");
    EXPECT_TRUE(co_await io::read_file("/var/b") == text);
}

task<> find_names_and_send_datagrams() {
    auto resolving = net::resolve("localhost", 53);
    const auto found = co_await std::move(resolving);
    EXPECT_FALSE(found.empty());
    auto asking = net::resolve("nobody.example", 53);
    const auto nobody = co_await as_result(std::move(asking));
    EXPECT_EQ(nobody.error(), net::resolve_errc::not_found);
    auto at = net::udp_socket::bind(net::address::loopback(0));
    auto to = net::udp_socket::connected(at.local_address());
    co_await to.send("hello");
    std::byte room[16];
    const net::datagram got = co_await at.recv_from(room);
    EXPECT_EQ(got.size(), 5u);
}

TEST(sim_sweep, bytes_over_tcp) { sweep_on_sim(talk_over_tcp, 5); }
TEST(sim_sweep, a_page_over_http) { sweep_on_sim(ask_by_http, 10); }
TEST(sim_sweep, a_file_that_is_replaced) { sweep_on_sim(keep_files, 5); }
TEST(sim_sweep, a_name_and_a_datagram) { sweep_on_sim(find_names_and_send_datagrams, 3); }

}  // namespace io_sim_sweep_test

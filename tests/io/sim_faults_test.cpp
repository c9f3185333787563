// What a simulated kernel and its disks do to programs.

#include "support/sim_scenarios.hpp"
#include "support/watched_kernel.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/io/at_once.hpp>
#include <ringlet/io/file.hpp>
#include <ringlet/io/ops.hpp>
#include <ringlet/io/pipe.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace io_sim_faults_test {

using namespace ringlet;
using story::address_on;
using story::pattern;

/// The error that `fn()` on a host comes to.
template <class Fn>
std::string error_on(sim::world& w, Fn fn) {
    const auto done = w.host("host").spawn([fn]() -> task<std::string> {
        try {
            co_await fn();
        } catch (const std::system_error& e) {
            co_return e.what();
        }
        co_return "";
    });
    return await(done.get());
}

/// The same in a world of its own.
template <class Fn>
std::string error_with(const sim::faults& what_fails, Fn fn) {
    sim::world w(1, what_fails);
    return error_on(w, fn);
}

task<> listen_somewhere() {
    net::listen(net::address::loopback(0));
    co_return;
}

task<> write_twice_the_size() {
    const std::string text = pattern(2000);
    co_await io::write_file("/var/x", text);
}

/// Two ends of a pipe; pipes fail where EMFILE is a fault.
std::pair<io::fd, io::fd> pipe_ends() {
    int ends[2];
    EXPECT_EQ(io::pipe_now(ends, 0), 0);
    io::fd from(ends[0]);
    io::fd to(ends[1]);
    return {std::move(from), std::move(to)};
}

/// What a read says, and how, that is cancelled while it waits; perhaps something comes meanwhile.
struct cancelled_read {
    int cancel = 1;
    int read = 0;
};

cancelled_read cancel_a_read(std::uint64_t seed, double late, duration until_data) {
    cancelled_read came;
    auto k = std::make_unique<story::watched_kernel>(sim::make_kernel(seed, sim::faults().late_cancels(late)));
    k->on_answer = [&](unsigned opcode, int res, unsigned) {
        if (opcode == IORING_OP_READ)
            came.read = res;
        if (opcode == IORING_OP_ASYNC_CANCEL)
            came.cancel = res;
    };
    run(std::move(k), [&]() -> task<> {
        const auto [from, to] = pipe_ends();
        std::byte b;
        const auto reader = spawn([&b, fd = from.get()]() -> task<> { co_await io::read(fd, {&b, 1}); });
        co_await sleep_for(1s);
        reader.kill();
        co_await sleep_for(until_data);
        co_await io::write(to.get(), io::bytes_of("x"));
        co_await reader.join();
    });
    return came;
}

// --- the kernel --------------------------------------------------------------------------------------

TEST(sim_faults, a_read_or_write_moves_less_than_it_could) {
    sim::world w(1, sim::faults().short_counts(1));
    const auto done = w.host("host").spawn([]() -> task<> {
        const std::string text = pattern(50'000);
        co_await io::write_file("/var/x", text);
        const io::fd file = co_await io::openat(AT_FDCWD, "/var/x", O_RDONLY);
        std::vector<std::byte> room(50'000);
        EXPECT_LT(co_await io::read(file.get(), room), room.size());
        EXPECT_EQ(co_await io::read_file("/var/x"), text) << "what goes on until it is done still does";
        const auto [from, to] = pipe_ends();
        EXPECT_LT(co_await io::write(to.get(), io::bytes_of(text)), text.size());
    });
    await(done.get());
}

TEST(sim_faults, a_cancel_is_early_or_late_or_loses_the_race) {
    const auto early = cancel_a_read(1, 0, 1s);
    EXPECT_EQ(early.read, -ECANCELED);
    std::set<int> late, lost;
    for (std::uint64_t seed = 1; seed < 30; ++seed) {
        late.insert(cancel_a_read(seed, 1, 1s).read);
        lost.insert(cancel_a_read(seed, 1, 0s).read);
    }
    EXPECT_THAT(late, testing::ElementsAre(-ECANCELED, -EINTR)) << "in the end it is stopped";
    EXPECT_THAT(lost, testing::ElementsAre(1)) << "what came meanwhile is delivered";
}

TEST(sim_faults, descriptors_run_out) {
    const auto read = []() -> task<> { co_await io::read_file("/etc/hosts"); };
    EXPECT_EQ(error_with(sim::faults().no_descriptors(1), read), "open /etc/hosts: Too many open files");
    EXPECT_THAT(error_with(sim::faults().no_descriptors(1), listen_somewhere),
                testing::EndsWith("Too many open files"));

    sim::world w(1);
    w.host("host").limit_descriptors(3);
    const auto two_pipes = []() -> task<> {
        const auto one = io::make_pipe();
        const auto other = io::make_pipe();
        co_return;
    };
    EXPECT_EQ(error_on(w, two_pipes), "make a pipe: Too many open files");
}

TEST(sim_faults, memory_runs_out) {
    EXPECT_THAT(error_with(sim::faults().no_memory(1), listen_somewhere),
                testing::EndsWith("Cannot allocate memory"));
}

TEST(sim_faults, without_a_buffer_to_select_a_stream_goes_on) {
    sim::world w(1, sim::faults().no_buffers(1));
    w.host("server").boot(story::echo_server);
    const auto text = pattern(100'000);
    const auto answer = w.host("client").spawn(story::ask_echo, address_on(w.host("server"), 7), text);
    EXPECT_TRUE(await(answer.get()) == text);
}

TEST(sim_faults, completions_come_late_and_in_any_order) {
    const auto order = [](std::uint64_t seed, const sim::faults& what_fails) {
        return run(sim::make_kernel(seed, what_fails), []() -> task<std::string> {
            std::string came;
            std::vector<greenlet<>> all;
            for (char letter = 'a'; letter < 'k'; ++letter)
                all.push_back(spawn([&came, letter]() -> task<> {
                    co_await io::nop();
                    came += letter;
                }));
            for (const auto& each : all)
                co_await each.join();
            co_return came;
        });
    };
    EXPECT_EQ(order(1, {}), "abcdefghij");
    for (const auto& what_fails : {sim::faults().reordering(1), sim::faults().late_completions(0.5)}) {
        const std::string came = order(1, what_fails);
        EXPECT_NE(came, "abcdefghij");
        EXPECT_EQ(came, order(1, what_fails)) << "the same seed, the same order";
        EXPECT_NE(came, order(2, what_fails));
        EXPECT_EQ(std::set<char>(came.begin(), came.end()).size(), 10u);
    }
}

// --- disks -------------------------------------------------------------------------------------------

TEST(sim_faults, disks_fill_up_and_fail) {
    for (const auto& what_fails : {sim::faults().disk_capacity(1000), sim::faults().disk_full(1)})
        EXPECT_THAT(error_with(what_fails, write_twice_the_size), testing::EndsWith("No space left on device"));
    EXPECT_THAT(error_with(sim::faults().disk_errors(1), write_twice_the_size),
                testing::EndsWith("Input/output error"));
}

TEST(sim_faults, a_slow_disk_takes_its_time_and_holds_up_nobody_else) {
    sim::world w(1, sim::faults().disk_latency(1s));
    int ticks = 0;
    const auto clock = w.host("host").spawn([&]() -> task<> {
        for (;; ++ticks)
            co_await sleep_for(100ms);
    });
    EXPECT_EQ(error_on(w, write_twice_the_size), "");
    EXPECT_GE(w.elapsed(), 3s);  // it is opened, written, synced and renamed
    EXPECT_GE(ticks, 29);
}

TEST(sim_faults, a_crash_keeps_what_was_synced_and_tears_what_was_not) {
    const std::string before(4096, 'a');
    std::set<std::size_t> kept;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        sim::world w(seed, sim::faults().torn_writes(0.5));
        const auto host = w.host("host");
        host.write_file("/var/x", before);
        const auto writer = host.spawn([&]() -> task<> {
            const std::string after(4096, 'b');
            auto file = co_await io::file::open("/var/x", io::file_mode::update());
            co_await file.write_all_at(0, after);
        });
        await(writer.get());
        host.crash();
        const auto found = host.read_file("/var/x").value();
        const auto changed = std::min(found.find('a'), found.size());
        EXPECT_EQ(changed % 512, 0u) << "a sector is written whole or not at all";
        EXPECT_EQ(found.find('b', changed), std::string::npos);
        kept.insert(changed / 512);
    }
    EXPECT_TRUE(kept.contains(0) && kept.contains(8)) << "nothing, or everything";
    EXPECT_GT(kept.size(), 6u) << "or a part";
}

}  // namespace io_sim_faults_test

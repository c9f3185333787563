// What core costs beside the bare mechanism: each round measures both, neighbours in time, because the
// machine drifts. Prints one JSON object a line for suite.py; times are CPU time of this thread. What has no
// bare counterpart is in programs of its own: handover, timers, sleepers.

#include "raw/bare.hpp"

#include <ringlet/core/dump.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <vector>

using namespace ringlet;

namespace {

int rounds = 15;
std::size_t scale = 1;  // how often everything is done, in percent of the full run

double cpu_ns() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

double ns_each(std::size_t count, const std::function<void(std::size_t)>& work) {
    const double start = cpu_ns();
    work(count);
    return (cpu_ns() - start) / static_cast<double>(count);
}

double median(std::vector<double> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
}

/// Measures `ours` and `bare` in turns and prints medians. Both run inside one event loop.
void compare(const char* name, const char* baseline, std::size_t count, const std::function<void(std::size_t)>& ours,
             const std::function<void(std::size_t)>& bare) {
    count = std::max<std::size_t>(count * scale / 100, 10);
    std::vector<double> a, b, ratio;
    for (int round = 0; round < rounds; ++round) {
        a.push_back(ns_each(count, ours));
        b.push_back(ns_each(count, bare));
        ratio.push_back(a.back() / b.back());
    }
    std::printf("{\"name\": \"%s\", \"ns\": %.2f, \"baseline\": \"%s\", \"baseline_ns\": %.2f, \"ratio\": %.3f}\n",
                name, median(a), baseline, median(b), median(ratio));
    std::fflush(stdout);
}

task<int> ready(int n) { co_return n; }

[[gnu::noinline]] int plain(int n) {
    __asm__ volatile("" : "+r"(n));
    return n;
}

constexpr std::size_t partners = 10;

void yields() {
    raw::bare_coroutine bare = raw::bare_coroutine::endless();
    compare(
        "coroutine yield", "coroutine resume", 1'000'000,
        [](std::size_t n) {
            std::vector<greenlet<>> all;
            for (std::size_t i = 0; i < partners; ++i)
                all.push_back(spawn([n]() -> task<> {
                    for (std::size_t k = 0; k < n / partners; ++k)
                        co_await yield();
                }));
            for (auto& g : all)
                await(g.join());
        },
        [&](std::size_t n) {
            while (n-- > 0)
                bare.resume_pair();
        });
    raw::bare_fiber fiber;
    compare(
        "fiber yield", "fcontext switch pair", 1'000'000,
        [](std::size_t n) {
            std::vector<greenlet<>> all;
            for (std::size_t i = 0; i < partners; ++i)
                all.push_back(spawn([n] {
                    for (std::size_t k = 0; k < n / partners; ++k)
                        await(yield());
                }));
            for (auto& g : all)
                await(g.join());
        },
        [&](std::size_t n) {
            while (n-- > 0)
                fiber.switch_pair();
        });
}

void calls() {
    compare(
        "await of a ready task", "create and destroy a bare coroutine", 1'000'000,
        [](std::size_t n) {
            await([](std::size_t times) -> task<> {
                for (std::size_t i = 0; i < times; ++i)
                    if (co_await ready(static_cast<int>(i)) < 0)
                        co_return;
            }(n));
        },
        [](std::size_t n) {
            while (n-- > 0)
                if (raw::bare_task::create_run_destroy(static_cast<int>(n)) < 0)
                    return;
        });
    const auto empty = []() -> task<> { co_return; };
    const auto create = [](std::size_t n) {
        while (n-- > 0)
            if (raw::bare_task::create_run_destroy(static_cast<int>(n)) < 0)
                return;
    };
    compare(
        "spawn and join a coroutine", "create and destroy a bare coroutine", 500'000,
        [&](std::size_t n) {
            await([](std::size_t times, auto fn) -> task<> {
                for (std::size_t i = 0; i < times; ++i)
                    co_await spawn(fn).join();
            }(n, empty));
        },
        create);
    compare(
        "spawn 1000 coroutines, then join them, each", "create and destroy a bare coroutine", 500'000,
        [&](std::size_t n) {
            await([](std::size_t times, auto fn) -> task<> {
                std::vector<greenlet<>> all(1000);
                for (std::size_t done = 0; done < times; done += all.size()) {
                    for (auto& g : all)
                        g = spawn(fn);
                    for (auto& g : all)
                        co_await g.join();
                }
            }(n, empty));
        },
        create);
    compare(
        "spawn and join a fiber", "create and destroy a bare coroutine", 300'000,
        [](std::size_t n) {
            await([](std::size_t times) -> task<> {
                for (std::size_t i = 0; i < times; ++i)
                    co_await spawn([] { plain(1); }).join();
            }(n));
        },
        create);
}

/// What it takes to tell of everybody, coroutines and fibers: 100,000 of them should take less than a second.
void dumps() {
    const std::size_t many = std::max<std::size_t>(100'000 * scale / 100, 100);
    const auto each = [many](const char* name, auto body) {
        std::vector<greenlet<>> all;
        for (std::size_t i = 0; i < many; ++i)
            all.push_back(spawn(body));
        await(yield());
        std::size_t size = 0;
        std::vector<double> ns;
        for (int round = 0; round < std::min(rounds, 3); ++round)
            ns.push_back(ns_each(many, [&](std::size_t) { size = dump_text(loop::current()).size(); }));
        check(size > many, "a dump tells of each");
        std::printf("{\"name\": \"dump of %zu %s, each\", \"ns\": %.1f}\n", many, name, median(ns));
        std::fflush(stdout);
        for (auto& g : all)
            g.kill();
        for (auto& g : all)
            await(g.join());
    };
    each("coroutines", []() -> task<> { co_await sleep_for(1h); });
    each("fibers", [] { await(sleep_for(1h)); });
}

void exchanges() {
    raw::bare_coroutine bare = raw::bare_coroutine::endless();
    const auto resume = [&](std::size_t n) {
        while (n-- > 0)
            bare.resume_pair();
    };
    compare(
        "queue put and get between two coroutines, an item", "coroutine resume", 500'000,
        [](std::size_t n) {
            queue<int> q(64);
            auto producer = spawn([&q, n]() -> task<> {
                for (std::size_t i = 0; i < n; ++i)
                    co_await q.put(static_cast<int>(i));
                q.close();
            });
            auto consumer = spawn([&q]() -> task<> {
                while (co_await q.next()) {}
            });
            await(consumer.join());
        },
        resume);
    compare(
        "queue put and get between two fibers, an item", "coroutine resume", 500'000,
        [](std::size_t n) {
            queue<int> q(64);
            auto producer = spawn([&q, n] {
                for (std::size_t i = 0; i < n; ++i)
                    await(q.put(static_cast<int>(i)));
                q.close();
            });
            auto consumer = spawn([&q] {
                while (await(q.next())) {}
            });
            await(consumer.join());
        },
        resume);
    event go;
    std::vector<greenlet<>> waiting;
    for (int i = 0; i < 10'000; ++i)
        waiting.push_back(spawn([&go]() -> task<> {
            for (;;)
                co_await go.wait();
        }));
    await(yield());
    compare(
        "event wake of 10000 coroutines, each", "coroutine resume", 500'000,
        [&](std::size_t n) {
            for (std::size_t done = 0; done < n; done += waiting.size()) {
                go.set();
                go.clear();
                await(yield());
            }
        },
        resume);
    for (auto& g : waiting)
        g.kill();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "--tiny") == 0) {
        rounds = 1;
        scale = 1;
    } else {
        scale = 100;
    }
    run([] {
        dumps();
        yields();
        calls();
        exchanges();
    });
}

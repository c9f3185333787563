// From greenlet to greenlet: an item through a queue that has room for one, a spawn and its join, a mutex
// that somebody always waits for, an event that a thousand wait for. --fibers does the same on stacks.
// The same four things on other frameworks are in rivals/.

#include "timing.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/queue.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>

#include <cstring>
#include <vector>

using namespace ringlet;

namespace {

constexpr std::size_t crowd = 1000;

template <class Fn>
void two_of(Fn fn) {
    const greenlet<> first = spawn(fn);
    const greenlet<> second = spawn(fn);
    await(first.join());
    await(second.join());
}

void on_coroutines(const bench::timing& time) {
    time.each("queue", 1'000'000, [](std::size_t n) {
        queue<std::size_t> items(1);
        const auto consumer = spawn([&]() -> task<> {
            for (std::size_t i = 0; i < n; ++i)
                co_await items.get();
        });
        spawn([&]() -> task<> {
            for (std::size_t i = 0; i < n; ++i)
                co_await items.put(i);
        });
        await(consumer.join());
    });
    time.each("spawn and join", 1'000'000, [](std::size_t n) {
        const auto parent = spawn([n]() -> task<> {
            const auto child = []() -> task<> { co_return; };
            for (std::size_t i = 0; i < n; ++i)
                co_await spawn(child).join();
        });
        await(parent.join());
    });
    time.each("mutex", 500'000, [](std::size_t n) {
        mutex one;
        two_of([&]() -> task<> {
            for (std::size_t i = 0; i < n / 2; ++i) {
                const auto held = co_await one.lock();
                co_await yield();
            }
        });
    });
    time.each("event", 1'000'000, [](std::size_t n) {
        event go;
        std::vector<greenlet<>> waiting;
        for (std::size_t i = 0; i < crowd; ++i)
            waiting.push_back(spawn([&]() -> task<> {
                for (std::size_t k = 0; k < n / crowd; ++k)
                    co_await go.wait();
            }));
        for (std::size_t k = 0; k < n / crowd; ++k) {
            await(yield());
            go.set();
            go.clear();
        }
        for (const auto& each : waiting)
            await(each.join());
    });
}

void on_fibers(const bench::timing& time) {
    time.each("queue", 1'000'000, [](std::size_t n) {
        queue<std::size_t> items(1);
        const auto consumer = spawn([&] {
            for (std::size_t i = 0; i < n; ++i)
                await(items.get());
        });
        spawn([&] {
            for (std::size_t i = 0; i < n; ++i)
                await(items.put(i));
        });
        await(consumer.join());
    });
    time.each("spawn and join", 300'000, [](std::size_t n) {
        for (std::size_t i = 0; i < n; ++i)
            await(spawn([] {}).join());
    });
    time.each("mutex", 500'000, [](std::size_t n) {
        mutex one;
        two_of([&] {
            for (std::size_t i = 0; i < n / 2; ++i) {
                const auto held = await(one.lock());
                await(yield());
            }
        });
    });
    time.each("event", 500'000, [](std::size_t n) {
        event go;
        std::vector<greenlet<>> waiting;
        for (std::size_t i = 0; i < crowd; ++i)
            waiting.push_back(spawn([&] {
                for (std::size_t k = 0; k < n / crowd; ++k)
                    await(go.wait());
            }));
        for (std::size_t k = 0; k < n / crowd; ++k) {
            await(yield());
            go.set();
            go.clear();
        }
        for (const auto& each : waiting)
            await(each.join());
    });
}

}  // namespace

int main(int argc, char** argv) {
    const bench::timing time(argc, argv);
    const bool fibers = argc > 1 && std::strcmp(argv[1], "--fibers") == 0;
    run([&] { fibers ? on_fibers(time) : on_coroutines(time); });
}

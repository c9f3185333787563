#include "sweep.hpp"

#include "interrupted_kernel.hpp"

#include <ringlet/core/report.hpp>

#include <utility>

namespace story {
namespace {

/// True when the story was killed before its end.
bool run_and_strike(std::unique_ptr<ringlet::kernel> inner, std::size_t turn, bool before, scene<> what) {
    auto k = std::make_unique<interrupted_kernel>(std::move(inner), turn, before);
    interrupted_kernel& kernel = *k;
    bool struck = false;
    ringlet::run(std::move(k), [&]() -> ringlet::task<> {
        ringlet::loop& l = ringlet::loop::current();
        {
            const auto victim = what.play([](auto fn) { return ringlet::spawn(fn); });
            kernel.strike = [&] {
                struck = !victim.ready();
                victim.kill();
            };
            co_await victim.join();
            kernel.strike = nullptr;
            if (const auto error = victim.exception())
                ADD_FAILURE() << "the story failed: " << ringlet::describe(error);
            EXPECT_TRUE(struck || victim.successful());
        }
        co_await settle();
        for (int i = 0; i < 1000 && l.in_flight() > 0; ++i)
            co_await ringlet::sleep_for(std::chrono::milliseconds(1));  // a late cancel takes its time
        std::size_t alive = 0;
        l.for_each_greenlet([&](const ringlet::greenlet_base&) { ++alive; });
        EXPECT_EQ(alive, 1u) << "besides the one that checks:" << ringlet::list_greenlets(l);
        EXPECT_EQ(l.in_flight(), 0u);
        EXPECT_TRUE(l.timers().empty());
    });
    return struck;
}

}  // namespace

std::size_t sweep(scene<> what, std::unique_ptr<ringlet::kernel> (*make)()) {
    for (std::size_t turn = 1; turn < 10'000; ++turn) {
        SCOPED_TRACE("killed at turn " + std::to_string(turn));
        const std::size_t before = counted::alive();
        const bool early = run_and_strike(make(), turn, true, what);
        EXPECT_EQ(counted::alive(), before);
        const bool late = run_and_strike(make(), turn, false, what);
        EXPECT_EQ(counted::alive(), before);
        if (!early && !late)
            return turn - 1;
        if (testing::Test::HasFailure())
            return turn;
    }
    ADD_FAILURE() << "the story never comes to its end";
    return 0;
}

}  // namespace story

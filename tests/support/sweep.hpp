#pragma once
// sweep(story): runs a story again and again and kills it after its first event, its second, its third
// ... until it comes to its end unharmed. An event is a turn of the kernel; the blow falls just before
// the kernel takes what was pushed, or just after it has answered. After each run nothing may be left:
// no greenlet, no timer, no request in flight, no counted object.

#include "counted.hpp"
#include "story.hpp"

#include <functional>
#include <memory>

namespace story {

class interrupted_kernel final : public ringlet::kernel {
public:
    interrupted_kernel(std::unique_ptr<ringlet::kernel> inner, std::size_t turn, bool before)
        : inner_(std::move(inner)), strike_at_(turn), before_(before) {}

    std::function<void()> strike;

    ringlet::time_point now() noexcept override { return inner_->now(); }
    void turn(ringlet::time_point until) override {
        const bool now = strike && ++turns_ == strike_at_;
        if (now && before_) {
            strike();
            until = ringlet::time_point::min();  // the blow may have made somebody ready
        }
        for (const io_uring_sqe& sqe : submissions_)
            inner_->push(sqe);
        submissions_.clear();
        inner_->turn(until);
        if (now && !before_)
            strike();
    }
    void wake() noexcept override { inner_->wake(); }
    io_uring_buf_ring* provide_buffers(std::uint16_t group, unsigned entries) override {
        return inner_->provide_buffers(group, entries);
    }
    bool supports(unsigned opcode) const noexcept override { return inner_->supports(opcode); }
    int perform(const io_uring_sqe& sqe) noexcept override { return inner_->perform(sqe); }
    int ring_fd() const noexcept override { return inner_->ring_fd(); }
    bool clock_jumps() const noexcept override { return inner_->clock_jumps(); }

private:
    std::unique_ptr<ringlet::kernel> inner_;
    std::size_t strike_at_;
    std::size_t turns_ = 0;
    bool before_;
};

/// True when the story was killed before its end.
template <class Story>
bool run_and_strike(std::unique_ptr<ringlet::kernel> inner, std::size_t turn, bool before, Story& story) {
    auto k = std::make_unique<interrupted_kernel>(std::move(inner), turn, before);
    interrupted_kernel& kernel = *k;
    bool struck = false;
    ringlet::run(std::move(k), [&]() -> ringlet::task<> {
        ringlet::loop& l = ringlet::loop::current();
        {
            const auto victim = ringlet::spawn(story);
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

/// Gives how many different moments the story was killed at.
template <class Story>
std::size_t sweep(Story story, std::unique_ptr<ringlet::kernel> (*make)() = &ringlet::io::make_virtual_time) {
    for (std::size_t turn = 1; turn < 10'000; ++turn) {
        SCOPED_TRACE("killed at turn " + std::to_string(turn));
        const std::size_t before = counted::alive();
        const bool early = run_and_strike(make(), turn, true, story);
        EXPECT_EQ(counted::alive(), before);
        const bool late = run_and_strike(make(), turn, false, story);
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

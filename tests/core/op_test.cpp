// Operations, one push and one wake at a time: what the kernel is asked, what happens to an abort that
// comes early, late, or in spite of which data arrives.

#include "support/scripted_kernel.hpp"
#include "support/story.hpp"

#include <ringlet/core/op.hpp>
#include <ringlet/core/scope.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace core_op_test {

using namespace ringlet;
using story::scripted_kernel;

/// The smallest operation there is. Gives the count, or throws canceled.
class read_op : public op {
public:
    explicit read_op(int fd = 7) : op("read") {
        request_->opcode = IORING_OP_READ;
        request_->fd = fd;
    }
    int await_resume() const {
        if (was_canceled())
            throw canceled();
        return res();
    }
};

/// Runs fn over a scripted kernel with this script.
template <class Fn>
auto with_script(std::function<void(scripted_kernel&)> script, Fn&& fn) {
    auto k = std::make_unique<scripted_kernel>();
    k->script = std::move(script);
    return run(std::move(k), std::forward<Fn>(fn));
}

void no_answer(scripted_kernel&) {}

// invariant 1
TEST(op, one_push_leads_to_one_wake) {
    int turns_with_a_push = 0;
    const auto answer_once = [&](scripted_kernel& k) {
        if (k.taken.empty())
            return;
        ++turns_with_a_push;
        k.answer(k.taken.back().user_data, 42);
        k.taken.clear();
    };
    EXPECT_EQ(with_script(answer_once, []() -> task<int> { co_return co_await read_op(); }), 42);
    EXPECT_EQ(turns_with_a_push, 1);
}

// invariant 1
TEST(op, a_second_completion_for_one_push_ends_the_process) {
    const auto answer_twice = [](scripted_kernel& k) {
        if (k.taken.empty())
            return;
        k.answer(k.taken.back().user_data, 42);
        k.answer(k.taken.back().user_data, 42);
    };
    EXPECT_DEATH(with_script(answer_twice, []() -> task<int> { co_return co_await read_op(); }),
                 "one push leads to exactly one final completion");
}

// invariant 1
TEST(op, a_wake_of_somebody_who_does_not_wait_ends_the_process) {
    class stray : public waiter {
    public:
        const char* what() const noexcept override { return "nothing"; }
    };
    EXPECT_DEATH(story::in_virtual_time([] {
                     stray s;
                     wake(s);
                 }),
                 "exactly one wake ends a wait");
}

// invariant 1
TEST(op, completions_that_nobody_cares_about_go_nowhere) {
    const auto answer_zero = [](scripted_kernel& k) {
        for (const io_uring_sqe& sqe : k.taken)
            k.answer(sqe.user_data, -ENOENT);
        k.taken.clear();
    };
    with_script(answer_zero, []() -> task<> {
        request nobody_cares;
        nobody_cares->opcode = IORING_OP_CLOSE;
        loop::current().push(*nobody_cares);
        EXPECT_EQ(loop::current().in_flight(), 0u);
        co_await sleep_for(1ms);
    });
}

// invariant 2
TEST(op, a_completion_resumes_nothing_while_the_kernel_is_being_asked) {
    bool resumed = false;
    bool seen_inside_the_turn = false;
    const auto answer = [&](scripted_kernel& k) {
        if (k.taken.empty())
            return;
        k.answer(k.taken.back().user_data, 1);
        seen_inside_the_turn |= resumed;
        k.taken.clear();
    };
    with_script(answer, [&]() -> task<> {
        co_await read_op();
        resumed = true;
    });
    EXPECT_TRUE(resumed);
    EXPECT_FALSE(seen_inside_the_turn);
}

TEST(op, a_completion_with_more_to_come_does_not_end_the_wait) {
    int step = 0;
    const auto in_two_parts = [&](scripted_kernel& k) {
        if (k.taken.empty())
            return;
        const std::uint64_t id = k.taken.front().user_data;
        if (step++ == 0)
            return k.answer(id, 100, IORING_CQE_F_MORE);
        k.taken.clear();
        k.answer(id, 0, IORING_CQE_F_NOTIF);
    };
    // As a zero-copy send answers: the count first, then that the buffer is free.
    EXPECT_EQ(with_script(in_two_parts, []() -> task<int> { co_return co_await read_op(); }), 100);
    EXPECT_EQ(step, 2);
}

// invariants 4 and 6
TEST(op, an_abort_pushes_a_cancel_behind_the_request_and_waits_for_the_requests_own_answer) {
    std::vector<io_uring_sqe> pushed;
    const auto cancel_later = [&](scripted_kernel& k) {
        pushed = k.taken;
        if (k.taken.size() < 2)
            return;
        const std::uint64_t target = k.taken[0].user_data;
        k.answer(0, 0);  // the answer of the cancel request is nobody's business
        k.answer(target, -ECANCELED);
        k.script = no_answer;
    };
    with_script(cancel_later, []() -> task<> {
        const auto reader = spawn([]() -> task<> { co_await read_op(); });
        co_await yield();
        reader.kill();
        EXPECT_FALSE(reader.ready());  // asked, not ended
        EXPECT_EQ(loop::current().in_flight(), 1u);
        co_await reader.join();
        EXPECT_EQ(loop::current().in_flight(), 0u);
        EXPECT_FALSE(reader.successful());
    });
    ASSERT_EQ(pushed.size(), 2u);
    EXPECT_EQ(pushed[0].opcode, IORING_OP_READ);
    EXPECT_TRUE(scripted_kernel::is_cancel(pushed[1]));
    EXPECT_EQ(pushed[1].addr, pushed[0].user_data);
    EXPECT_EQ(pushed[1].user_data, 0u);
}

// invariant 6
TEST(op, a_request_and_its_cancel_in_the_same_turn_keep_their_order) {
    std::vector<io_uring_sqe> pushed;
    const auto note = [&](scripted_kernel& k) {
        if (k.taken.size() < 3)
            return;
        pushed = k.taken;
        for (const io_uring_sqe& sqe : k.taken)
            if (sqe.user_data != 0)
                k.answer(sqe.user_data, sqe.fd == 1 ? -ECANCELED : 5);
        k.script = no_answer;
    };
    with_script(note, []() -> task<> {
        const auto first = spawn([]() -> task<> { co_await read_op(1); });
        const auto killer = spawn([first] { first.kill(); });
        const auto second = spawn([]() -> task<> { co_await read_op(2); });
        co_await first.join();
        co_await second.get();
        co_await killer.get();
    });
    ASSERT_EQ(pushed.size(), 3u);
    EXPECT_EQ(pushed[0].fd, 1);
    EXPECT_TRUE(scripted_kernel::is_cancel(pushed[1]));
    EXPECT_EQ(pushed[2].fd, 2);
}

// invariant 4
TEST(op, data_that_arrives_in_spite_of_an_abort_is_delivered_and_the_next_wait_fails) {
    const auto data_wins = [](scripted_kernel& k) {
        if (k.taken.size() < 2)
            return;
        k.answer(k.taken[0].user_data, 512);
        k.script = no_answer;
    };
    with_script(data_wins, []() -> task<> {
        int received = 0;
        bool next_failed = false;
        const auto story = [&]() -> task<> {
            received = co_await read_op();
            try {
                co_await read_op();
            } catch (const canceled&) {
                next_failed = true;
                throw;
            }
        };
        const auto reader = spawn(story);
        co_await yield();
        reader.kill();
        co_await reader.join();
        EXPECT_EQ(received, 512);
        EXPECT_TRUE(next_failed);
    });
}

// invariant 3
TEST(op, an_abort_that_comes_after_the_answer_hits_nothing) {
    std::size_t cancels = 0;
    const auto answer = [&](scripted_kernel& k) {
        for (const io_uring_sqe& sqe : k.taken)
            if (scripted_kernel::is_cancel(sqe))
                ++cancels;
            else
                k.answer(sqe.user_data, 9);
        k.taken.clear();
    };
    with_script(answer, []() -> task<> {
        int received = 0;
        greenlet<> reader;
        // Runs in the same lap as the reader, before it: the reader is ready, but has not been resumed.
        const auto killer = spawn([&]() -> task<> {
            co_await read_op(1);
            reader.kill();
        });
        reader = spawn([&]() -> task<> { received = co_await read_op(2); });
        co_await killer.get();
        co_await reader.join();
        EXPECT_EQ(received, 9);
    });
    EXPECT_EQ(cancels, 0u);
}

TEST(op, is_cancelled_once_however_often_its_greenlet_is_killed) {
    std::size_t cancels = 0;
    const auto slow_cancel = [&](scripted_kernel& k) {
        cancels =
            static_cast<std::size_t>(std::count_if(k.taken.begin(), k.taken.end(), &scripted_kernel::is_cancel));
        if (cancels > 0 && k.turns > 8) {
            k.answer(k.taken[0].user_data, -ECANCELED);
            k.script = no_answer;
        }
    };
    with_script(slow_cancel, []() -> task<> {
        const auto reader = spawn([]() -> task<> {
            scope inner;
            const auto canceller = spawn([&inner]() -> task<> {
                inner.cancel();
                co_return;
            });
            co_await read_op();
        });
        co_await yield();
        reader.kill();
        co_await yield();
        reader.kill();
        for (int i = 0; i < 10; ++i)
            co_await yield();
        co_await reader.join();
    });
    EXPECT_EQ(cancels, 1u);
}

// invariant 5
TEST(op, a_frame_is_never_destroyed_while_it_waits) {
    EXPECT_DEATH(with_script(no_answer,
                             []() -> task<> {
                                 auto child = std::make_unique<task<int>>(
                                     []() -> task<int> { co_return co_await read_op(); }());
                                 const auto owner = spawn([&]() -> task<> { co_await std::move(*child); });
                                 co_await yield();
                                 child.reset();
                             }),
                 "a task was destroyed while it was waiting");
}

// invariant 5
TEST(op, the_loop_ends_only_when_the_kernel_has_finished_with_every_request) {
    struct : completion {
        using completion::completion;
    } pump(+[](completion&, int, unsigned flags) noexcept {
        if ((flags & IORING_CQE_F_MORE) == 0)
            loop::current().landed();
    });
    bool answered = false;
    const auto after_the_cancel = [&](scripted_kernel& k) {
        if (k.taken.empty() || !scripted_kernel::is_cancel(k.taken.back()))
            return;
        if (k.turns % 3 == 0) {
            answered = true;
            k.answer(pump.user_data(), -ECANCELED);
            k.script = no_answer;
        } else {
            k.answer(pump.user_data(), 1, IORING_CQE_F_MORE);
        }
    };
    with_script(after_the_cancel, [&] {
        request multishot;
        multishot->user_data = pump.user_data();
        loop::current().push(*multishot);
    });
    EXPECT_TRUE(answered);
}

TEST(op, requests_that_nobody_waits_for_are_still_submitted_at_the_end) {
    std::vector<io_uring_sqe> pushed;
    const auto note = [&](scripted_kernel& k) { pushed = k.taken; };
    struct closes_at_its_end {
        ~closes_at_its_end() {
            request close;
            close->opcode = IORING_OP_CLOSE;
            loop::current().push(*close);
        }
    };
    with_script(note, []() -> task<> {
        spawn([]() -> task<> {
            closes_at_its_end stream;
            co_await sleep_for(1h);
        });
        co_await yield();
    });
    ASSERT_EQ(pushed.size(), 1u);
    EXPECT_EQ(pushed[0].opcode, IORING_OP_CLOSE);
}

TEST(op, a_push_that_fails_is_an_exception_in_the_one_who_waits) {
    class impossible : public op {
    public:
        impossible() : op("impossible") {}
        void await_suspend(std::coroutine_handle<>) { throw std::bad_alloc(); }
        void await_resume() const {}
    };
    story::in_virtual_time([]() -> task<> {
        bool caught = false;
        try {
            co_await impossible();
        } catch (const std::bad_alloc&) {
            caught = true;
        }
        EXPECT_TRUE(caught);
        co_await sleep_for(1ms);
    });
    story::in_virtual_time([] { EXPECT_THROW(await(impossible()), std::bad_alloc); });
}

}  // namespace core_op_test

// Stacks: pooled, guarded, and an overflow that says whose it was.

#include "support/seccomp.hpp"
#include "support/story.hpp"

#include <ringlet/core/join_all.hpp>
#include <ringlet/core/stack.hpp>

#include <gmock/gmock.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <set>

namespace core_stack_test {

using namespace ringlet;
using story::in_virtual_time;

#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000)
#endif

// Opaque to the optimizer, which would make a loop of it.
[[gnu::noinline]] int use_stack(int levels) {
    char page[4096];
    std::memset(page, levels, sizeof page);
    asm volatile("" : : "r"(page) : "memory");
    const int below = levels == 0 ? 0 : use_stack(levels - 1);
    asm volatile("" : : "r"(page) : "memory");
    return below + page[7];
}

/// Steps over as much as it can at once.
[[gnu::noinline]] int one_large_frame() {
    char memory[1 << 20];
    asm volatile("" : : "r"(memory) : "memory");
    memory[0] = 1;
    asm volatile("" : : "r"(memory) : "memory");
    return memory[0];
}

TEST(stacks, are_reused_most_recent_first) {
    const stack a = take_stack(64 * 1024);
    const stack b = take_stack(64 * 1024);
    EXPECT_NE(a.bottom, b.bottom);
    give_back(a);
    give_back(b);
    const stack c = take_stack(64 * 1024);
    EXPECT_EQ(c.bottom, b.bottom);
    const stack d = take_stack(64 * 1024);
    EXPECT_EQ(d.bottom, a.bottom);
    give_back(c);
    give_back(d);
}

TEST(stacks, have_at_least_the_size_asked_for_and_each_size_its_own_pool) {
    for (const std::size_t size :
         {std::size_t(1), std::size_t(16'384), std::size_t(100'000), std::size_t(1) << 20, std::size_t(16) << 20}) {
        const stack s = take_stack(size);
        EXPECT_GE(s.size(), size);
        std::memset(s.bottom, 1, 16);
        std::memset(s.top - 16, 1, 16);
        give_back(s);
    }
}

TEST(stacks, more_than_one_region_do_not_overlap) {
    std::vector<stack> all;
    std::set<std::byte*> bottoms;
    for (int i = 0; i < 200; ++i) {
        all.push_back(take_stack(default_stack_size));
        EXPECT_TRUE(bottoms.insert(all.back().bottom).second);
    }
    for (auto at = bottoms.begin(); std::next(at) != bottoms.end(); ++at)
        EXPECT_GE(*std::next(at) - *at, static_cast<std::ptrdiff_t>(default_stack_size + guard_size));
    for (const stack& s : all)
        give_back(s);
}

/// Whether the page that a fiber begins on is there before it was touched.
bool has_its_first_page(const stack& s) {
    unsigned char there = 0;
    EXPECT_EQ(mincore(s.top - 4096, 4096, &there), 0);
    return (there & 1) != 0;
}

TEST(stacks, get_their_first_pages_together_once_many_are_wanted) {
    std::byte* page =
        static_cast<std::byte*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    const iovec range{page, 4096};
    const bool together = syscall(SYS_process_madvise, PIDFD_SELF, &range, 1, MADV_POPULATE_WRITE, 0) == 4096;
    munmap(page, 4096);
    if (!together)
        GTEST_SKIP() << "this kernel takes one range at a time";
    // A size of its own, so that nobody used these before.
    std::vector<stack> all;
    for (int i = 0; i < 65; ++i)
        all.push_back(take_stack(std::size_t(3) << 20));
    EXPECT_FALSE(has_its_first_page(all.front())) << "a few fibers pay for what they use";
    EXPECT_TRUE(has_its_first_page(all.back()));
    for (const stack& s : all)
        give_back(s);
}

TEST(stacks, every_one_has_a_guard_below_it_also_after_it_was_reused) {
    for (int use = 0; use < 2; ++use) {
        const stack s = take_stack(64 * 1024);
        EXPECT_DEATH(*(s.bottom - 1) = std::byte(1), "") << "use " << use;
        EXPECT_DEATH(*(s.bottom - guard_size) = std::byte(1), "");
        give_back(s);
    }
}

TEST(stacks, are_guarded_and_cooled_down_one_by_one_where_the_kernel_does_not_take_many_at_once) {
    const auto live = [] {
        if (!story::refuse_calls(__NR_process_madvise, __NR_process_madvise, ENOSYS))
            std::exit(0);
        int woken = 0;
        in_virtual_time([&woken] {
            for (int round = 0; round < 2; ++round) {
                std::vector<greenlet<>> all;
                for (int i = 0; i < 1500; ++i)
                    all.push_back(spawn(spawn_options().stack_size(1), [&woken] {
                        await(sleep_for(1s));
                        ++woken;
                    }));
                await(join_all(all));
            }
        });
        std::exit(woken == 3000 ? 0 : 1);
    };
    EXPECT_EXIT(live(), testing::ExitedWithCode(0), "");
    EXPECT_DEATH(
        {
            (void)story::refuse_calls(__NR_process_madvise, __NR_process_madvise, ENOSYS);
            const stack s = take_stack(64 * 1024);
            *(s.bottom - 1) = std::byte(1);
        },
        "")
        << "it has its guard all the same";
}

TEST(stacks, too_large_to_be_had_are_an_error_of_the_greenlet_that_needs_them) {
    in_virtual_time([]() -> task<> {
        for (const int bits : {32, 47, 63}) {
            const auto g = spawn(spawn_options().stack_size(std::size_t(1) << bits), [] {});
            co_await g.join();
            EXPECT_THAT(describe(g.exception()), testing::HasSubstr("fiber stack"));
        }
        EXPECT_EQ(co_await spawn([] { return 1; }).get(), 1);
    });
}

TEST(stack_overflow, names_the_fiber) {
    if (built_with_sanitizer)
        GTEST_SKIP() << "the sanitizer reports it first, in its own words";
    EXPECT_DEATH(in_virtual_time([] {
                     const auto g = spawn(spawn_options().name("deep thought").stack_size(64 * 1024),
                                          [] { return use_stack(1000); });
                     await(g.get());
                 }),
                 "ringlet: stack overflow in fiber deep thought \\(64 KiB\\)");
}

TEST(stack_overflow, a_frame_that_is_larger_than_the_guard_does_not_jump_it) {
    if (built_with_sanitizer)
        GTEST_SKIP() << "the sanitizer reports it first, in its own words";
    EXPECT_DEATH(in_virtual_time([] {
                     const auto g =
                         spawn(spawn_options().name("giant").stack_size(64 * 1024), [] { return one_large_frame(); });
                     await(g.get());
                 }),
                 "stack overflow in fiber giant");
}

TEST(stack_overflow, of_a_fiber_started_from_a_fiber_names_the_inner_one) {
    if (built_with_sanitizer)
        GTEST_SKIP() << "the sanitizer reports it first, in its own words";
    EXPECT_DEATH(in_virtual_time([] {
                     await(sleep_for(1ms));
                     const auto g = spawn(spawn_options().name("inner"), [] { return use_stack(100'000); });
                     await(g.get());
                 }),
                 "stack overflow in fiber inner");
}

TEST(stack_overflow, any_other_fault_is_left_to_whoever_handled_it_before) {
    EXPECT_DEATH(in_virtual_time([] {
                     const auto g = spawn([] { std::raise(SIGSEGV); });
                     await(g.get());
                 }),
                 testing::Not(testing::HasSubstr("stack overflow in fiber")));
}

TEST(stack_overflow, a_large_stack_is_large) {
    const int sum = in_virtual_time([] {
        const auto g = spawn(spawn_options().stack_size(std::size_t(16) << 20), [] { return use_stack(1000); });
        return await(g.get());
    });
    EXPECT_NE(sum, 1);
}

}  // namespace core_stack_test

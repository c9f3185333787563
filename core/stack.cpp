#include <ringlet/core/stack.hpp>

#include "valgrind_private.hpp"

#include <ringlet/core/context.hpp>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000)
#endif

namespace ringlet {
namespace {

constexpr std::size_t stacks_per_region = 64;
constexpr std::size_t page_size = 4096;  // where pages are larger, the last of them
constexpr std::size_t warm_stacks = 1024;  // kept with their pages, per size and thread
constexpr std::size_t batch = 64;  // how many more before pages go back to the system
constexpr unsigned size_classes = 32;  // powers of two, the guard included
constexpr std::size_t largest_stack = (std::size_t(1) << (size_classes - 1)) - guard_size;

// mprotect guards cost two mappings each, and the limit is the process's.
std::atomic<long> mprotect_guards{0};

long max_map_count() {
    long limit = 65530;
    std::ifstream("/proc/sys/vm/max_map_count") >> limit;
    return limit;
}

/// madvise(2) of many ranges by one call, which the kernel takes from 6.14 on: a third of the price for
/// guards, and a quarter for pages that go. False where it must be done one by one.
bool advise_at_once(std::span<const iovec> ranges, int advice) noexcept {
    std::size_t wanted = 0;
    for (const iovec& each : ranges)
        wanted += each.iov_len;
    const long done = syscall(SYS_process_madvise, PIDFD_SELF, ranges.data(), ranges.size(), advice, 0);
    return done >= 0 && static_cast<std::size_t>(done) == wanted;
}

/// True when the guard split a mapping.
bool install_guard(std::byte* at) {
    if (madvise(at, guard_size, MADV_GUARD_INSTALL) == 0)
        return false;
    static const long budget = max_map_count() / 2 - 1024;
    if (mprotect_guards.fetch_add(1) >= budget) {
        --mprotect_guards;
        throw std::system_error(ENOMEM, std::system_category(),
                                "fiber stack: this kernel has no lightweight guard pages and " +
                                    std::to_string(budget) +
                                    " fibers with mprotect guards use up vm.max_map_count; raise it "
                                    "(sysctl -w vm.max_map_count=1048576) or use coroutines");
    }
    if (mprotect(at, guard_size, PROT_NONE) != 0) {
        const int error = errno;
        --mprotect_guards;
        throw std::system_error(error, std::system_category(), "fiber stack: mprotect of its guard");
    }
    return true;
}

struct region {
    std::byte* memory;
    std::size_t size;
    std::size_t stacks;
    unsigned last_id;  // as valgrind calls them, who counts up
};

struct size_class {
    std::vector<stack> warm;  // used before, their pages still there; most recent last
    std::vector<stack> cold;  // guarded, and without pages
    std::vector<stack> fresh;  // carved, not yet guarded
    std::size_t carved = 0;
};

struct stack_pool {
    ~stack_pool() {
        for (const region& r : regions) {
            for (unsigned i = 0; i < r.stacks; ++i)
                forget_stack(r.last_id - i);
            munmap(r.memory, r.size);
        }
        mprotect_guards -= split_mappings;
    }

    std::array<size_class, size_classes> classes;
    std::vector<region> regions;
    long split_mappings = 0;
};

// Trivially destructible, so that fibers which outlive the thread's destructors can still be ended.
constinit thread_local stack_pool* pool = nullptr;
constinit thread_local std::size_t stacks_in_use = 0;

struct pool_cleaner {
    ~pool_cleaner() {
        if (stacks_in_use > 0)
            pool->regions.clear();  // somebody still lives there: let the memory go with the process
        delete std::exchange(pool, nullptr);
    }
};

stack_pool& this_pool() {
    if (pool == nullptr) {
        pool = new stack_pool;
        static thread_local pool_cleaner at_thread_exit;
        (void)at_thread_exit;
    }
    return *pool;
}

unsigned class_of(std::size_t size) { return static_cast<unsigned>(std::bit_width(size + guard_size - 1)); }

/// Maps one region and cuts it into slots of guard and stack. Huge pages would make every stack cost
/// 2 MiB at its first touch.
void carve(stack_pool& mine, size_class& sizes, std::size_t size) {
    const std::size_t slot = size + guard_size;
    const std::size_t count = slot >= (8u << 20) ? 1 : stacks_per_region;
    void* memory = mmap(nullptr, slot * count, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::system_category(),
                                "fiber stack: mmap of " + std::to_string(slot * count) + " bytes");
    (void)madvise(memory, slot * count, MADV_NOHUGEPAGE);  // kernels without huge pages refuse it
    auto* base = static_cast<std::byte*>(memory);
    region& made = mine.regions.emplace_back(region{base, slot * count, count, 0});
    for (std::size_t i = count; i-- > 0;)
        made.last_id = announce_stack(base + i * slot + guard_size, base + (i + 1) * slot);
    sizes.carved += count;
    sizes.warm.reserve(warm_stacks + batch);  // so that giving back never allocates
    sizes.cold.reserve(sizes.carved);
    std::array<iovec, stacks_per_region> guards;
    for (std::size_t i = 0; i < count; ++i)
        guards[i] = {base + i * slot, guard_size};
    const bool guarded = advise_at_once(std::span(guards).first(count), MADV_GUARD_INSTALL);
    // Who has used up a region wants many: the page at the top of each, which every fiber needs, comes by one
    // call and not by a fault each.
    if (sizes.carved > count && count > 1) {
        std::array<iovec, stacks_per_region> tops;
        for (std::size_t i = 0; i < count; ++i)
            tops[i] = {base + (i + 1) * slot - page_size, page_size};
        (void)advise_at_once(tops, MADV_POPULATE_WRITE);  // kernels that do not take it leave it to the faults
    }
    for (std::size_t i = count; i-- > 0;)
        (guarded ? sizes.cold : sizes.fresh).push_back({base + i * slot + guard_size, base + (i + 1) * slot});
}

/// The pages of those that were used longest ago go back to the system.
void cool_down(size_class& sizes) noexcept {
    std::array<iovec, batch> pages;
    for (std::size_t i = 0; i < batch; ++i)
        pages[i] = {sizes.warm[i].bottom, sizes.warm[i].size()};
    if (!advise_at_once(pages, MADV_DONTNEED))
        for (const iovec& each : pages)
            (void)madvise(each.iov_base, each.iov_len, MADV_DONTNEED);
    sizes.cold.insert(sizes.cold.end(), sizes.warm.begin(), sizes.warm.begin() + batch);
    sizes.warm.erase(sizes.warm.begin(), sizes.warm.begin() + batch);
}

std::size_t rounded(std::size_t size) { return std::bit_ceil(size + guard_size) - guard_size; }

struct sigaction previous_segv;

// Only async-signal-safe calls in here.
void say(const char* text) noexcept { (void)!write(STDERR_FILENO, text, std::strlen(text)); }

void on_segv(int number, siginfo_t* info, void* ucontext) {
    const context* here = context::current_or_null();
    const auto* fault = static_cast<const std::byte*>(info->si_addr);
    const std::byte* bottom = here != nullptr ? here->memory().bottom : nullptr;
    if (bottom != nullptr && fault < bottom && fault >= bottom - guard_size) {
        char size[24] = {};
        std::to_chars(size, size + sizeof size - 1, here->memory().size() / 1024);
        say("ringlet: stack overflow in fiber ");
        say(here->name());
        if (here->number() != 0) {
            char which[24] = {};
            std::to_chars(which, which + sizeof which - 1, here->number());
            say(" ");
            say(which);
        }
        say(" (");
        say(size);
        say(" KiB); spawn it with a larger stack_size\n");
    }
    // Back to whoever was here before; the default action is reached by faulting again, or, when the
    // signal was sent by somebody (kill(2)), by sending it again.
    if ((previous_segv.sa_flags & SA_SIGINFO) != 0 && previous_segv.sa_sigaction != nullptr) {
        previous_segv.sa_sigaction(number, info, ucontext);
        return;
    }
    sigaction(SIGSEGV, &previous_segv, nullptr);
    if (info->si_code <= 0)
        (void)raise(SIGSEGV);
}

struct signal_stack {
    static constexpr std::size_t size = 64 * 1024;

    signal_stack() {
        stack_t existing{};
        if (sigaltstack(nullptr, &existing) == 0 && (existing.ss_flags & SS_DISABLE) == 0)
            return;  // a sanitizer or the application brought its own
        memory = std::make_unique<std::byte[]>(size);
        stack_t mine{};
        mine.ss_sp = memory.get();
        mine.ss_size = size;
        sigaltstack(&mine, nullptr);
    }
    ~signal_stack() {
        if (memory == nullptr)
            return;
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        sigaltstack(&none, nullptr);
    }
    std::unique_ptr<std::byte[]> memory;
};

}  // namespace

void open_stack_pool() { this_pool(); }

stack take_stack(std::size_t wanted) {
    if (wanted > largest_stack)
        throw std::system_error(ENOMEM, std::system_category(),
                                "fiber stack of " + std::to_string(wanted) + " bytes");
    const std::size_t size = rounded(wanted);
    stack_pool& mine = this_pool();
    size_class& sizes = mine.classes[class_of(size)];
    std::vector<stack>* source = &sizes.warm;
    if (source->empty()) {
        if (sizes.cold.empty() && sizes.fresh.empty())
            carve(mine, sizes, size);
        source = sizes.cold.empty() ? &sizes.fresh : &sizes.cold;
        if (source == &sizes.fresh)
            mine.split_mappings += install_guard(source->back().bottom - guard_size);
    }
    const stack taken = source->back();
    source->pop_back();
    ++stacks_in_use;
    return taken;
}

void give_back(stack s) noexcept {
    --stacks_in_use;
    if (pool == nullptr)
        return;  // the thread ends, and its pool went first
    size_class& sizes = pool->classes[class_of(s.size())];
    sizes.warm.push_back(s);
    if (sizes.warm.size() == warm_stacks + batch)
        cool_down(sizes);
}

void watch_for_overflow() {
    static thread_local signal_stack alternate;
    (void)alternate;
    static const bool installed = [] {
        struct sigaction mine{};
        mine.sa_sigaction = on_segv;
        mine.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        sigemptyset(&mine.sa_mask);
        return sigaction(SIGSEGV, &mine, &previous_segv) == 0;
    }();
    (void)installed;
}

}  // namespace ringlet

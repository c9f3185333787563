#include <ringlet/core/watchdog.hpp>

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/stack_trace.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <pthread.h>
#include <unistd.h>

namespace ringlet {
namespace {

constexpr duration answer_patience = 500ms;  // for the answer of a thread that was asked where it is

duration limit_of_environment() noexcept {
    if (const char* text = std::getenv("RINGLET_WATCHDOG"))
        return std::chrono::milliseconds(std::strtol(text, nullptr, 10));
#ifdef __OPTIMIZE__
    return duration::zero();
#else
    return 100ms;
#endif
}

std::atomic<duration>& chosen_limit() noexcept {
    static std::atomic<duration> limit(limit_of_environment());
    return limit;
}

/// What a thread says of itself in the signal handler.
struct answer {
    std::array<void*, 40> addresses;
    std::size_t count = 0;
    std::array<char, 64> name{};
    std::uint64_t id = 0;
};

struct watched {
    loop* which = nullptr;
    duration limit{};
    pthread_t thread{};
    pid_t tid = 0;

    // The watchdog's own.
    std::uint64_t beat = 0;
    time_point since{};
    duration not_run{};
    bool told = false;

    std::atomic<bool> asked{false};
    std::atomic<bool> answered{false};
    answer says;
};

constinit thread_local watched* of_this_thread = nullptr;
struct sigaction previous_interruption;

void on_question(int number, siginfo_t* info, void* ucontext) {
    watched* w = of_this_thread;
    if (w == nullptr || !w->asked.exchange(false, std::memory_order_acquire)) {
        if ((previous_interruption.sa_flags & SA_SIGINFO) != 0)
            previous_interruption.sa_sigaction(number, info, ucontext);
        else if (previous_interruption.sa_handler != SIG_DFL && previous_interruption.sa_handler != SIG_IGN)
            previous_interruption.sa_handler(number);
        return;
    }
    const int error = errno;
    const greenlet_base& running = w->which->running();
    w->says.id = running.id();
    const char* name = running.given_name();
    std::strncpy(w->says.name.data(), name != nullptr ? name : "", w->says.name.size() - 1);
    w->says.count = take_stack_trace(w->says.addresses);
    w->answered.store(true, std::memory_order_release);
    errno = error;
}

/// How long a thread was ready to run and had no processor: the second number of schedstat (proc(5)).
duration time_without_processor(pid_t tid) noexcept {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", static_cast<int>(tid));
    unsigned long long run = 0, waited = 0;
    if (std::FILE* file = std::fopen(path, "re")) {
        if (std::fscanf(file, "%llu %llu", &run, &waited) != 2)
            waited = 0;
        std::fclose(file);
    }
    return duration(static_cast<duration::rep>(waited));
}

time_point clock_now() noexcept {  // real time: a simulated clock stands still while a greenlet runs
    return std::chrono::time_point_cast<duration>(std::chrono::steady_clock::now());
}

class watchdog {
public:
    explicit watchdog(watchdog* of_parent_process) noexcept : of_parent_process_(of_parent_process) {}

    bool of_this_process() const noexcept { return process_ == getpid(); }

    void add(loop& l, duration limit) {
        auto made = std::make_unique<watched>();
        made->which = &l;
        made->limit = limit;
        made->thread = pthread_self();
        made->tid = gettid();
        of_this_thread = made.get();
        const std::lock_guard lock(mutex_);
        loops_.push_back(std::move(made));
        if (!std::exchange(started_, true))
            start();
        if (loops_.size() == 1)
            changed_.notify_all();
    }

    void remove(loop& l) noexcept {
        const std::lock_guard lock(mutex_);
        of_this_thread = nullptr;
        std::erase_if(loops_, [&l](const auto& w) { return w->which == &l; });
    }

private:
    void start() {
        prepare_stack_traces();
        struct sigaction mine{};
        mine.sa_sigaction = &on_question;
        mine.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
        sigemptyset(&mine.sa_mask);
        sigaction(SIGURG, &mine, &previous_interruption);
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        // std::thread would allocate, and what it allocates looks like a leak in a forked child.
        pthread_t thread{};
        const auto begin = [](void* self) noexcept -> void* {
            static_cast<watchdog*>(self)->run();
            return nullptr;
        };
        const int error = pthread_create(&thread, nullptr, begin, this);
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        if (error != 0)
            throw std::system_error(error, std::system_category(), "start the watchdog's thread");
        pthread_detach(thread);
    }

    void run() {
        pthread_setname_np(pthread_self(), "ringlet watch");
        std::unique_lock lock(mutex_);
        for (;;) {
            if (loops_.empty()) {
                changed_.wait(lock);
                continue;
            }
            duration pause = 1s;
            for (const auto& w : loops_)
                pause = std::min(pause, w->limit / 4);
            changed_.wait_for(lock, std::max<duration>(pause, 1ms));
            for (const auto& w : loops_)
                look_at(*w);
        }
    }

    void look_at(watched& w) {
        const std::uint64_t beat = w.which->beat();
        const time_point now = clock_now();
        if (beat % 2 == 0 || beat != w.beat) {
            w.beat = beat;
            w.since = now;
            w.told = false;
            if (beat % 2 != 0)
                w.not_run = time_without_processor(w.tid);
            return;
        }
        if (w.told || now - w.since < w.limit)
            return;
        const duration held = now - w.since - (time_without_processor(w.tid) - w.not_run);
        if (held < w.limit)
            return;
        w.told = true;
        w.answered.store(false, std::memory_order_relaxed);
        w.asked.store(true, std::memory_order_release);
        if (pthread_kill(w.thread, SIGURG) != 0)
            return;
        for (duration waited{}; waited < answer_patience && !w.answered.load(std::memory_order_acquire);
             waited += 1ms)
            std::this_thread::sleep_for(1ms);
        if (!w.answered.load(std::memory_order_acquire)) {
            if (w.asked.exchange(false))
                report("a greenlet has held its loop for " + to_string(held) +
                       " and its thread, which blocks SIGURG or waits inside the kernel, does not say where");
        } else if (w.which->beat() == beat) {
            tell(w.says, held);
        }
    }

    void tell(const answer& a, duration held) {
        std::string text = a.name[0] != '\0' ? std::string(a.name.data()) : "greenlet " + std::to_string(a.id);
        text += " has held its loop for " + to_string(held) + ":";
        for (std::size_t i = 0; i < a.count; ++i)
            text += "\n    in " + names_.of(a.addresses[i]);
        report(text);
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<watched>> loops_;
    address_names names_;
    bool started_ = false;
    const pid_t process_ = getpid();
    [[maybe_unused]] watchdog* const of_parent_process_;  // kept for leak checkers only
};

/// One for the process, made when the first loop is watched, and never destroyed: its thread may be looking
/// until the end. A fork leaves that thread behind, and its locks as they were, so a child makes its own.
watchdog& the_watchdog() {
    static std::atomic<watchdog*> one{new watchdog(nullptr)};
    watchdog* current = one.load();
    if (!current->of_this_process()) {
        auto* mine = new watchdog(current);
        if (one.compare_exchange_strong(current, mine))
            return *mine;
        delete mine;
    }
    return *current;
}

}  // namespace

void set_watchdog(any_duration limit) { chosen_limit() = limit; }

duration watchdog_limit() noexcept { return chosen_limit(); }

void watch(loop& l) {
    if (const duration limit = watchdog_limit(); limit > duration::zero())
        the_watchdog().add(l, limit);
}

void unwatch(loop& l) noexcept {
    if (of_this_thread != nullptr)
        the_watchdog().remove(l);
}

}  // namespace ringlet

#pragma once
// Threads for work that would block a loop. They start when there is work, are bounded, and go when
// they have been idle for a while. Jobs are intrusive and run first come, first served; any thread may
// push them. Signals of the process stay with the threads that run loops. offload.hpp, futures.hpp and
// thread_pool.hpp are what one uses.

#include <ringlet/core/greenlet_local.hpp>
#include <ringlet/core/list.hpp>
#include <ringlet/core/outside.hpp>
#include <ringlet/core/time.hpp>

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ringlet {

class workers {
public:
    class job : public hook {
    public:
        /// Runs on a worker, or with `dropped` on whoever ends the pool before its turn came. The job
        /// may be gone when it returns.
        using function = void (*)(job&, bool dropped) noexcept;
        explicit job(function on_turn) noexcept : on_turn_(on_turn) {}
        job(const job&) = delete;
        job& operator=(const job&) = delete;

    private:
        friend class workers;
        function on_turn_;
        std::vector<std::unique_ptr<local_value>> locals_;  // of whoever pushed it
    };

    class drain_awaiter;

    /// As Python's ThreadPoolExecutor has it: a few more than there are cores, since most of them wait.
    static std::size_t default_size() noexcept;

    explicit workers(std::size_t size = default_size(), any_duration idle = 10s);

    /// Drops what has not begun and waits, blocking the thread, for what has: `co_await drained()`
    /// before it lets the loop go on meanwhile.
    ~workers();

    workers(const workers&) = delete;
    workers& operator=(const workers&) = delete;

    /// How many threads there may be.
    std::size_t size() const noexcept;

    /// Fewer: the ones too many go when they have done what they do now.
    void resize(std::size_t size);

    /// How many threads there are.
    std::size_t threads() const noexcept;

    /// How many jobs have not begun, and how many are not over.
    std::size_t queued() const noexcept;
    std::size_t unfinished() const noexcept;

    /// Adds a job. It stays with the pool until its function is called or take_back() gives it back.
    /// Throws std::system_error when there is no thread and none can be started.
    void push(job& j);

    /// True: it had not begun, and is the caller's again.
    bool take_back(job& j) noexcept;

    /// Drops every job that has not begun.
    void drop_queued();

    /// Awaitable: until no job is left.
    drain_awaiter drained() noexcept;

private:
    void start_thread();
    void work() noexcept;
    static void run_job(job& j) noexcept;
    void finished_one(outside_batch& woken) noexcept;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    list<job> jobs_;
    std::size_t queued_ = 0;
    std::size_t running_ = 0;
    std::size_t idle_ = 0;
    std::size_t size_;
    const duration idle_limit_;
    bool ending_ = false;
    std::vector<std::thread> threads_;
    std::thread gone_;  // the last one that went, to be joined by the next
    list<outside_waiter> draining_;
};

class [[nodiscard]] workers::drain_awaiter : public outside_waiter {
public:
    explicit drain_awaiter(workers& of) noexcept : outside_waiter(&of.mutex_, clock::stands_still), of_(of) {}
    const char* what() const noexcept override { return "workers to finish"; }
    bool await_ready() const {
        throw_if_canceled();
        return of_.unfinished() == 0;
    }
    bool await_suspend(std::coroutine_handle<> h) noexcept {
        const std::lock_guard lock(of_.mutex_);
        if (of_.queued_ + of_.running_ == 0)
            return false;
        park(h);
        of_.draining_.push_back(*this);
        return true;
    }
    void await_resume() const { throw_if_aborted(); }

private:
    workers& of_;
};

inline workers::drain_awaiter workers::drained() noexcept { return drain_awaiter(*this); }

}  // namespace ringlet

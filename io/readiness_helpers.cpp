#include "readiness_helpers_private.hpp"

#include "readiness_calls_private.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace ringlet::io::readiness {
namespace {

constexpr auto idle_time = std::chrono::seconds(5);

}  // namespace

helpers::~helpers() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
        while (!queue_.empty())
            queue_.pop_front();
    }
    work_to_do_.notify_all();
    for (std::thread& each : threads_)
        each.join();
    while (!done_.empty())
        done_.pop_front();
}

bool helpers::submit(pending& p) {
    const std::lock_guard lock(mutex_);
    join_finished();
    if (idle_ <= queued_ && alive_ < most && !start_thread() && alive_ == 0)
        return false;
    p.where = pending::place::helper;
    p.begun = false;
    queue_.push_back(p);
    ++queued_;
    work_to_do_.notify_one();
    return true;
}

bool helpers::withdraw(pending& p) {
    const std::lock_guard lock(mutex_);
    if (p.begun)
        return false;
    p.unlink();
    p.where = pending::place::nowhere;
    --queued_;
    return true;
}

void helpers::take_done(list<pending>& into) {
    const std::lock_guard lock(mutex_);
    any_done_.store(false, std::memory_order_relaxed);
    into.splice_back(done_);
}

/// Signals are for the threads of the application.
bool helpers::start_thread() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = true;
    try {
        threads_.emplace_back([this] { work(); });
        ++alive_;
    } catch (const std::system_error&) {
        started = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
}

void helpers::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        const bool found = work_to_do_.wait_for(lock, idle_time, [this] { return ending_ || !queue_.empty(); });
        --idle_;
        if (!found || ending_)
            break;
        pending& p = queue_.pop_front();
        --queued_;
        p.begun = true;
        lock.unlock();
        const int res = block(p);
        lock.lock();
        p.res = res;
        done_.push_back(p);
        if (!any_done_.exchange(true, std::memory_order_release)) {
            const std::uint64_t one = 1;
            (void)!::write(wake_fd_, &one, sizeof one);
        }
    }
    --alive_;
    finished_.push_back(std::this_thread::get_id());
}

/// Threads that ended for want of work. They have said so under the lock, and need it no more.
void helpers::join_finished() {
    for (const std::thread::id id : finished_) {
        const auto it = std::find_if(threads_.begin(), threads_.end(),
                                     [id](const std::thread& each) { return each.get_id() == id; });
        it->join();
        threads_.erase(it);
    }
    finished_.clear();
}

}  // namespace ringlet::io::readiness

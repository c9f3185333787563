#include <ringlet/core/workers.hpp>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

#include <pthread.h>

namespace ringlet {
namespace {

/// While it lives, a thread that is started inherits blocked signals: handlers run where loops are.
/// What a thread does to itself (a fault) stays open.
class signals_blocked {
public:
    signals_blocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
            sigdelset(&all, own);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;

private:
    sigset_t before_;
};

std::size_t checked(std::size_t size) {
    if (size == 0)
        throw std::invalid_argument("a thread pool needs at least one thread");
    return size;
}

}  // namespace

std::size_t workers::default_size() noexcept { return std::min(32U, std::thread::hardware_concurrency() + 4); }

workers::workers(std::size_t size, any_duration idle)
    : size_(checked(size)), idle_limit_(std::min<duration>(idle, 24h)) {}

workers::~workers() {
    drop_queued();
    std::unique_lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return threads_.empty(); });
    std::thread last = std::move(gone_);
    lock.unlock();
    if (last.joinable())
        last.join();
}

std::size_t workers::size() const noexcept {
    const std::lock_guard lock(mutex_);
    return size_;
}

std::size_t workers::threads() const noexcept {
    const std::lock_guard lock(mutex_);
    return threads_.size();
}

std::size_t workers::queued() const noexcept {
    const std::lock_guard lock(mutex_);
    return queued_;
}

std::size_t workers::unfinished() const noexcept {
    const std::lock_guard lock(mutex_);
    return queued_ + running_;
}

void workers::resize(std::size_t size) {
    const std::lock_guard lock(mutex_);
    size_ = checked(size);
    while (threads_.size() < size_ && threads_.size() < queued_ + running_)
        start_thread();
    changed_.notify_all();
}

void workers::push(job& j) {
    if (loop* l = loop::current_or_null())
        j.locals_ = l->running().carry_locals();
    const std::lock_guard lock(mutex_);
    if (idle_ <= queued_ && threads_.size() < size_) {
        try {
            start_thread();
        } catch (const std::system_error&) {
            if (threads_.empty())
                throw;  // else those that there are will do
        }
    }
    jobs_.push_back(j);
    ++queued_;
    changed_.notify_one();
}

void workers::drop_queued() {
    for (;;) {
        outside_batch woken;
        std::unique_lock lock(mutex_);
        if (jobs_.empty())
            return;
        job& j = jobs_.pop_front();
        --queued_;
        ++running_;
        lock.unlock();
        j.on_turn_(j, true);
        lock.lock();
        --running_;
        finished_one(woken);
    }
}

bool workers::take_back(job& j) noexcept {
    outside_batch woken;
    const std::lock_guard lock(mutex_);
    if (!j.linked())
        return false;
    j.unlink();
    --queued_;
    finished_one(woken);
    return true;
}

void workers::start_thread() {
    const signals_blocked inherited;
    threads_.emplace_back([this] { work(); });
}

void workers::finished_one(outside_batch& woken) noexcept {
    if (queued_ + running_ == 0)
        while (!draining_.empty())
            woken.add(draining_.front());
}

/// The job may be gone afterwards: what it sees of greenlet_locals is kept here.
void workers::run_job(job& j) noexcept {
    const locals_of_call locals(std::move(j.locals_));
    j.on_turn_(j, false);
}

void workers::work() noexcept {
    pthread_setname_np(pthread_self(), "ringlet worker");
    std::unique_lock lock(mutex_);
    for (;;) {
        if (threads_.size() > size_)
            break;
        if (!jobs_.empty()) {
            job& j = jobs_.pop_front();
            --queued_;
            ++running_;
            lock.unlock();
            run_job(j);
            lock.lock();
            --running_;
            outside_batch woken;
            finished_one(woken);
            lock.unlock();
            woken.wake_all();
            lock.lock();
            continue;
        }
        if (ending_)
            break;
        ++idle_;
        const std::cv_status status = changed_.wait_for(lock, idle_limit_);
        --idle_;
        if (status == std::cv_status::timeout && jobs_.empty())
            break;
    }
    const auto self = std::find_if(threads_.begin(), threads_.end(),
                                   [](const std::thread& t) { return t.get_id() == std::this_thread::get_id(); });
    std::thread before = std::exchange(gone_, std::move(*self));
    threads_.erase(self);
    changed_.notify_all();
    lock.unlock();
    if (before.joinable())
        before.join();
}

}  // namespace ringlet

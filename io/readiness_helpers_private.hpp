#pragma once
// A few threads for what can only block: files, paths, splices. They are started when there is work and
// end when there has been none for a while. A request goes queue -> thread -> done; until a thread has
// taken it, it can be withdrawn.

#include "readiness_request_private.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace ringlet::io::readiness {

class helpers {
public:
    static constexpr unsigned most = 16;

    /// Finished work is announced by a write to this eventfd.
    explicit helpers(int wake_fd) noexcept : wake_fd_(wake_fd) {}

    /// Waits until the threads have finished what they are busy with.
    ~helpers();
    helpers(const helpers&) = delete;
    helpers& operator=(const helpers&) = delete;

    /// False when there is no thread and none can be made.
    bool submit(pending& p);

    /// True when nobody had begun with it, and nobody will.
    bool withdraw(pending& p);

    bool any_done() const noexcept { return any_done_.load(std::memory_order_acquire); }

    /// Moves what is finished; `res` says what came of it.
    void take_done(list<pending>& into);

private:
    bool start_thread();
    void work();
    void join_finished();

    const int wake_fd_;
    std::mutex mutex_;
    std::condition_variable work_to_do_;
    list<pending> queue_;
    list<pending> done_;
    std::atomic<bool> any_done_ = false;
    unsigned queued_ = 0;
    unsigned idle_ = 0;
    unsigned alive_ = 0;
    bool ending_ = false;
    std::vector<std::thread> threads_;
    std::vector<std::thread::id> finished_;
};

}  // namespace ringlet::io::readiness

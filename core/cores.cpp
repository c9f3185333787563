#include <ringlet/core/cores.hpp>

#include <ringlet/core/await.hpp>
#include <ringlet/core/hub.hpp>

#include <algorithm>
#include <barrier>
#include <stdexcept>
#include <string>
#include <thread>

#include <pthread.h>
#include <sched.h>

namespace ringlet {
namespace {

std::vector<int> usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> cores;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (int i = 0; i < CPU_SETSIZE; ++i)
            if (CPU_ISSET(i, &set))
                cores.push_back(i);
    if (cores.empty())
        cores.push_back(0);
    return cores;
}

void pin_to(int cpu) noexcept {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);  // a container may refuse
}

}  // namespace

/// All threads of one run_on_each_core. It outlives them.
class crew {
public:
    crew(const cores_options& options, const std::function<greenlet<>(const core&)>& start)
        : options_(options),
          start_(start),
          cpus_(usable_cores()),
          size_(options.count() != 0 ? options.count() : cpus_.size()),
          all_have_loops_(static_cast<std::ptrdiff_t>(size_)),
          members_(size_) {}

    void run() {
        std::vector<std::thread> threads;
        threads.reserve(size_);
        try {
            for (std::size_t i = 0; i < size_; ++i)
                threads.emplace_back([this, i] { run_member(i); });
        } catch (...) {  // no thread to be had: those that run wait for it in vain
            fail(std::current_exception());
            for (std::size_t i = threads.size(); i < size_; ++i)
                all_have_loops_.arrive_and_drop();
        }
        for (std::thread& t : threads)
            t.join();
        if (errors_.size() == 1)
            std::rethrow_exception(errors_.front());
        if (!errors_.empty())
            throw group_error(std::move(errors_));
    }

    std::size_t size() const noexcept { return size_; }
    loop_ref loop_of(std::size_t index) const { return members_.at(index).where.lock(); }

private:
    struct member : letter {
        member() noexcept : letter(&open) {}
        // To stop is to kill the first greenlet.
        static void open(letter& l) noexcept {
            auto& self = static_cast<member&>(l);
            if (self.first)
                self.first.kill();
        }
        weak_loop_ref where;
        greenlet<> first;
    };

    void run_member(std::size_t i) noexcept {
        member& self = members_[i];
        try {
            pthread_setname_np(pthread_self(), ("ringlet " + std::to_string(i)).c_str());
            if (options_.pin())
                pin_to(cpus_[i % cpus_.size()]);
            loop own(options_.kernels()());
            self.where = weak_loop_ref(own.mail());
            all_have_loops_.arrive_and_wait();
            run_first(i, self);
        } catch (...) {
            const bool had_loop = static_cast<bool>(self.where);
            fail(std::current_exception());
            if (!had_loop)
                all_have_loops_.arrive_and_drop();
        }
    }

    void run_first(std::size_t i, member& self) {
        const core here(*this, i);
        {
            const std::lock_guard lock(mutex_);
            if (!errors_.empty())
                return;
            self.first = start_(here);
            self.first.set_name("first on core " + std::to_string(i));
            running_.push_back(&self);
        }
        std::exception_ptr error;
        try {
            await(self.first.join());
            error = self.first.exception();
        } catch (...) {  // a deadlock
            error = std::current_exception();
        }
        {
            const std::lock_guard lock(mutex_);
            std::erase(running_, &self);
        }
        if (error)
            fail(error);
        // The handle must go on this thread, and a letter that asks to stop may be on its way.
        loop::current().mail().open_all();
        self.first = {};
    }

    /// Asks the others to stop; only the first failure does.
    void fail(std::exception_ptr error) {
        const std::lock_guard lock(mutex_);
        errors_.push_back(std::move(error));
        if (errors_.size() > 1)
            return;
        for (member* each : running_)
            if (const loop_ref where = each->where.lock())
                where.post(*each);
    }

    const cores_options& options_;
    const std::function<greenlet<>(const core&)>& start_;
    const std::vector<int> cpus_;
    const std::size_t size_;
    std::barrier<> all_have_loops_;
    std::mutex mutex_;
    std::vector<std::exception_ptr> errors_;
    std::vector<member*> running_;
    std::vector<member> members_;
};

std::size_t core::count() const noexcept { return crew_.size(); }

loop_ref core::loop_of(std::size_t index) const { return crew_.loop_of(index); }

void detail::run_crew(const cores_options& options, const std::function<greenlet<>(const core&)>& start) {
    if (loop::current_or_null() != nullptr)
        throw std::logic_error("run_on_each_core: this thread has an event loop already");
    crew(options, start).run();
}

}  // namespace ringlet

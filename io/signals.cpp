#include <ringlet/io/signals.hpp>

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace ringlet::io {
namespace {

constexpr int most = NSIG;

// Handlers that run now, on whatever threads of this process. A child that is forked meanwhile gets a copy of the
// count, but none of the threads that would count down again: so the count is of one process, and to any other it is
// none.
class running_handlers {
    struct count {
        pid_t process;
        int handlers;
    };

public:
    bool none() const noexcept {
        const count now = now_;
        return now.process != ::getpid() || now.handlers == 0;
    }
    /// Gives what end() is to be told.
    pid_t begin() noexcept {
        const pid_t process = ::getpid();
        count before = now_, after;
        do
            after = {process, before.process == process ? before.handlers + 1 : 1};
        while (!now_.compare_exchange_weak(before, after));
        return process;
    }
    void end(pid_t process) noexcept {
        for (count before = now_; before.process == process;)
            if (now_.compare_exchange_weak(before, {process, before.handlers - 1}))
                return;
    }

private:
    static_assert(std::atomic<count>::is_always_lock_free);
    std::atomic<count> now_{count{0, 0}};
};

struct place {
    // The writing end of the pipe of whoever waits for this signal, plus one; 0 for nobody. Read by the handler.
    std::atomic<int> pipe = 0;
    // One that has seen the pipe may not have written to it yet: until it is over that descriptor must not be closed,
    // because the next file that is opened gets its number.
    running_handlers handlers;
};
constinit std::array<place, most> places{};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void ringlet_signal_came(int number) {
    const int before = errno;
    place& here = places[static_cast<std::size_t>(number)];
    // In one order for all threads (as atomics are if nothing else is said), count first, look then: whoever clears the
    // place and finds nobody counted knows that later ones find it empty.
    const pid_t process = here.handlers.begin();
    if (const int pipe = here.pipe; pipe != 0) {
        const auto byte = static_cast<unsigned char>(number);
        // A full pipe has more signals than anybody will count: this one may go.
        [[maybe_unused]] const auto written = ::write(pipe - 1, &byte, 1);
    }
    here.handlers.end(process);
    errno = before;
}

std::string name_of(int number) {
    const char* name = ::sigabbrev_np(number);
    return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(number);
}

}  // namespace

signals::signals(std::initializer_list<int> which) : pipe_(make_pipe()) {
    const int writing = pipe_.second.native_handle();
    const int flags = ::fcntl(writing, F_GETFL);
    if (flags < 0)
        return;  // a simulated pipe: the signals of the process that simulates are not for those who live in it
    ::fcntl(writing, F_SETFL, flags | O_NONBLOCK);  // a handler must not wait
    taken_.reserve(which.size());  // what has been taken must be noted, come what may
    try {
        for (const int number : which)
            take(number);
    } catch (...) {
        give_back();
        throw;
    }
}

signals::~signals() { give_back(); }

void signals::take(int number) {
    if (number <= 0 || number >= most)
        throw std::system_error(EINVAL, std::system_category(), "wait for " + name_of(number));
    auto& pipe = places[static_cast<std::size_t>(number)].pipe;
    int nobody = 0;
    if (!pipe.compare_exchange_strong(nobody, pipe_.second.native_handle() + 1))
        throw std::logic_error("wait for " + name_of(number) + ": somebody does already");
    struct sigaction action = {};
    action.sa_handler = &ringlet_signal_came;
    action.sa_flags = SA_RESTART;
    struct sigaction before;
    if (::sigaction(number, &action, &before) != 0) {
        const int error = errno;
        pipe = 0;
        throw std::system_error(error, std::system_category(), "wait for " + name_of(number));
    }
    taken_.push_back({number, before});
}

void signals::give_back() noexcept {
    for (const taken& t : taken_) {
        place& here = places[static_cast<std::size_t>(t.number)];
        ::sigaction(t.number, &t.before, nullptr);
        here.pipe = 0;
        // A handler is one write that does not wait, so this does not take longer than that.
        while (!here.handlers.none())
            ::sched_yield();
    }
    taken_.clear();
}

task<int> signals::next() {
    std::byte number[1];
    co_await pipe_.first.read(number);
    co_return static_cast<int>(number[0]);
}

}  // namespace ringlet::io

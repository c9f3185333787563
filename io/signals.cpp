#include <ringlet/io/signals.hpp>

#include <fcntl.h>
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

// The writing end of the pipe of whoever waits for a signal, plus one; 0 for nobody. Read by the handler.
constinit std::array<std::atomic<int>, most> pipes{};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void ringlet_signal_came(int number) {
    const int before = errno;
    const auto byte = static_cast<unsigned char>(number);
    // A full pipe has more signals than anybody will count: this one may go.
    [[maybe_unused]] const auto written = ::write(pipes[static_cast<std::size_t>(number)] - 1, &byte, 1);
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
    auto& place = pipes[static_cast<std::size_t>(number)];
    int nobody = 0;
    if (!place.compare_exchange_strong(nobody, pipe_.second.native_handle() + 1))
        throw std::logic_error("wait for " + name_of(number) + ": somebody does already");
    struct sigaction action = {};
    action.sa_handler = &ringlet_signal_came;
    action.sa_flags = SA_RESTART;
    struct sigaction before;
    if (::sigaction(number, &action, &before) != 0) {
        const int error = errno;
        place = 0;
        throw std::system_error(error, std::system_category(), "wait for " + name_of(number));
    }
    taken_.push_back({number, before});
}

void signals::give_back() noexcept {
    for (const taken& t : taken_) {
        ::sigaction(t.number, &t.before, nullptr);
        pipes[static_cast<std::size_t>(t.number)] = 0;
    }
    taken_.clear();
}

task<int> signals::next() {
    std::byte number[1];
    co_await pipe_.first.read(number);
    co_return static_cast<int>(number[0]);
}

}  // namespace ringlet::io

#pragma once
// Signals as something to wait for. While a `signals` lives, the signals that it was given do nothing
// else: a program that waits for SIGTERM is not ended by it. A handler writes each into a pipe, which
// is safe whatever thread the signal hits (signal-safety(7)); signalfd(2) would need every thread of
// the process to have it blocked, those of foreign libraries too.

#include <ringlet/core/task.hpp>
#include <ringlet/io/pipe.hpp>

#include <csignal>
#include <initializer_list>
#include <vector>

namespace ringlet::io {

class signals {
public:
    /// Takes signals over from what handles them now. Throws std::logic_error for one that another
    /// `signals` has, std::system_error for one that cannot be caught. In a simulated world there are none: those
    /// of the process do what they did.
    explicit signals(std::initializer_list<int> which);
    signals(const signals&) = delete;
    signals& operator=(const signals&) = delete;
    /// They do again what they did before.
    ~signals();

    /// Awaitable: the number of the next one. Those that come while nobody waits are kept.
    task<int> next();

private:
    struct taken {
        int number;
        struct sigaction before;
    };
    void take(int number);
    void give_back() noexcept;

    std::pair<pipe_reader, pipe_writer> pipe_;
    std::vector<taken> taken_;
};

}  // namespace ringlet::io

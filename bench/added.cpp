// The user time that ringlet adds to each echoed message over the raw io_uring loop. Server and clients
// share one thread, so that nothing happens at random: the clients send on all connections, the server
// takes as many turns as it needs, the clients collect. The clock stops while the clients are at it and
// while the kernel is: io_uring_enter and the call in which liburing makes it are wrapped by the linker
// (meson.build), once per turn and not per message. What is left is what the loops do themselves.

#include "raw/coroutine_echo.hpp"
#include "raw/uring_echo.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/net/tcp.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

using namespace ringlet;

namespace {

constexpr std::size_t message_size = 64;

// Not the clock of this thread's CPU time, which is a system call and would itself be measured.
double now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

double outside_ns = 0;  // spent in the kernel or by the clients

// Its time is not the server's.
class outside {
public:
    outside() : start_(now_ns()) {}
    ~outside() { outside_ns += now_ns() - start_; }
    outside(const outside&) = delete;
    outside& operator=(const outside&) = delete;

private:
    double start_;
};

}  // namespace

extern "C" {
int __real_io_uring_enter2(unsigned fd, unsigned submit, unsigned wait, unsigned flags, sigset_t* sig,
                           std::size_t size);
int __real_io_uring_submit_and_wait(io_uring* ring, unsigned wait);
int __wrap_io_uring_enter2(unsigned fd, unsigned submit, unsigned wait, unsigned flags, sigset_t* sig,
                           std::size_t size);
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned wait);

int __wrap_io_uring_enter2(unsigned fd, unsigned submit, unsigned wait, unsigned flags, sigset_t* sig,
                           std::size_t size) {
    const outside here;
    return __real_io_uring_enter2(fd, submit, wait, flags, sig, size);
}

int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned wait) {
    const outside here;
    return __real_io_uring_submit_and_wait(ring, wait);
}
}

namespace {

class clients {
public:
    clients(std::uint16_t port, std::size_t count) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        for (std::size_t i = 0; i < count; ++i) {
            fds_.push_back(raw::must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
            const int on = 1;
            raw::must(::setsockopt(fds_.back(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
            raw::must(::connect(fds_.back(), reinterpret_cast<sockaddr*>(&to), sizeof to), "connect");
        }
    }
    ~clients() {
        for (const int fd : fds_)
            ::close(fd);
    }
    clients(const clients&) = delete;
    clients& operator=(const clients&) = delete;

    void ask() {
        const outside here;
        for (const int fd : fds_)
            raw::must(static_cast<int>(::send(fd, message_, sizeof message_, MSG_NOSIGNAL)), "send");
        missing_ = fds_;
    }

    // True when all have been answered.
    bool collect() {
        const outside here;
        std::erase_if(missing_, [this](int fd) { return ::recv(fd, message_, sizeof message_, MSG_DONTWAIT) > 0; });
        return missing_.empty();
    }

private:
    std::vector<int> fds_;
    std::vector<int> missing_;
    char message_[message_size] = {};
};

// Nanoseconds a message, where `turn` lets the server do something.
template <typename Fn>
double ns_each(clients& all, std::size_t rounds, std::size_t connections, Fn turn) {
    const double outside_before = outside_ns;
    const double start = now_ns();
    for (std::size_t i = 0; i < rounds; ++i) {
        all.ask();
        do
            turn();
        while (!all.collect());
    }
    return (now_ns() - start - (outside_ns - outside_before)) / static_cast<double>(rounds * connections);
}

task<> echo(net::tcp_stream peer) {
    for (;;) {
        const auto got = co_await as_result(peer.receive());
        if (!got || got->empty() || !co_await as_result(peer.write_all(got->bytes())))
            co_return;
    }
}

void echo_on_fiber(net::tcp_stream peer) {
    for (;;) {
        const auto got = await(as_result(peer.receive()));
        if (!got || got->empty() || !await(as_result(peer.write_all(got->bytes()))))
            return;
    }
}

std::uint16_t port_of(int listener) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    raw::must(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    return ntohs(address.sin_port);
}

// A server of ours, its connections accepted.
class our_server {
public:
    our_server(bool fibers, std::size_t connections)
        : listener_(net::listen(net::address::loopback(0))), clients_(listener_.local_address().port(), connections) {
        for (std::size_t i = 0; i < connections; ++i) {
            if (fibers)
                spawn(echo_on_fiber, await(listener_.accept()));
            else
                spawn(echo, await(listener_.accept()));
        }
        await(yield());
    }

    double measure(std::size_t rounds, std::size_t connections) {
        return ns_each(clients_, rounds, connections, [] { await(yield()); });
    }

private:
    net::tcp_listener listener_;
    clients clients_;
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

// Short samples, so that most of them are not interrupted, in turns.
void compare(std::size_t connections, bool tiny) {
    const std::size_t rounds = std::max<std::size_t>((tiny ? 100 : 2500) / connections, 2);
    const int stop_fd = raw::stop_signal();
    const int listener = raw::listen_on_loopback(0);
    raw::uring_echo bare(listener, stop_fd);
    clients of_bare(port_of(listener), connections);
    const int other_listener = raw::listen_on_loopback(0);
    raw::coroutine_echo least(other_listener);
    clients of_least(port_of(other_listener), connections);
    for (std::size_t i = 0; i < connections; ++i)
        least.accept();
    our_server coroutines(false, connections), fibers(true, connections);

    std::vector<double> raw_ns, added[3];
    for (int repeat = 0; repeat < (tiny ? 2 : 201); ++repeat) {
        const double bare_ns = ns_each(of_bare, rounds, connections, [&] { bare.turn(); });
        const double least_ns = ns_each(of_least, rounds, connections, [&] { least.turn(); });
        const double coroutine_ns = coroutines.measure(rounds, connections);
        const double fiber_ns = fibers.measure(rounds, connections);
        if (repeat == 0)
            continue;  // connections are accepted, frames and buffers made
        raw_ns.push_back(bare_ns);
        added[0].push_back(least_ns - bare_ns);
        added[1].push_back(coroutine_ns - bare_ns);
        added[2].push_back(fiber_ns - bare_ns);
    }
    const std::string of = std::to_string(connections) + " connections";
    std::printf("{\"name\": \"user time of the raw loop, %s\", \"ns\": %.1f}\n", of.c_str(), median(raw_ns));
    std::printf("{\"name\": \"added by bare coroutines, %s\", \"ns\": %.1f}\n", of.c_str(), median(added[0]));
    std::printf("{\"name\": \"added by ringlet, coroutine, %s\", \"ns\": %.1f}\n", of.c_str(), median(added[1]));
    std::printf("{\"name\": \"added by ringlet, fiber, %s\", \"ns\": %.1f}\n", of.c_str(), median(added[2]));
    std::fflush(stdout);
    ::close(listener);
    ::close(other_listener);
    ::close(stop_fd);
}

}  // namespace

int main(int argc, char** argv) {
    const bool tiny = argc > 1 && std::strcmp(argv[1], "--tiny") == 0;
    // Not with one connection: then what is measured is how this program takes turns.
    run([tiny] { compare(50, tiny); });
}

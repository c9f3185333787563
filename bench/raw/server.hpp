// What the raw echo servers share and what is not the thing measured: the
// command line, the listening socket, the announcement that the bench suite
// waits for, and the end on SIGTERM or SIGINT. The loops themselves share
// nothing on purpose; each is written the way its mechanism likes best.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>

namespace raw {

// The answer of a system call, or an exception that names the call.
inline int must(int answer, const char* act) {
    if (answer < 0)
        throw std::system_error(errno, std::generic_category(), act);
    return answer;
}

// Reads `--port P`, the only option; 0 lets the kernel choose.
inline std::uint16_t port_argument(int argc, char** argv) {
    std::uint16_t port = 0;
    if (argc == 1)
        return port;
    const std::string_view word = argc == 3 ? argv[2] : "";
    if (std::string_view(argv[1]) != "--port" || word.empty() ||
        std::from_chars(word.begin(), word.end(), port).ptr != word.end()) {
        std::fprintf(stderr, "usage: %s [--port P]\n", argv[0]);
        std::exit(2);
    }
    return port;
}

// TCP_NODELAY is set once, here: accepted sockets inherit it.
inline int listen_on_loopback(std::uint16_t port) {
    const int fd = must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    const int on = 1;
    must(::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
    must(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");

    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
    must(::listen(fd, SOMAXCONN), "listen");
    return fd;
}

// The suite reads this line to learn the port, so it is flushed at once.
inline void announce(int listener) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    must(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    std::printf("listening on 127.0.0.1:%u\n", unsigned{ntohs(address.sin_port)});
    std::fflush(stdout);
}

// A descriptor that becomes readable when it is time to stop. A handler and a
// flag would lose a signal that lands between the check and the wait.
inline int stop_signal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    must(::sigprocmask(SIG_BLOCK, &signals, nullptr), "sigprocmask");
    ::signal(SIGPIPE, SIG_IGN);
    return must(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd");
}

// One descriptor per connection: the soft limit of 1,024 is far too low.
inline void raise_descriptor_limit() {
    rlimit limit{};
    must(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    must(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

}  // namespace raw

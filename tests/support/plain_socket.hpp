#pragma once
// Sockets as the system has them, for the other end of a story: what they do is done when the call
// returns, and does not depend on the code under test.

#include <ringlet/io/fd.hpp>
#include <ringlet/net/address.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace story {

using ringlet::io::fd;

inline void must(bool good, const char* act) {
    if (!good)
        throw std::system_error(errno, std::system_category(), act);
}

/// A client; the connection is in the listener's backlog when this returns.
inline fd connect_plainly(const ringlet::net::address& to) {
    fd client(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    must(client && ::connect(client.get(), to.data(), to.size()) == 0, "connect");
    return client;
}

inline ringlet::net::address address_of(int fd, int (*which)(int, sockaddr*, socklen_t*) = &getsockname) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    must(which(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0, "getsockname");
    return ringlet::net::address::from(&storage, size);
}

inline std::pair<fd, fd> plain_pair(int type = SOCK_STREAM) {
    int ends[2];
    must(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    return {fd(ends[0]), fd(ends[1])};
}

/// Two ends of a TCP connection on loopback.
inline std::pair<fd, fd> plain_tcp_pair() {
    const fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto any = ringlet::net::address::loopback(0);
    must(::bind(listener.get(), any.data(), any.size()) == 0 && ::listen(listener.get(), 1) == 0, "listen");
    fd client = connect_plainly(address_of(listener.get()));
    fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    must(static_cast<bool>(server), "accept");
    return {std::move(client), std::move(server)};
}

inline void send_plainly(const fd& to, std::string_view text) {
    must(::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()), "send");
}

/// Closing it sends a reset instead of an end (SO_LINGER, socket(7)).
inline void reset_plainly(fd& tcp) {
    const linger now{1, 0};
    must(setsockopt(tcp.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0, "SO_LINGER");
    tcp.reset();
}

}  // namespace story

#pragma once
// What listeners and udp sockets do alike with the system's answers.

#include <ringlet/io/at_once.hpp>
#include <ringlet/io/operation.hpp>
#include <ringlet/net/address.hpp>

#include <string>
#include <system_error>

namespace ringlet::net::detail {

/// Throws when `answer` is a negative errno, else gives it.
inline int succeed(int answer, const char* act, const address& where) {
    if (answer < 0)
        throw std::system_error(-answer, std::system_category(), std::string(act) + " " + where.to_string());
    return answer;
}

/// The address that a socket was bound to (getsockname(2)).
inline address name_of(int fd) {
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (const int answer = io::getsockname_now(fd, reinterpret_cast<sockaddr*>(&storage), &size); answer < 0)
        throw io::failure("getsockname", fd, -answer);
    return address::from(&storage, size);
}

}  // namespace ringlet::net::detail

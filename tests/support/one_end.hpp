#pragma once
// A stream under test whose other end is the system's own.

#include "plain_socket.hpp"

#include <ringlet/net/tcp.hpp>

#include <optional>

namespace story {

struct one_end {
    one_end() {
        auto ends = plain_pair();
        peer = std::move(ends.second);
        stream.emplace(std::move(ends.first), "the peer");
    }
    std::optional<ringlet::net::tcp_stream> stream;
    fd peer;
};

}  // namespace story

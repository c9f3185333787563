#pragma once
// What a server allows its clients: sizes, counts and times, each with a default that suits the open
// internet.

#include <ringlet/core/time.hpp>
#include <ringlet/net/http_access_log.hpp>
#include <ringlet/net/http_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace ringlet::http {

class server_options {
public:
    server_options() {}  // not an aggregate: temporaries of it are safe in a co_await

    http::limits limits;
    std::size_t connections = 10'000;  // a full server stops accepting
    std::size_t unread_body = 64 * 1024;  // what is read and dropped to keep a connection

    // Each phase of a connection has a time of its own.
    any_duration idle = 60s;  // to the first byte of a request
    any_duration head = 15s;  // from there to the end of its head
    any_duration body = 30s;  // between two pieces of its body
    any_duration write = 30s;  // for each 256 KiB of the response
    any_duration linger = 2s;  // for the peer to read the last response before the connection ends

    // Bytes per second that a body must have brought on average, counting only what the handler waited
    // for them, once `body` has passed: a byte now and then keeps nobody. 0: none.
    std::size_t least_rate = 256;
    // For a request in all, from the end of its head to the end of its answer. Who takes longer is
    // killed, and answered 503 if no part of an answer has left. A websocket's ends with the handshake.
    // 0: no limit, as downloads need it.
    any_duration request = 0s;

    // HTTP/2. Over TLS it is spoken with whom the handshake agrees on it (over_tls); in the clear, if this is
    // set, with clients that begin with it. One that shuts its sending side down is taken for gone, and what
    // works on its requests is killed, as with nginx, nghttpd and Go: it could open no window any more and
    // answer no ping, RFC 9113 knows no such state, and nothing tells it from one that was closed.
    bool http2_in_clear = false;
    std::uint32_t streams = 100;  // requests at a time on one connection
    std::uint32_t window = 64 * 1024;  // bytes of the body of each that may come before they are read

    std::string server_name;  // for the Server field; empty: none
    http::access_log access_log;  // told of each answer; empty: nobody is. What it throws is reported
};

}  // namespace ringlet::http

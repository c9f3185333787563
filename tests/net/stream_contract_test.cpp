// The streams that there are keep what streams promise.

#include "support/plain_socket.hpp"
#include "support/stream_contract.hpp"

#include <ringlet/io/memory_stream.hpp>
#include <ringlet/io/pipe.hpp>
#include <ringlet/net/tcp.hpp>

namespace story::kinds {

struct tcp {
    using stream = ringlet::net::tcp_stream;
    static constexpr bool tells_resets = true;

    static std::pair<stream, stream> make() {
        auto [client, server] = plain_tcp_pair();
        for (const fd* end : {&client, &server}) {
            const int small = 128 * 1024;  // else the kernel alone takes 30 MiB before it says stop
            setsockopt(end->get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
            setsockopt(end->get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        }
        return {stream(std::move(client)), stream(std::move(server))};
    }
    static void reset(stream& s) {
        const linger now{1, 0};
        setsockopt(s.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
        s.close();
    }
};

struct unix_sockets {
    using stream = ringlet::net::unix_stream;
    static constexpr bool tells_resets = true;

    static std::pair<stream, stream> make() {
        auto [one, other] = plain_pair();
        return {stream(std::move(one), "one"), stream(std::move(other), "other")};
    }
    static void reset(stream& s) { s.close(); }
};

struct pipes {
    using stream = ringlet::io::joined<ringlet::io::pipe_reader, ringlet::io::pipe_writer>;
    static constexpr bool tells_resets = false;

    static std::pair<stream, stream> make() {
        auto there = ringlet::io::make_pipe();
        auto back = ringlet::io::make_pipe();
        return {stream(std::move(back.first), std::move(there.second)),
                stream(std::move(there.first), std::move(back.second))};
    }
    static void reset(stream& s) { s.close(); }
};

struct memory {
    using stream = ringlet::io::memory_stream;
    static constexpr bool tells_resets = true;

    static std::pair<stream, stream> make() { return ringlet::io::duplex(); }
    static void reset(stream& s) { s.reset(); }
};

}  // namespace story::kinds

namespace story {

INSTANTIATE_TYPED_TEST_SUITE_P(tcp, stream_contract, kinds::tcp);
INSTANTIATE_TYPED_TEST_SUITE_P(unix_sockets, stream_contract, kinds::unix_sockets);
INSTANTIATE_TYPED_TEST_SUITE_P(pipes, stream_contract, kinds::pipes);
INSTANTIATE_TYPED_TEST_SUITE_P(memory, stream_contract, kinds::memory);

}  // namespace story

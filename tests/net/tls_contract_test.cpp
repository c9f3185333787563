// TLS streams keep what streams promise.

#include "support/authority.hpp"
#include "support/plain_socket.hpp"
#include "support/story.hpp"
#include "support/stream_contract.hpp"

#include <ringlet/io/memory_stream.hpp>
#include <ringlet/net/tcp.hpp>
#include <ringlet/net/tls_stream_private.hpp>

namespace net_tls_contract_test {

using namespace story;
namespace tls = ringlet::tls;

/// Gives the bytes that one engine has to send to the other.
inline void carry(tls::detail::engine& from, tls::detail::engine& to) {
    for (std::size_t done = 0; done < from.out.size();) {
        const std::span<std::byte> room = to.room();
        const std::size_t count = std::min(room.size(), from.out.size() - done);
        std::copy_n(from.out.begin() + static_cast<std::ptrdiff_t>(done), count, room.begin());
        to.filled(count);
        done += count;
        (void)to.handshake();
    }
    from.out.clear();
}

/// Two ends after their handshake, without having waited for it; the client has asked for `asked`.
inline std::pair<tls::stream, tls::stream> shaken(ringlet::io::any_stream near, ringlet::io::any_stream far,
                                                  const char* asked = "a.org") {
    static const authority root;
    static const tls::context client(tls::client_options().ca_pem(root.pem()).sessions(0));
    static const tls::context server{tls::server_options(root.sign("other.org")).certificate(root.sign("a.org"))};
    auto one = std::make_shared<tls::stream::state>(std::move(near), client, "a.org");
    SSL_ctrl(one->engine.ssl(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, std::string(asked).data());
    auto other = std::make_shared<tls::stream::state>(std::move(far), server, "");
    (void)one->engine.handshake();
    for (int i = 0; i < 3; ++i) {
        carry(one->engine, other->engine);
        carry(other->engine, one->engine);
    }
    return {tls::stream::state::handle(std::move(one)), tls::stream::state::handle(std::move(other))};
}

// RFC 6066 section 3: the name is sent without a dot at its end. Some clients do not know.
TEST(tls_names, are_the_same_with_a_dot_at_the_end) {
    story::in_virtual_time([]() -> ringlet::task<> {
        auto ends = ringlet::io::duplex();
        const auto [client, server] = shaken(std::move(ends.first), std::move(ends.second), "A.org.");
        EXPECT_EQ(server.server_name(), "a.org");
        EXPECT_EQ(client.peer_subject(), "CN=a.org");
        co_return;
    });
}

/// TLS over memory, with the tickets of the handshake already read.
struct tls_memory {
    using stream = tls::stream;
    static constexpr const char* name = "tls_over_memory";
    static constexpr bool tells_resets = true;

    static std::pair<stream, stream> make() {
        auto ends = ringlet::io::duplex();
        return shaken(std::move(ends.first), std::move(ends.second));
    }
    static void reset(stream& s) { s.close(); }
};

struct tls_tcp {
    using stream = tls::stream;
    static constexpr const char* name = "tls_over_tcp";
    static constexpr bool tells_resets = false;  // data that was not read was read by the TLS layer

    static std::pair<stream, stream> make() {
        auto [client, server] = plain_tcp_pair();
        for (const fd* end : {&client, &server}) {
            const int small = 128 * 1024;
            setsockopt(end->get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
            setsockopt(end->get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        }
        return shaken(ringlet::net::tcp_stream(std::move(client)), ringlet::net::tcp_stream(std::move(server)));
    }
    static void reset(stream& s) { s.close(); }
};

INSTANTIATE_TEST_SUITE_P(net_tls_contract, stream_contract,
                         testing::Values(kind_of<tls_memory>(), kind_of<tls_tcp>()), kind_name);

}  // namespace net_tls_contract_test

#pragma once
// A TLS client and a TLS server at the two ends of a memory stream, in virtual time.

#include "authority.hpp"
#include "story.hpp"
#include "stream_stories.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/io/memory_stream.hpp>
#include <ringlet/net/tls.hpp>

#include <optional>
#include <string>
#include <utility>

namespace story {

namespace tls = ringlet::tls;

/// One authority and one server for the whole program: making keys takes time.
inline const authority& test_authority() {
    static const authority the;
    return the;
}

inline tls::client_options trusting() { return tls::client_options().ca_pem(test_authority().pem()); }

inline tls::server_options serving(const std::string& host = "a.org") {
    return tls::server_options(test_authority().sign(host));
}

/// Both ends of a connection, or what each of them was told instead.
struct tls_pair {
    tls_pair() = default;
    std::optional<tls::stream> client, server;
    std::string client_error, server_error;
    std::error_code client_code, server_code;
};

/// Nothing of OpenSSL's is left in the thread, whatever happened.
template <class Handshake>
task<> keep_outcome(Handshake handshake, std::optional<tls::stream>* to, std::string* text, std::error_code* code) {
    try {
        to->emplace(co_await std::move(handshake));
    } catch (const std::system_error& e) {
        *text = e.what();
        *code = e.code();
    }
    EXPECT_EQ(errors_left_behind(), 0u);
}

template <class A, class B>
task<tls_pair> tls_over(A below_client, B below_server, tls::context client, tls::context server,
                        std::string host = "a.org") {
    tls_pair both;
    auto asked = tls::connect(std::move(below_client), host, client);
    auto waited = tls::accept(std::move(below_server), server);
    auto together =
        ringlet::all(keep_outcome(std::move(asked), &both.client, &both.client_error, &both.client_code),
                     keep_outcome(std::move(waited), &both.server, &both.server_error, &both.server_code));
    co_await std::move(together);
    co_return both;
}

inline task<tls_pair> tls_in_memory(tls::context client, tls::context server, std::string host = "a.org") {
    auto ends = ringlet::io::duplex(64 * 1024, host);
    return tls_over(std::move(ends.first), std::move(ends.second), std::move(client), std::move(server), host);
}

/// What a handshake between these two says at the client's end and, after a read, at the server's.
inline std::pair<std::string, std::string> refusals(const tls::context& client, const tls::context& server,
                                                    const std::string& host = "a.org") {
    std::pair<std::string, std::string> said;
    in_virtual_time([&]() -> task<> {
        tls_pair both = co_await tls_in_memory(client, server, host);
        said = {both.client_error, both.server_error};
        // TLS 1.3: a client is done before the server has looked at its certificate.
        if (both.client && !both.server) {
            try {
                (void)co_await read_some(*both.client);
            } catch (const std::system_error& e) {
                said.first = e.what();
            }
        }
        EXPECT_EQ(errors_left_behind(), 0u);
    });
    return said;
}

}  // namespace story

#pragma once
// The inside of a context: OpenSSL's contexts, and what its callbacks need to know.

#include <ringlet/net/tls_context.hpp>
#include <ringlet/net/tls_openssl_private.hpp>
#include <ringlet/net/tls_sessions_private.hpp>

namespace ringlet::tls {

struct context::data {
    explicit data(std::size_t hosts) : sessions(hosts) {}

    /// One, and for a server one for each further certificate.
    std::vector<detail::ctx_ptr> ctx;
    std::function<std::optional<context>(std::string_view)> choose;
    detail::session_store sessions;
    std::vector<std::string> pins;
    std::string alpn;  // as RFC 7301 section 3.1 writes it
    duration timeout{0};
    bool server = false;
    bool verifies = true;  // certificates of servers
};

namespace detail {

/// Puts the certificate, its chain and its key into a context; throws tls::error.
void use_identity(SSL_CTX* ctx, const identity& own);

/// Adds authorities to those that a context trusts; gives how many there were. Throws tls::error.
std::size_t trust(SSL_CTX* ctx, std::string_view pem, const char* what);

/// Makes a server's contexts show the certificate, and speak the protocol, that the client asks for.
void answer_hello(context::data& server);

}  // namespace detail
}  // namespace ringlet::tls

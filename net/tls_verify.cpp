// Certificates: whether the peer's is to be believed, what is wrong with it in words, and the callbacks
// by which a server chooses its own.
#include <ringlet/net/tls_engine_private.hpp>

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

namespace ringlet::tls::detail {

std::pair<errc, std::string> verdict_on(X509_STORE_CTX* chain, const std::string& whose) {
    const int code = X509_STORE_CTX_get_error(chain);
    X509* found = X509_STORE_CTX_get_current_cert(chain);
    if (found == nullptr)
        found = X509_STORE_CTX_get0_cert(chain);
    const bool own = X509_STORE_CTX_get_error_depth(chain) == 0;
    const std::string subject = own ? whose : "the authority " + name_of(X509_get_subject_name(found));
    const std::string certificate = "certificate of " + subject;
    switch (code) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return {errc::expired, certificate + " expired on " + date_of(X509_get0_notAfter(found))};
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return {errc::expired, certificate + " is not valid before " + date_of(X509_get0_notBefore(found))};
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return {errc::wrong_host,
                    "certificate is for " + names_of(X509_STORE_CTX_get0_cert(chain)) + ", not " + whose};
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return {errc::self_signed, "certificate of " + whose + " is self-signed"};
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return {errc::unknown_authority, "certificate of " + whose + " was issued by an unknown authority (" +
                                                 name_of(X509_get_issuer_name(found)) + ")"};
        default: return {errc::bad_certificate, certificate + ": " + X509_verify_cert_error_string(code)};
    }
}

bool engine::check(X509_STORE_CTX* chain) {
    X509* leaf = X509_STORE_CTX_get0_cert(chain);
    if (with_->server || with_->verifies) {
        const std::string whose = with_->server ? "client " + name_of(X509_get_subject_name(leaf)) : host_;
        if (X509_verify_cert(chain) != 1) {
            verdict_ = verdict_on(chain, whose);
            return false;
        }
    } else {
        X509_STORE_CTX_set_error(chain, X509_V_OK);
    }
    if (with_->pins.empty() || std::ranges::find(with_->pins, pin_of(leaf)) != with_->pins.end())
        return true;
    X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
    verdict_ = {errc::pin_mismatch,
                "certificate of " + host_ + " has the key " + pin_of(leaf) + ", which is not pinned"};
    return false;
}

int engine::verify(X509_STORE_CTX* chain, void*) noexcept {
    const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    engine& self = of(ssl);
    try {
        return self.check(chain);
    } catch (...) {
        self.thrown_ = std::current_exception();
        return 0;
    }
}

int engine::new_session(SSL* ssl, SSL_SESSION* session) noexcept {
    engine& self = of(ssl);
    session_ptr kept(session);
    try {
        self.with_->sessions.put(self.host_, std::move(kept));
    } catch (...) {  // no memory for it: there is no session to resume
        return 1;
    }
    return 1;  // the reference is ours, and gone when it was not kept
}

// --- the server's choices ----------------------------------------------------------------------------

namespace {

/// RFC 6066 section 3; empty when there is none, or none that makes sense. It is sent without a dot at its end, which
/// not all clients know.
std::string name_in_hello(SSL* ssl) {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1 || size < 5 ||
        data[2] != TLSEXT_NAMETYPE_host_name)
        return {};
    const std::size_t length = static_cast<std::size_t>(data[3]) << 8 | data[4];
    if (length > size - 5 || length > 255)
        return {};
    std::string name(reinterpret_cast<const char*>(data + 5), length);
    for (char& c : name)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (name.ends_with('.'))
        name.pop_back();
    return name.find('\0') == name.npos ? name : std::string();
}

/// The certificate that is for `name`, else the first.
std::size_t certificate_for(const context::data& with, const std::string& name) {
    for (std::size_t i = 0; !name.empty() && i < with.ctx.size(); ++i)
        if (X509_check_host(SSL_CTX_get0_certificate(with.ctx[i].get()), name.data(), name.size(), 0, nullptr) == 1)
            return i;
    return 0;
}

}  // namespace

/// Everything that SSL_set_SSL_CTX leaves as it was.
void engine::switch_to(const std::shared_ptr<context::data>& other, std::size_t which) {
    SSL* ssl = ssl_.get();
    SSL_CTX* ctx = other->ctx[which].get();
    SSL_set_SSL_CTX(ssl, ctx);
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(ctx), nullptr);
    SSL_set_min_proto_version(ssl, static_cast<int>(SSL_CTX_get_min_proto_version(ctx)));
    SSL_set_max_proto_version(ssl, static_cast<int>(SSL_CTX_get_max_proto_version(ctx)));
    with_ = other;
}

bool engine::go_on_as(SSL* ssl, int* alert) {
    server_name_ = name_in_hello(ssl);
    std::shared_ptr<context::data> next = with_;
    // A chosen context may choose again, but not for ever.
    for (int i = 0; i < 3 && next->choose; ++i) {
        const std::optional<context> chosen = next->choose(server_name_);
        if (!chosen || !chosen->for_servers()) {
            *alert = SSL_AD_UNRECOGNIZED_NAME;
            verdict_ = {errc::protocol, "the client asks for '" + printable(server_name_) + "', which is not served"};
            return false;
        }
        next = chosen->held();
    }
    switch_to(next, certificate_for(*next, server_name_));
    return true;
}

/// Before anything else is looked at, sessions included: a session of one host must not be resumed at
/// another one that would have asked for a certificate of the client.
int engine::hello(SSL* ssl, int* alert, void*) noexcept {
    engine& self = of(ssl);
    try {
        return self.go_on_as(ssl, alert) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
    } catch (...) {
        self.thrown_ = std::current_exception();
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
}

int engine::choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                            unsigned offered_size, void*) noexcept {
    const bool named = !of(ssl).with_->alpn.empty();
    const std::string& ours = named ? of(ssl).with_->alpn : of(ssl).usual_alpn_;
    if (ours.empty())
        return SSL_TLSEXT_ERR_NOACK;
    unsigned char* found = nullptr;
    const int outcome = SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours.data()),
                                              static_cast<unsigned>(ours.size()), offered, offered_size);
    *chosen = found;
    if (outcome == OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_OK;
    return named ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

void answer_hello(context::data& server) {
    // Sessions of one context cannot be resumed in another.
    std::array<unsigned char, 16> id{};
    if (RAND_bytes(id.data(), id.size()) != 1)
        throw error(errc::bad_configuration, "tls: no random numbers: " + take_error());
    for (const ctx_ptr& ctx : server.ctx) {
        SSL_CTX_set_session_id_context(ctx.get(), id.data(), id.size());
        SSL_CTX_set_client_hello_cb(ctx.get(), &engine::hello, nullptr);
        SSL_CTX_set_alpn_select_cb(ctx.get(), &engine::choose_protocol, nullptr);
        // Acknowledges the name (RFC 6066 section 3). The macro for this casts in a way that warns.
        using callback = void (*)();
        const auto yes = +[](SSL*, int*, void*) -> int { return SSL_TLSEXT_ERR_OK; };
        SSL_CTX_callback_ctrl(ctx.get(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, reinterpret_cast<callback>(yes));
    }
}

}  // namespace ringlet::tls::detail

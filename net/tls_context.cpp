#include <ringlet/net/tls_context_private.hpp>

#include <ringlet/net/tls_engine_private.hpp>

#include <openssl/pem.h>

namespace ringlet::tls {
namespace {

using namespace detail;

[[noreturn]] void refuse(const std::string& why) { throw error(errc::bad_configuration, "tls: " + why); }

int number_of(version v) noexcept { return v == version::tls1_2 ? TLS1_2_VERSION : TLS1_3_VERSION; }

/// RFC 7301 section 3.1: each name behind its length.
std::string on_the_wire(const std::vector<std::string>& names) {
    std::string wire;
    for (const std::string& name : names) {
        if (name.empty() || name.size() > 255)
            refuse("alpn '" + name + "': a protocol has 1 to 255 bytes");
        wire += static_cast<char>(name.size());
        wire += name;
    }
    return wire;
}

/// What all of ours have in common.
ctx_ptr make(const SSL_METHOD* method, version least, version most) {
    const clean_errors clean;
    ctx_ptr ctx(SSL_CTX_new(method));
    if (!ctx)
        refuse(take_error());
    if (least > most)
        refuse("the least version is above the greatest");
    SSL_CTX_set_min_proto_version(ctx.get(), number_of(least));
    SSL_CTX_set_max_proto_version(ctx.get(), number_of(most));
    // Renegotiation costs a server much and a client little, and lets requests of two peers be taken
    // for those of one. Compression tells secrets by its length.
    SSL_CTX_set_options(ctx.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Idle connections give their buffers back. A write goes into our own buffer and is never repeated.
    SSL_CTX_set_mode(ctx.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    return ctx;
}

ctx_ptr make_server(const server_options&, const identity& own, version least, version most,
                    client_certificate policy, const std::string& client_ca) {
    ctx_ptr ctx = make(TLS_server_method(), least, most);
    SSL_CTX_set_options(ctx.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    // Tickets carry all there is to a session, so that no memory is held for clients that are gone.
    SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF);
    use_identity(ctx.get(), own);
    if (policy == client_certificate::none)
        return ctx;
    const clean_errors clean;
    trust(ctx.get(), client_ca, "the authorities of clients");
    const bio_ptr text = reader_of(client_ca);
    auto* names = sk_X509_NAME_new_null();
    while (const x509_ptr each{PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)})
        sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(each.get())));
    SSL_CTX_set_client_CA_list(ctx.get(), names);
    SSL_CTX_set_verify(
        ctx.get(), SSL_VERIFY_PEER | (policy == client_certificate::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        nullptr);
    SSL_CTX_set_cert_verify_callback(ctx.get(), &engine::verify, nullptr);
    return ctx;
}

}  // namespace

context::context(const client_options& options) : data_(std::make_shared<data>(options.sessions_)) {
    ctx_ptr ctx = make(TLS_client_method(), options.min_, options.max_);
    if (!options.ca_.empty())
        trust(ctx.get(), options.ca_, "the authorities to trust");
    if (options.verifies_ && (options.ca_.empty() || options.system_store_))
        SSL_CTX_set_default_verify_paths(ctx.get());  // looked into when they are needed
    // The callback is asked without verification too: it checks the pins.
    SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(ctx.get(), &engine::verify, nullptr);
    if (options.identity_)
        use_identity(ctx.get(), *options.identity_);
    if (options.sessions_ > 0) {
        SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx.get(), &engine::new_session);
    }
    data_->alpn = on_the_wire(options.alpn_);
    data_->pins = options.pins_;
    data_->verifies = options.verifies_;
    data_->timeout = options.timeout_;
    data_->ctx.push_back(std::move(ctx));
    ERR_clear_error();
}

context::context(const server_options& options) : data_(std::make_shared<data>(0)) {
    data_->server = true;
    for (const identity& own : options.identities_)
        data_->ctx.push_back(
            make_server(options, own, options.min_, options.max_, options.policy_, options.client_ca_));
    data_->choose = options.choose_;
    data_->alpn = on_the_wire(options.alpn_);
    data_->timeout = options.timeout_;
    answer_hello(*data_);
    ERR_clear_error();
}

context context::usually(const std::vector<std::string>& alpn) const {
    context same(*this);
    same.usual_alpn_ = on_the_wire(alpn);
    return same;
}

bool context::for_servers() const noexcept { return data_->server; }
duration context::handshake_timeout() const noexcept { return data_->timeout; }

}  // namespace ringlet::tls

// The handle of a TLS stream: what it is asked to do, and what it knows of the connection.
#include <ringlet/net/tls_stream_private.hpp>

#include <openssl/pem.h>

namespace ringlet::tls {
namespace {

std::string taken(BIO* from) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(from, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

stream::~stream() {
    if (state_)
        state_->close();
}

task<std::size_t> stream::read(std::span<std::byte> into) { return state::read(state_, into); }
task<> stream::write_all(std::span<const std::byte> from) { return state::write(state_, from); }
task<> stream::shutdown() { return state::shutdown(state_); }
task<> stream::update_keys() { return state::update_keys(state_); }
void stream::close() noexcept { state_->close(); }
std::string stream::name() const { return state_->below.name(); }
std::size_t stream::buffered() const noexcept { return state_->buffered(); }
ssl_st* stream::native_handle() const noexcept { return state_->engine.ssl(); }

std::string stream::alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(native_handle(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string stream::version() const { return SSL_get_version(native_handle()); }
std::string stream::cipher() const { return SSL_get_cipher_name(native_handle()); }
std::string stream::server_name() const { return state_->engine.server_name(); }
bool stream::resumed() const { return SSL_session_reused(native_handle()) == 1; }

std::string stream::peer_certificate() const {
    const detail::clean_errors clean;
    X509* shown = SSL_get0_peer_certificate(native_handle());
    const detail::bio_ptr out(BIO_new(BIO_s_mem()));
    if (shown == nullptr || !out || PEM_write_bio_X509(out.get(), shown) != 1)
        return {};
    return taken(out.get());
}

std::string stream::peer_subject() const {
    const detail::clean_errors clean;
    X509* shown = SSL_get0_peer_certificate(native_handle());
    const detail::bio_ptr out(BIO_new(BIO_s_mem()));
    if (shown == nullptr || !out ||
        X509_NAME_print_ex(out.get(), X509_get_subject_name(shown), 0, XN_FLAG_RFC2253) < 0)
        return {};
    return taken(out.get());
}

}  // namespace ringlet::tls

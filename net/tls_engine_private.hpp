#pragma once
// TLS as a function of bytes: what came from the peer is put in, what is to be sent is taken out, and
// nothing here waits. Calls OpenSSL through a BIO of ours, because OpenSSL's memory BIO copies once more
// and keeps the most memory that it ever needed.

#include <ringlet/core/frame_pool.hpp>
#include <ringlet/net/tls_context_private.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ringlet::tls::detail {

class engine {
public:
    /// `host` is whom a client wants to reach; `peer` is what errors call the other side.
    engine(const context& with, std::string host, std::string peer);
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;
    /// A session outlives a connection that ended without a close_notify: only TLS 1.1 forbade that.
    ~engine() { SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

    /// True when it is complete, false when it needs bytes. Throws tls::error; what is to be sent then is
    /// the alert.
    bool handshake();

    /// Decrypts what is there: the count, or 0 when it needs bytes or has ended().
    std::size_t read(std::span<std::byte> into);
    bool ended() const noexcept { return ended_; }

    /// Encrypts all of it into `out`.
    void write(std::span<const std::byte> from);
    /// Writes the close_notify.
    void finish();
    void update_keys();

    /// Where the next bytes of the peer go. To be asked for only when it needs bytes; the room grows
    /// with what comes, so that an idle connection waits with little.
    std::span<std::byte> room();
    void filled(std::size_t count) noexcept;

    /// What is to be sent. Whoever sends it empties it.
    std::vector<std::byte> out;

    /// Bytes after which the keys of our direction are changed: RFC 8446 section 5.5 allows some 2^38 of
    /// them for AES-GCM, in full records.
    std::uint64_t rekey_after = std::uint64_t(1) << 36;

    std::size_t buffered() const noexcept { return in_.capacity() + out.capacity(); }
    SSL* ssl() const noexcept { return ssl_.get(); }
    const std::string& server_name() const noexcept { return server_name_; }

    // OpenSSL's callbacks; they find the engine in the SSL.
    static int verify(X509_STORE_CTX* chain, void*) noexcept;
    static int new_session(SSL* ssl, SSL_SESSION* session) noexcept;
    static int hello(SSL* ssl, int* alert, void*) noexcept;
    static int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                               const unsigned char* offered, unsigned offered_size, void*) noexcept;

private:
    static engine& of(const SSL* ssl) noexcept { return *static_cast<engine*>(SSL_get_ex_data(ssl, 0)); }
    static BIO_METHOD* bio_method();
    static int give(BIO* bio, char* into, int size) noexcept;
    static int take(BIO* bio, const char* from, int size) noexcept;

    void begin_client();
    bool go_on_as(SSL* ssl, int* alert);
    void switch_to(const std::shared_ptr<context::data>& other, std::size_t which);
    bool check(X509_STORE_CTX* chain);
    bool wants_bytes(int outcome, const char* act);
    [[noreturn]] void fail(const char* act);
    [[noreturn]] void fail(const char* act, errc why, const std::string& text) const;

    std::shared_ptr<context::data> with_;
    std::string usual_alpn_;  // where the context names no protocols
    std::string host_;  // without the dot at its end
    std::string server_name_;  // SNI
    std::string peer_;
    ssl_ptr ssl_;
    pooled_bytes in_;
    std::size_t in_start_ = 0;
    std::size_t in_end_ = 0;
    std::size_t next_room_ = 1024;
    std::pair<errc, std::string> verdict_{};  // of a callback, when it refuses
    std::exception_ptr thrown_;  // by a callback
    std::exception_ptr later_;  // what the next read says
    std::uint64_t written_ = 0;  // with the keys of now
    bool heard_ = false;  // something of the peer made sense
    bool ended_ = false;
};

/// In words, what X509_verify_cert found wrong. `whose` is the host or the client.
std::pair<errc, std::string> verdict_on(X509_STORE_CTX* chain, const std::string& whose);

}  // namespace ringlet::tls::detail

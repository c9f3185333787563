#pragma once
// What all of our files that call OpenSSL share: owners of its objects, and its error queue. The queue
// is the thread's, and so every greenlet's: it is emptied before each call, and everything is taken
// from it after each, before anybody else can run.

#include <ringlet/net/tls_error.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace ringlet::tls::detail {

/// OpenSSL's free functions as a deleter.
template <auto Free>
class freed_by {
public:
    template <class T>
    void operator()(T* what) const noexcept {
        Free(what);
    }
};

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using ctx_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using session_ptr = std::unique_ptr<SSL_SESSION, freed_by<SSL_SESSION_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;

/// Around every call of OpenSSL that can fail.
class clean_errors {
public:
    clean_errors() noexcept { clear(); }
    clean_errors(const clean_errors&) = delete;
    clean_errors& operator=(const clean_errors&) = delete;
    ~clean_errors() { clear(); }

private:
    static void clear() noexcept {
        if (ERR_peek_error() != 0)  // to clear takes as long for an empty queue as for a full one
            ERR_clear_error();
    }
};

/// The cause in words: the first error in the queue, which is where it went wrong. Empties the queue.
std::string take_error();

/// What a stranger wrote, for a message on one line.
std::string printable(std::string_view text);

/// A text as a BIO to read from; it must outlive the BIO.
bio_ptr reader_of(std::string_view text);

/// "2024-01-01"
std::string date_of(const ASN1_TIME* when);

/// The common name of a subject or issuer, else all of it: for errors.
std::string name_of(const X509_NAME* name);

/// The names that a certificate is for: "a.org, b.org, 10.0.0.1".
std::string names_of(X509* certificate);

/// "sha256/…" as client_options::pin takes it.
std::string pin_of(X509* certificate);

}  // namespace ringlet::tls::detail

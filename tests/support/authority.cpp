#include "authority.hpp"

#include <ringlet/net/tls_openssl_private.hpp>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace story {

using namespace ringlet::tls::detail;

namespace {

/// Ed25519: quick to make, and its signatures always have the same length.
key_ptr new_key() {
    EVP_PKEY* made = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    if (made == nullptr)
        throw std::runtime_error("no key: " + take_error());
    return key_ptr(made);
}

void add_extension(X509* to, X509* issuer, int which, const std::string& value) {
    X509V3_CTX how;
    X509V3_set_ctx(&how, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &how, which, value.c_str());
    if (made == nullptr || X509_add_ext(to, made, -1) != 1)
        throw std::runtime_error("no extension " + value + ": " + take_error());
    X509_EXTENSION_free(made);
}

long next_serial() {
    static long last = 0;
    return ++last;
}

/// Null issuer: signed by itself.
x509_ptr make(const certificate_wish& wish, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key, bool is_authority) {
    x509_ptr made(X509_new());
    X509* x = made.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), next_serial());
    ASN1_TIME_set_string(X509_getm_notBefore(x), wish.not_before.c_str());
    ASN1_TIME_set_string(X509_getm_notAfter(x), wish.not_after.c_str());
    X509_set_pubkey(x, key);
    X509_NAME* name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(wish.name.c_str()),
                               -1, -1, 0);
    X509_set_issuer_name(x, issuer != nullptr ? X509_get_subject_name(issuer) : name);
    X509* by = issuer != nullptr ? issuer : x;
    add_extension(x, by, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    add_extension(x, by, NID_subject_key_identifier, "hash");
    std::string hosts;
    for (const std::string& host : wish.hosts)
        hosts += (hosts.empty() ? "" : ",") + host;
    if (!hosts.empty())
        add_extension(x, by, NID_subject_alt_name, hosts);
    if (X509_sign(x, issuer_key != nullptr ? issuer_key : key, nullptr) == 0)
        throw std::runtime_error("no signature: " + take_error());
    return made;
}

template <class Write>
std::string pem_of(Write write) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    write(out.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string text_of(X509* x) {
    return pem_of([x](BIO* out) { PEM_write_bio_X509(out, x); });
}

std::string text_of(EVP_PKEY* key) {
    return pem_of([key](BIO* out) { PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

}  // namespace

struct authority::parts {
    key_ptr key;
    x509_ptr certificate;
    std::string chain;  // of those above, without the root
};

authority::authority(std::string name) : parts_(std::make_unique<parts>()) {
    parts_->key = new_key();
    parts_->certificate = make(certificate_wish(std::move(name)), parts_->key.get(), nullptr, nullptr, true);
}

authority::authority(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
authority::authority(authority&&) noexcept = default;
authority::~authority() = default;

std::string authority::pem() const { return text_of(parts_->certificate.get()); }

ringlet::tls::identity authority::sign(const certificate_wish& wish) const {
    const key_ptr key = new_key();
    const x509_ptr made = make(wish, key.get(), parts_->certificate.get(), parts_->key.get(), false);
    return ringlet::tls::identity::pem(text_of(made.get()) + parts_->chain, text_of(key.get()));
}

ringlet::tls::identity authority::sign(const std::string& host) const {
    return sign(certificate_wish(host).dns(host));
}

authority authority::intermediate(std::string name) const {
    auto below = std::make_unique<parts>();
    below->key = new_key();
    below->certificate =
        make(certificate_wish(std::move(name)), below->key.get(), parts_->certificate.get(), parts_->key.get(), true);
    below->chain = text_of(below->certificate.get()) + parts_->chain;
    return authority(std::move(below));
}

ringlet::tls::identity self_signed(const certificate_wish& wish) {
    const key_ptr key = new_key();
    const x509_ptr made = make(wish, key.get(), nullptr, nullptr, false);
    return ringlet::tls::identity::pem(text_of(made.get()), text_of(key.get()));
}

std::string pin_of(const ringlet::tls::identity& which) {
    const bio_ptr text = reader_of(which.chain());
    const x509_ptr leaf(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    return ringlet::tls::detail::pin_of(leaf.get());
}

std::size_t errors_left_behind() {
    std::size_t count = 0;
    while (ERR_get_error() != 0)
        ++count;
    return count;
}

}  // namespace story

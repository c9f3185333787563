// Certificates, keys and authorities from PEM into OpenSSL's contexts.
#include <ringlet/net/tls_context_private.hpp>

#include <openssl/pem.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ringlet::tls {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
    throw error(errc::bad_configuration, "tls: " + what + ": " + why);
}

/// Read when a program begins, in the plain way: contexts are made outside of loops too.
std::string contents(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (!file.is_open() || !(text << file.rdbuf()))
        refuse(path, errno == 0 ? "it is empty" : std::error_code(errno, std::system_category()).message());
    return std::move(text).str();
}

/// OpenSSL would ask at the terminal when it is given no function, and nobody may be there.
int give_password(char* into, int size, int, void* password) noexcept {
    const auto& given = *static_cast<const std::string*>(password);
    if (given.size() > static_cast<std::size_t>(size))
        return 0;
    std::memcpy(into, given.data(), given.size());
    return static_cast<int>(given.size());
}

/// "No start line" is how the end of what PEM_read_bio_X509 can read is told; anything else is a mistake in it.
void expect_end(const std::string& what) {
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        refuse(what, detail::take_error());
    ERR_clear_error();
}

}  // namespace

identity::identity(std::string name, std::string chain, std::string key, std::string password)
    : name_(std::move(name)), chain_(std::move(chain)), key_(std::move(key)), password_(std::move(password)) {}

identity identity::files(std::string chain_path, std::string key_path, std::string password) {
    std::string chain = contents(chain_path);
    return {chain_path + " with " + key_path, std::move(chain), contents(key_path), std::move(password)};
}

identity identity::pem(std::string chain, std::string key, std::string password) {
    return {"the given certificate", std::move(chain), std::move(key), std::move(password)};
}

client_options& client_options::ca_file(const std::string& path) {
    std::string text = contents(path);
    if (text.find("-----BEGIN") == text.npos)
        refuse(path, "no certificate in it");
    return ca_pem(text);
}

server_options& server_options::clients(client_certificate policy, std::string_view ca_pem) {
    policy_ = policy;
    client_ca_ = ca_pem;
    return *this;
}

namespace detail {

void use_identity(SSL_CTX* ctx, const identity& own) {
    const clean_errors clean;
    std::string password = own.password();
    const bio_ptr chain = reader_of(own.chain());
    const x509_ptr leaf(PEM_read_bio_X509_AUX(chain.get(), nullptr, &give_password, &password));
    if (!leaf)
        refuse(own.name(), "no certificate in it (" + take_error() + ")");
    if (SSL_CTX_use_certificate(ctx, leaf.get()) != 1)
        refuse(own.name(), take_error());
    while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, &give_password, &password))
        if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
            X509_free(next);
            refuse(own.name(), take_error());
        }
    expect_end(own.name());
    const bio_ptr text = reader_of(own.key());
    const key_ptr key(PEM_read_bio_PrivateKey(text.get(), nullptr, &give_password, &password));
    if (!key)
        refuse(own.name(), "no private key that can be read, or the wrong password (" + take_error() + ")");
    if (X509_check_private_key(leaf.get(), key.get()) != 1)
        refuse(own.name(), "the key is not that of the certificate");
    if (SSL_CTX_use_PrivateKey(ctx, key.get()) != 1)
        refuse(own.name(), take_error());
}

std::size_t trust(SSL_CTX* ctx, std::string_view pem, const char* what) {
    const clean_errors clean;
    const bio_ptr text = reader_of(pem);
    std::string password;
    std::size_t count = 0;
    while (const x509_ptr each{PEM_read_bio_X509(text.get(), nullptr, &give_password, &password)}) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), each.get()) != 1)
            refuse(what, take_error());
        ++count;
    }
    expect_end(what);
    if (count == 0)
        refuse(what, "no certificate in it");
    return count;
}

}  // namespace detail
}  // namespace ringlet::tls

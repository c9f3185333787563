#pragma once
// What a TLS peer trusts, shows and speaks. A context is made once, from options, and used for many
// connections; it is a handle that may be copied, and used by several threads. Files are read when it
// is made, and what is wrong with them is thrown there.

#include <ringlet/core/time.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringlet::tls {

class context;

enum class version : std::uint8_t { tls1_2, tls1_3 };

/// A certificate with the chain that leads to an authority, own first, and its private key, all PEM.
class identity {
public:
    static identity files(std::string chain_path, std::string key_path, std::string password = {});
    static identity pem(std::string chain, std::string key, std::string password = {});

    /// What errors call it: the path, or "the given certificate".
    const std::string& name() const noexcept { return name_; }
    const std::string& chain() const noexcept { return chain_; }
    const std::string& key() const noexcept { return key_; }
    const std::string& password() const noexcept { return password_; }

private:
    identity(std::string name, std::string chain, std::string key, std::string password);
    std::string name_, chain_, key_, password_;
};

/// How to be a client. The default trusts the authorities of the machine (SSL_CERT_FILE, SSL_CERT_DIR),
/// checks that the certificate is the host's, and speaks TLS 1.2 and 1.3.
class client_options {
public:
    client_options() = default;
    /// Trusts these authorities, in PEM, and no longer those of the machine. May be called repeatedly.
    client_options& ca_file(const std::string& path);
    client_options& ca_pem(std::string_view text) {
        (ca_ += text) += '\n';
        return *this;
    }
    /// Trusts the machine's authorities as well.
    client_options& and_system_store() noexcept {
        system_store_ = true;
        return *this;
    }
    /// The server's own key must be this one, or another that was named: "sha256/" and the base64 of the
    /// SHA-256 of its SubjectPublicKeyInfo, as curl writes it. Checked besides everything else.
    client_options& pin(std::string key) {
        pins_.push_back(std::move(key));
        return *this;
    }
    /// Believes whatever certificate the server shows, but for the pins. For tests only.
    client_options& insecure() noexcept {
        verifies_ = false;
        return *this;
    }
    /// What is shown to a server that asks who we are.
    client_options& certificate(identity own) {
        identity_ = std::move(own);
        return *this;
    }
    /// Protocols offered in the handshake (RFC 7301), best first: "h2", "http/1.1".
    client_options& alpn(std::vector<std::string> names) {
        alpn_ = std::move(names);
        return *this;
    }
    client_options& min_version(version v) noexcept {
        min_ = v;
        return *this;
    }
    client_options& max_version(version v) noexcept {
        max_ = v;
        return *this;
    }
    client_options& handshake_timeout(any_duration d) noexcept {
        timeout_ = d;
        return *this;
    }
    /// Hosts with which a session is kept for resumption. 0: none.
    client_options& sessions(std::size_t hosts) noexcept {
        sessions_ = hosts;
        return *this;
    }

private:
    friend class context;
    std::string ca_;
    std::vector<std::string> pins_, alpn_;
    std::optional<identity> identity_;
    duration timeout_ = 10s;
    std::size_t sessions_ = 256;
    version min_ = version::tls1_2, max_ = version::tls1_3;
    bool system_store_ = false, verifies_ = true;
};

/// Whether clients are asked for a certificate, and whether they must have one.
enum class client_certificate : std::uint8_t { none, optional, required };

/// How to be a server.
class server_options {
public:
    explicit server_options(identity own) : identities_(1, std::move(own)) {}
    /// Another certificate. The first one that has the name the client asks for (SNI) is shown; if none
    /// has, the very first.
    server_options& certificate(identity other) {
        identities_.push_back(std::move(other));
        return *this;
    }
    /// Asked with the name that the client wants ("" when it says none): the context to go on with, or
    /// nothing to refuse it. It decides on everything but the handshake timeout. Called on whatever threads
    /// the context is used.
    server_options& choose(std::function<std::optional<context>(std::string_view)> fn) {
        choose_ = std::move(fn);
        return *this;
    }
    /// Clients are asked for a certificate by one of these authorities.
    server_options& clients(client_certificate policy, std::string_view ca_pem);
    /// Protocols that are spoken, best first. A client that offers others only is refused.
    server_options& alpn(std::vector<std::string> names) {
        alpn_ = std::move(names);
        return *this;
    }
    server_options& min_version(version v) noexcept {
        min_ = v;
        return *this;
    }
    server_options& max_version(version v) noexcept {
        max_ = v;
        return *this;
    }
    server_options& handshake_timeout(any_duration d) noexcept {
        timeout_ = d;
        return *this;
    }

private:
    friend class context;
    std::vector<identity> identities_;
    std::function<std::optional<context>(std::string_view)> choose_;
    std::string client_ca_;
    std::vector<std::string> alpn_;
    duration timeout_ = 10s;
    client_certificate policy_ = client_certificate::none;
    version min_ = version::tls1_2, max_ = version::tls1_3;
};

class context {
public:
    struct data;

    /// A client that trusts the authorities of the machine.
    context() : context(client_options()) {}
    /// Both throw tls::error (errc::bad_configuration) that names the file and what is wrong with it.
    explicit context(const client_options& options);
    explicit context(const server_options& options);

    /// The same, speaking these protocols (RFC 7301), best first, if the options named none. A server with
    /// such ones refuses nobody: a client that offers others only gets none.
    context usually(const std::vector<std::string>& alpn) const;
    /// As RFC 7301 section 3.1 writes them.
    const std::string& usual_alpn() const noexcept { return usual_alpn_; }

    bool for_servers() const noexcept;
    duration handshake_timeout() const noexcept;

    const std::shared_ptr<data>& held() const noexcept { return data_; }

private:
    std::shared_ptr<data> data_;
    std::string usual_alpn_;
};

}  // namespace ringlet::tls

#pragma once
// A certificate authority of the test's own, made by OpenSSL: certificates for any name, good and bad.

#include <ringlet/net/tls_context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace story {

/// What a certificate says.
class certificate_wish {
public:
    explicit certificate_wish(std::string common_name) : name(std::move(common_name)) {}
    certificate_wish& dns(std::string host) {
        hosts.push_back("DNS:" + host);
        return *this;
    }
    certificate_wish& ip(std::string address) {
        hosts.push_back("IP:" + address);
        return *this;
    }
    /// "20240101000000Z"
    certificate_wish& from(std::string when) {
        not_before = std::move(when);
        return *this;
    }
    certificate_wish& until(std::string when) {
        not_after = std::move(when);
        return *this;
    }

    std::string name;
    std::vector<std::string> hosts;
    std::string not_before = "20200101000000Z";
    std::string not_after = "29991231235959Z";
};

class authority {
public:
    explicit authority(std::string name = "Test Authority");
    authority(authority&&) noexcept;
    ~authority();

    /// What is to be trusted.
    std::string pem() const;

    ringlet::tls::identity sign(const certificate_wish& wish) const;
    /// For the host and nothing special.
    ringlet::tls::identity sign(const std::string& host) const;
    /// An authority that this one vouches for; its certificates come with the chain.
    authority intermediate(std::string name) const;

private:
    struct parts;
    explicit authority(std::unique_ptr<parts> p);
    std::unique_ptr<parts> parts_;
};

/// Signed by itself.
ringlet::tls::identity self_signed(const certificate_wish& wish);

/// "sha256/…" of a certificate.
std::string pin_of(const ringlet::tls::identity& which);

/// Entries in OpenSSL's error queue of this thread.
std::size_t errors_left_behind();

}  // namespace story

#pragma once
// Why a TLS connection did not come about or broke: one enum, and one exception that names the peer.

#include <string>
#include <system_error>
#include <type_traits>

namespace ringlet::tls {

enum class errc {
    // the peer's certificate
    expired = 1,  ///< or not valid yet
    wrong_host,  ///< it is for another name
    self_signed,
    unknown_authority,  ///< issued by somebody who is not trusted
    pin_mismatch,  ///< valid, but none of the keys that were asked for
    no_certificate,  ///< the client was to show one and did not
    bad_certificate,  ///< anything else that is wrong with it
    // the conversation
    refused,  ///< the peer sent an alert
    not_tls,  ///< what the peer says is no TLS
    protocol,  ///< TLS that breaks the rules, garbage or a forged record
    closed,  ///< the peer went away during the handshake
    truncated,  ///< the peer went away without a close_notify: what was read may be a part
    // this side
    bad_configuration,  ///< a file, key or name that cannot be used
};

/// The category "tls".
const std::error_category& tls_category() noexcept;
std::error_code make_error_code(errc e) noexcept;

/// "tls handshake with example.org:443: certificate of example.org expired on 2024-01-01".
class error : public std::system_error {
public:
    error(errc e, std::string text);
    const char* what() const noexcept override { return text_.c_str(); }
    errc reason() const noexcept { return static_cast<errc>(code().value()); }

private:
    std::string text_;
};

}  // namespace ringlet::tls

template <>
struct std::is_error_code_enum<ringlet::tls::errc> : std::true_type {};

#pragma once
// Why a name has no addresses: a std::system_error in a category of its own, because errno has no
// words for it. What a backend says (c-ares codes, EAI_ codes) is translated once, by the backend.

#include <ringlet/core/time.hpp>

#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace ringlet::net {

enum class resolve_errc {
    not_found = 1,  ///< no such name
    no_addresses,  ///< the name exists and has no address of the family asked for
    bad_name,  ///< not a host name, so nobody was asked
    timed_out,  ///< no name server answered; equivalent to std::errc::timed_out
    server_failed,  ///< SERVFAIL
    refused,  ///< REFUSED
    not_implemented,  ///< NOTIMP
    bad_answer,  ///< an answer that cannot be understood
    unreachable,  ///< no name server could be reached
};

/// Its name is "resolve".
const std::error_category& resolve_category() noexcept;

std::error_code make_error_code(resolve_errc e) noexcept;

/// "resolve no.such.host: not found". When a system call failed, the code is that of the system.
class resolve_error : public std::system_error {
public:
    resolve_error(std::string_view host, std::error_code code);
    /// "resolve example.org: timed out after 5 s"
    resolve_error(std::string_view host, std::error_code code, duration waited);
    const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

}  // namespace ringlet::net

template <>
struct std::is_error_code_enum<ringlet::net::resolve_errc> : std::true_type {};

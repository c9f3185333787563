#pragma once
// What an Authorization field holds: RFC 7617 (Basic) and RFC 6750 (Bearer).

#include <string>
#include <string_view>

namespace ringlet::http {

/// Base64 with padding (RFC 4648 section 4).
std::string base64(std::string_view bytes);

/// Sent to the origin a request was made for, and to no other that a redirect may lead to.
class credentials {
public:
    credentials() = default;
    /// Throws std::invalid_argument for a user with a colon, and for control characters in either.
    static credentials basic(std::string_view user, std::string_view password);
    static credentials bearer(std::string_view token);

    bool empty() const noexcept { return value_.empty(); }
    /// "Basic dTpw"
    const std::string& value() const noexcept { return value_; }

private:
    std::string value_;
};

}  // namespace ringlet::http

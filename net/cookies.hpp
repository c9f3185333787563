#pragma once
// Cookies as RFC 6265 and its revision (draft-ietf-httpbis-rfc6265bis) read and keep them. A jar is
// bounded, knows nothing of sockets, and is told the time; a client has one (http_client.hpp).

#include <ringlet/net/http_fields.hpp>
#include <ringlet/net/url.hpp>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ringlet::http {

struct cookie {
    enum class same_site { unset, none, lax, strict };

    std::string name, value;
    std::string domain;  // lower case, without a leading dot; empty, if its maker wants so: all of them
    std::string path = "/";
    bool host_only = true;  // sent to the domain itself only, not to what is below it
    bool secure = false;  // sent over https only
    bool http_only = false;  // not for scripts; nothing to us
    same_site site = same_site::unset;  // kept; a client that is no browser has no site of its own
    std::time_t expires = session;
    std::uint64_t number = 0;  // those set earlier have smaller ones

    /// Ends with the jar.
    static constexpr std::time_t session = std::numeric_limits<std::time_t>::max();
    bool persistent() const noexcept { return expires != session; }
};

/// What a Set-Cookie line that came from `from` means; empty if it must be ignored.
std::optional<cookie> parse_set_cookie(std::string_view line, const net::url& from, std::time_t now);

/// A date in any of the formats that cookies and old servers use (RFC 6265 section 5.1.1).
std::optional<std::time_t> parse_cookie_date(std::string_view text);

class cookie_jar {
public:
    static constexpr std::size_t most_per_domain = 50;
    static constexpr std::size_t most_in_all = 3000;

    /// Takes over what the Set-Cookie fields of a response say.
    void take(const fields& from_response, const net::url& from, std::time_t now = std::time(nullptr));

    /// Puts one in, or replaces that of the same name, domain and path; one that has expired removes it.
    /// Throws std::invalid_argument for control characters, which could start a header field, for a ';', which could
    /// start another cookie, and for a '=' in the name.
    void set(cookie c, std::time_t now = std::time(nullptr));

    /// "a=1; b=2": what the Cookie field of a request holds; empty when nothing is to be sent.
    std::string line_for(const net::url& to, std::time_t now = std::time(nullptr)) const;

    /// The value of the first cookie of that name, wherever it is from.
    std::optional<std::string_view> get(std::string_view name) const;
    /// All of them, those set earlier first. Valid until the next change.
    std::vector<const cookie*> all() const;

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    void clear() noexcept;

private:
    bool shadows_secure(const cookie& c) const;
    void evict(std::vector<cookie>& bin, std::time_t now);
    void evict_anywhere(std::time_t now);

    std::unordered_map<std::string, std::vector<cookie>> by_domain_;
    std::size_t size_ = 0;
    std::uint64_t set_ = 0;
};

}  // namespace ringlet::http

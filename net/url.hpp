// Web addresses as the WHATWG URL standard reads them, for the schemes this library speaks: http,
// https, ws and wss. A url is a value, always absolute and already normalised. Host parsing lives in
// url_host_private.hpp. International hosts become what DNS knows them by (libidn2; without it they are refused).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ringlet::net {

/// A text that is no url: "url 'htp:/x': scheme 'htp' is not http, https, ws or wss". A password in it is shown as ***.
class url_error : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// A parsed url (https://url.spec.whatwg.org/). The accessors are views into it, valid as long as it
/// lives and is not assigned to. Bytes from 0x80 on are percent-encoded as they stand.
class url {
public:
    /// Throws url_error that names the text and the cause. At most 1 MiB is accepted.
    static url parse(std::string_view text);
    /// The same without an exception; `reason`, if given, receives the cause.
    static std::optional<url> try_parse(std::string_view text, std::string* reason = nullptr);

    /// Takes over a text that is the url already, letter for letter, as most are: no other is made of it.
    /// Empty for all others, sound or not, whose text stays as it was.
    static std::optional<url> try_adopt(std::string& text);

    /// What `reference` means on this page: "../x", "?q", "//other/", or a whole url.
    url resolve(std::string_view reference) const;
    std::optional<url> try_resolve(std::string_view reference, std::string* reason = nullptr) const;

    std::string_view scheme() const { return part(0, scheme_end_); }
    bool is_secure() const { return scheme() == "https" || scheme() == "wss"; }

    /// Percent-encoded, as they stand in the url; empty when there are none.
    std::string_view username() const { return part(scheme_end_ + 3, username_end_); }
    std::string_view password() const;

    /// Lower case; an IPv6 address comes without brackets, ready to connect to.
    std::string_view host() const;
    bool host_is_ip6() const { return text_[host_start_] == '['; }
    /// The effective port: the scheme's own (80 or 443) unless another one is given.
    std::uint16_t port() const;

    /// Starts with '/'.
    std::string_view path() const { return part(path_start_, query_start_); }
    /// Without '?' and '#'. An empty query or fragment is not the same url as none at all.
    std::string_view query() const {
        return has_query() ? part(query_start_ + 1, fragment_start_) : std::string_view();
    }
    std::string_view fragment() const {
        return has_fragment() ? part(fragment_start_ + 1, size()) : std::string_view();
    }
    bool has_query() const { return query_start_ != fragment_start_; }
    bool has_fragment() const { return fragment_start_ != size(); }

    /// Path and query: what a request line holds (RFC 9112 section 3.2.1).
    std::string_view target() const { return part(path_start_, fragment_start_); }
    /// Host with brackets, and the port unless it is the scheme's own: what Host holds.
    std::string_view authority() const { return part(host_start_, path_start_); }
    /// "https://example.org:8443", what must agree before credentials follow a redirect.
    std::string origin() const;

    const std::string& to_string() const& { return text_; }
    std::string to_string() && { return std::move(text_); }

    friend bool operator==(const url& a, const url& b) { return a.text_ == b.text_; }
    friend auto operator<=>(const url& a, const url& b) { return a.text_ <=> b.text_; }

private:
    friend class url_builder;
    url() = default;

    std::uint32_t size() const { return static_cast<std::uint32_t>(text_.size()); }
    std::string_view part(std::size_t from, std::size_t to) const {
        return std::string_view(text_).substr(from, to - from);
    }

    // scheme "://" [username [":" password] "@"] host [":" port] path ["?" query] ["#" fragment]
    std::string text_;
    std::uint32_t scheme_end_ = 0, username_end_ = 0, host_start_ = 0, host_end_ = 0;
    std::uint32_t path_start_ = 0, query_start_ = 0, fragment_start_ = 0;
};

}  // namespace ringlet::net

template <>
struct std::hash<ringlet::net::url> {
    std::size_t operator()(const ringlet::net::url& u) const noexcept {
        return std::hash<std::string>()(u.to_string());
    }
};

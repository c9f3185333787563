// The host part of a url: percent-decoding, forbidden code points, the number forms of IPv4 that
// browsers take (0x7f.1), IPv6 literals. After "host parsing" in the WHATWG URL standard.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ringlet::net::detail {

/// Why a part of a url is not acceptable; never leaves url.cpp.
struct url_refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The normalised host (IPv6 in brackets). Throws url_refusal with the cause.
std::string parse_url_host(std::string_view text);

/// "host:port", with an IPv6 address in brackets.
std::string host_and_port(const std::string& host, std::uint16_t port);

/// The password in the text of a url, sound or not; empty if there is none. It is found rather once too often: a text
/// that is no url may have one where no parser would look, and goes into an error all the same.
std::string_view password_in(std::string_view text) noexcept;

/// The text of a url as an error or a log may have it: "http://user:***@host/".
std::string without_password(std::string_view text);

/// The bytes that "%41" and its like stand for; a '%' without two digits stays as it is.
std::string percent_decode(std::string_view text);

}  // namespace ringlet::net::detail

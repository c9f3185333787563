#pragma once
// What a redirect does to a request (RFC 9110 section 15.4, and what browsers make of it).

#include <ringlet/net/http_client_options.hpp>
#include <ringlet/net/url.hpp>

#include <string>
#include <string_view>

namespace ringlet::http::detail {

/// 301, 302, 303, 307 and 308; these lead on if they say where.
bool is_redirect(int status) noexcept;

/// The method of the next request.
std::string_view method_after(int status, std::string_view method, redirect_rule rule) noexcept;

/// Whether that request has no body, whatever this one had.
bool takes_body_away(int status, std::string_view method, redirect_rule rule) noexcept;

/// Where `location` leads from `from`, whose fragment goes along unless there is a new one. Throws
/// net::url_error.
net::url target_after(const net::url& from, std::string_view location);

/// Drops what must not go to another origin, and what described a body that is not sent any more.
void strip_fields(fields& f, bool other_origin, bool without_body);

}  // namespace ringlet::http::detail

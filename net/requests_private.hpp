#pragma once
// From the words of the client to those of requests.

#include <ringlet/net/http_incoming.hpp>
#include <ringlet/net/requests_types.hpp>

namespace ringlet::requests::detail {

/// The response to a request that was first sent with that method.
Response whole(http::reply from, std::string method);
Response streaming(http::incoming from, std::string method);
[[noreturn]] void rethrow(const http::request_error& e);

/// Where cookies for a request to `url` are from; on a UNIX socket that is localhost. Empty if it is no url.
std::optional<net::url> place_of(const std::string& url);

/// Puts what it has set into a jar.
void take_cookies(http::cookie_jar& into, const Response& from);

}  // namespace ringlet::requests::detail

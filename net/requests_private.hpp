#pragma once
// From the words of the client to those of requests.

#include <ringlet/net/http_incoming.hpp>
#include <ringlet/net/requests_types.hpp>

namespace ringlet::requests::detail {

Response whole(http::reply from, const std::string& method);
Response streaming(http::incoming from, const std::string& method);
[[noreturn]] void rethrow(const http::request_error& e);

}  // namespace ringlet::requests::detail

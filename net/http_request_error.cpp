#include <ringlet/net/http_request_error.hpp>

#include <ringlet/net/ascii_private.hpp>

namespace ringlet::http {

request_error::request_error(stage s, std::string_view method, std::string_view url, std::error_code code,
                             std::string_view cause)
    : std::system_error(code), stage_(s), url_(url) {
    text_.append(method).append(" ").append(net::ascii::printable(url, 500)).append(": ").append(cause);
}

}  // namespace ringlet::http

#include <ringlet/net/http_request_error.hpp>

#include <ringlet/net/ascii_private.hpp>
#include <ringlet/net/url_host_private.hpp>

namespace ringlet::http {

request_error::request_error(stage s, std::string_view method, std::string_view url, std::error_code code,
                             std::string_view cause)
    : std::system_error(code), stage_(s), url_(url) {
    const std::string shown = net::detail::without_password(url);  // texts of errors go into logs
    text_.append(method).append(" ").append(net::ascii::printable(shown, 500)).append(": ").append(cause);
}

}  // namespace ringlet::http

#include <ringlet/net/http_reply.hpp>

#include <ringlet/net/ascii_private.hpp>
#include <ringlet/net/http_text.hpp>
#include <ringlet/net/url_host_private.hpp>

namespace ringlet::http {

status_error::status_error(int status, std::string_view reason, std::string_view url)
    : std::system_error(std::make_error_code(std::errc::protocol_error)),
      status_(status),
      text_(std::to_string(status)) {
    text_ += status < 500 ? " Client Error: " : " Server Error: ";
    text_ += net::ascii::printable(reason.empty() ? reason_of(status) : reason);
    text_ += " for url: ";
    text_ += net::ascii::printable(net::detail::without_password(url), 500);
}

void reply::raise_for_status() const {
    if (!ok())
        throw status_error(status, reason, url);
}

std::string reply::encoding() const { return encoding_of(fields, body); }
std::string reply::text() const { return to_utf8(body, encoding()); }

}  // namespace ringlet::http

// Without nghttp2 nothing but HTTP/1.1 is offered or spoken.
#include <ringlet/net/http2_private.hpp>
#include <ringlet/net/http_server_private.hpp>

#include <system_error>

namespace ringlet::http::detail {

bool has_http2() noexcept { return false; }

std::shared_ptr<http2_client> make_http2_client(io::any_stream, bool, const http2_limits&) {
    throw std::system_error(std::make_error_code(std::errc::protocol_not_supported), "HTTP/2 is not built in");
}

task<> server_connection::answer_many(std::string_view) { co_return; }

}  // namespace ringlet::http::detail

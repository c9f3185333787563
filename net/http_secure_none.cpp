#include <ringlet/net/http_secure_private.hpp>

#include <system_error>

namespace ringlet::http::detail {
namespace {

[[noreturn]] void refuse() {
    throw std::system_error(std::make_error_code(std::errc::protocol_not_supported),
                            "TLS is not built in, only http urls can be fetched");
}

}  // namespace

task<io::any_stream> secured(io::any_stream, const net::url&, std::shared_ptr<const tls::context>, http2_use, bool*) {
    refuse();
    co_return io::any_stream();
}

std::shared_ptr<const tls::context> make_tls_context(bool, const std::string&, const std::string&,
                                                     const std::string&) {
    refuse();
}

}  // namespace ringlet::http::detail

#include <ringlet/net/http_secure_private.hpp>

#include <system_error>

namespace ringlet::http::detail {

task<io::any_stream> connect_securely(const net::url& to) {
    throw std::system_error(std::make_error_code(std::errc::protocol_not_supported),
                            "connect " + std::string(to.host()) + ": TLS is not built in, only http urls can be fetched");
    co_return io::any_stream();
}

}  // namespace ringlet::http::detail

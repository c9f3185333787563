#include <ringlet/net/http_secure_private.hpp>

#include <ringlet/net/tls.hpp>

namespace ringlet::http::detail {
namespace {

tls::client_options for_http() { return tls::client_options().alpn({"http/1.1"}); }

/// Made at first use: reading the machine's authorities takes a while.
const tls::context& usual_context() {
    static const tls::context one(for_http());
    return one;
}

}  // namespace

task<io::any_stream> secured(io::any_stream below, const net::url& to, std::shared_ptr<const tls::context> with) {
    const tls::context context = with ? *with : usual_context();
    const std::string host(to.host());
    tls::stream s = co_await tls::connect(std::move(below), host, context);
    if (const std::string agreed = s.alpn(); !agreed.empty() && agreed != "http/1.1" && agreed != "http/1.0")
        throw std::system_error(std::make_error_code(std::errc::protocol_not_supported),
                                "connect " + s.name() + ": the server wants to speak " + agreed);
    co_return io::any_stream(std::move(s));
}

std::shared_ptr<const tls::context> make_tls_context(bool verify, const std::string& authorities,
                                                     const std::string& chain, const std::string& key) {
    tls::client_options o = for_http();
    if (!verify)
        o.insecure();
    if (!authorities.empty())
        o.ca_file(authorities);
    if (!chain.empty())
        o.certificate(tls::identity::files(chain, key.empty() ? chain : key));
    return std::make_shared<const tls::context>(o);
}

}  // namespace ringlet::http::detail

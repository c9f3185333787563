#include <ringlet/net/http_secure_private.hpp>

#include <ringlet/net/http2_private.hpp>
#include <ringlet/net/tls.hpp>

#include <vector>

namespace ringlet::http::detail {
namespace {

/// Made at first use: reading the machine's authorities takes a while.
const tls::context& usual_context() {
    static const tls::context one;
    return one;
}

std::vector<std::string> protocols(http2_use use) {
    if (use == http2_use::off)
        return {"http/1.1"};
    return use == http2_use::demanded ? std::vector<std::string>{"h2"} : std::vector<std::string>{"h2", "http/1.1"};
}

}  // namespace

task<io::any_stream> secured(io::any_stream below, const net::url& to, std::shared_ptr<const tls::context> with,
                             http2_use use, bool* http2) {
    if (http2 == nullptr || !has_http2())
        use = http2_use::off;
    const tls::context context = (with ? *with : usual_context()).usually(protocols(use));
    const std::string host(to.host());
    tls::stream s = co_await tls::connect(std::move(below), host, context);
    const std::string agreed = s.alpn();
    const bool agreed_http2 = use != http2_use::off && agreed == "h2";
    const bool http1 = agreed.empty() || agreed == "http/1.1" || agreed == "http/1.0";
    if (!agreed_http2 && (!http1 || use == http2_use::demanded))
        throw std::system_error(std::make_error_code(std::errc::protocol_not_supported),
                                "connect " + s.name() + ": the server " +
                                    (http1 ? std::string("does not speak HTTP/2") : "wants to speak " + agreed));
    if (http2 != nullptr)
        *http2 = agreed_http2;
    co_return io::any_stream(std::move(s));
}

std::shared_ptr<const tls::context> make_tls_context(bool verify, const std::string& authorities,
                                                     const std::string& chain, const std::string& key) {
    tls::client_options o;
    if (!verify)
        o.insecure();
    if (!authorities.empty())
        o.ca_file(authorities);
    if (!chain.empty())
        o.certificate(tls::identity::files(chain, key.empty() ? chain : key));
    return std::make_shared<const tls::context>(o);
}

}  // namespace ringlet::http::detail

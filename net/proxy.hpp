#pragma once
// Connections through somebody else: SOCKS5 (RFC 1928, RFC 1929) and HTTP CONNECT (RFC 9110 section
// 9.3.6) over any stream, and what the environment says about whom to go through.

#include <ringlet/core/task.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/connect.hpp>
#include <ringlet/net/url.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace ringlet::net {

/// Who connects for us.
class proxy {
public:
    enum class protocol : std::uint8_t { http, https, socks5 };

    /// "http://user:password@proxy:3128", "socks5://…" (socks5h means the same: the proxy resolves names),
    /// "https://…" (TLS to the proxy itself); "proxy:3128" is one that speaks HTTP. Throws
    /// std::invalid_argument.
    static proxy parse(std::string_view text);

    protocol speaks() const noexcept { return protocol_; }
    const std::string& host() const noexcept { return host_; }
    std::uint16_t port() const noexcept { return port_; }
    const std::string& username() const noexcept { return username_; }
    const std::string& password() const noexcept { return password_; }

    /// Without the password.
    std::string to_string() const;

    friend bool operator==(const proxy&, const proxy&) = default;

private:
    proxy() = default;
    std::string host_, username_, password_;
    std::uint16_t port_ = 0;
    protocol protocol_ = protocol::http;
};

/// The proxy would not or could not: "connect example.org:443 through http://proxy:3128: it answered 407
/// Proxy Authentication Required". The code is the nearest one of errno.
class proxy_error : public std::system_error {
public:
    proxy_error(std::errc code, std::string text)
        : std::system_error(std::make_error_code(code)), text_(std::move(text)) {}
    const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

/// Awaitable: what comes after it is a connection to `host`, a name that the proxy resolves or a numeric
/// address. Reads not one byte beyond the proxy's answer. Throws proxy_error, or what the stream throws;
/// the stream is of no use then.
task<> tunnel_through(io::any_stream& to_proxy, proxy via, std::string host, std::uint16_t port);

/// Awaitable: connects to the proxy and goes through it, all within the timeout of the options. For a
/// proxy that is spoken to by TLS, use tls::connect and tunnel_through.
task<io::any_stream> connect_through(proxy via, std::string host, std::uint16_t port, connect_options options = {});

/// What http_proxy, https_proxy, all_proxy and no_proxy say. HTTP_PROXY in capitals is not believed, since
/// to a CGI program it is a header of whoever asks; the others may be.
class proxy_settings {
public:
    proxy_settings() = default;
    static proxy_settings from_environment();

    std::string http, https, all;
    /// Separated by commas or spaces: "*", "example.org" (and all below it), ".example.org", either with a
    /// port, "10.0.0.1", "10.0.0.0/8", "fd00::/8".
    std::string none;

    /// By whom to go, or nobody. Throws std::invalid_argument when the setting makes no sense.
    std::optional<proxy> find(const url& target) const;
};

/// proxy_settings::from_environment().find(target)
std::optional<proxy> proxy_for(const url& target);

}  // namespace ringlet::net

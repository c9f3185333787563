// Where a request goes, and how one gets there.
#include <ringlet/net/connect.hpp>
#include <ringlet/net/http_client_private.hpp>
#include <ringlet/net/http_redirects_private.hpp>
#include <ringlet/net/tcp.hpp>
#include <ringlet/net/url_host_private.hpp>

#include <ringlet/net/ascii_private.hpp>

#include <algorithm>
#include <charconv>

namespace ringlet::http::detail {
namespace {

using stage = request_error::stage;

constexpr std::string_view socket_scheme = "http+unix://";

[[noreturn]] void refuse(std::string_view method, std::string_view text, std::errc code, std::string_view why) {
    throw request_error(stage::url, method, text, std::make_error_code(code), why);
}

}  // namespace

target target::parse(std::string_view method, std::string text) {
    auto url = net::url::try_adopt(text);
    if (url)  // nearly always, and then it is http or https
        return target(*std::move(url), {});
    std::string socket;
    if (net::ascii::iequals(std::string_view(text).substr(0, socket_scheme.size()), socket_scheme)) {
        const std::string_view rest = std::string_view(text).substr(socket_scheme.size());
        const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
        socket = net::detail::percent_decode(rest.substr(0, end));
        if (!socket.starts_with('/') || socket.find('\0') != socket.npos)
            refuse(method, text, std::errc::invalid_argument,
                   "the path of the socket must be absolute, as in http+unix://%2Frun%2Fserver.sock/path");
        text = "http://localhost" + std::string(rest.substr(end));
        url = net::url::try_adopt(text);
    }
    std::string reason;
    if (!url)
        url = net::url::try_parse(text, &reason);
    if (!url)
        refuse(method, text, std::errc::invalid_argument, reason);
    if (url->scheme() != "http" && url->scheme() != "https")
        refuse(method, text, std::errc::protocol_not_supported,
               "scheme '" + std::string(url->scheme()) + "' is not http");
    return target(*std::move(url), std::move(socket));
}

target target::follow(std::string_view method, std::string_view location) const {
    if (net::ascii::iequals(location.substr(0, socket_scheme.size()), socket_scheme))
        refuse(method, location, std::errc::protocol_not_supported, "a redirect to a UNIX socket is not followed");
    net::url next = target_after(url_, location);
    if (next.scheme() != "http" && next.scheme() != "https")
        refuse(method, next.to_string(), std::errc::protocol_not_supported,
               "scheme '" + std::string(next.scheme()) + "' is not http");
    const bool stays = next.origin() == url_.origin();
    return target(std::move(next), stays ? socket_ : std::string());
}

std::string target::text() const& {
    if (socket_.empty())
        return url_.to_string();
    std::string encoded;
    for (const char c : socket_)
        encoded += c == '/' ? "%2F" : std::string(1, c);
    return std::string(socket_scheme) + encoded + std::string(url_.target());
}

task<io::any_stream> connect_to(const net::url& to) {
    if (const auto address = net::address::try_ip(to.host(), to.port()))
        co_return io::any_stream(co_await net::tcp_stream::connect(*address));
    co_return io::any_stream(
        co_await net::connect(std::string(to.host()), to.port(), net::connect_options().timeout(duration::max())));
}

void rethrow_as_request_error(stage at, std::string_view method, std::string_view url) {
    try {
        throw;
    } catch (const request_error&) {
        throw;
    } catch (const std::system_error& e) {
        throw request_error(at, method, url, e.code(), e.what());
    }
}

std::optional<duration> retry_after(const fields& f, std::time_t now) {
    const auto value = f.get("retry-after");
    if (!value)
        return std::nullopt;
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), count);
    if (error == std::errc() && end == value->data() + value->size())
        return std::chrono::seconds(count);
    if (const auto when = parse_cookie_date(*value))
        return any_duration(std::chrono::seconds(*when - now));
    return std::nullopt;
}

}  // namespace ringlet::http::detail

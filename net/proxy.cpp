#include <ringlet/net/proxy.hpp>

#include <ringlet/core/timeout.hpp>
#include <ringlet/net/proxy_messages_private.hpp>
#include "ascii_private.hpp"
#include "url_host_private.hpp"

#include <array>

namespace ringlet::net {
namespace {

/// What the proxy says, so many bytes of it.
task<std::string> take(io::any_stream& from, std::size_t count) {
    std::string text(count, '\0');
    co_await io::read_exact(from, std::as_writable_bytes(std::span(text)));
    co_return text;
}

task<> give(io::any_stream& to, std::string text) { co_await to.write_all(io::bytes_of(text)); }

task<> through_socks5(io::any_stream& s, const proxy& via, const std::string& host, std::uint16_t port,
                      const std::string& act) {
    using namespace detail;
    const bool known = !via.username().empty();
    co_await give(s, socks5_greeting(known));
    const std::string method = co_await take(s, 2);
    if (socks5_method(method, known, act) == socks5_password) {
        co_await give(s, socks5_login(via.username(), via.password(), act));
        const std::string verdict = co_await take(s, 2);
        check_socks5_login(verdict, act);
    }
    co_await give(s, socks5_request(host, port, act));
    const std::string head = co_await take(s, 5);
    co_await take(s, check_socks5_reply(head, act));  // the address at its other side: of no use
}

/// One byte at a time: what follows the head belongs to whoever is at the other end.
task<> through_http(io::any_stream& s, const proxy& via, const std::string& target, const std::string& act) {
    co_await give(s, detail::connect_request(target, via.username(), via.password()));
    std::string head;
    while (!head.ends_with("\r\n\r\n") && !head.ends_with("\n\n")) {
        if (head.size() >= detail::longest_connect_head)
            throw proxy_error(std::errc::message_size, act + ": its answer does not end");
        head += co_await take(s, 1);
    }
    detail::check_connect_response(head, act);
}

}  // namespace

proxy proxy::parse(std::string_view text) {
    const std::string shown = "proxy '" + ascii::printable(text.substr(text.rfind('@') + 1)) + "': ";
    proxy result;
    std::string_view rest = text;
    std::string scheme = "http";
    if (const std::size_t end = rest.find("://"); end != rest.npos) {
        scheme.clear();
        for (const char c : rest.substr(0, end))
            scheme += ascii::lower(c);
        rest.remove_prefix(end + 3);
    }
    if (scheme == "http")
        result.protocol_ = protocol::http;
    else if (scheme == "https")
        result.protocol_ = protocol::https;
    else if (scheme == "socks5" || scheme == "socks5h")
        result.protocol_ = protocol::socks5;
    else
        throw std::invalid_argument(shown + "it must begin with http, https, socks5 or socks5h");
    const std::string whole = "http://" + std::string(rest);
    rest = rest.substr(0, rest.find_first_of("/?#"));
    if (const std::size_t at = rest.rfind('@'); at != rest.npos) {
        const std::string_view who = rest.substr(0, at);
        const std::size_t colon = std::min(who.find(':'), who.size());
        result.username_ = detail::percent_decode(who.substr(0, colon));
        result.password_ = detail::percent_decode(who.substr(std::min(colon + 1, who.size())));
        rest.remove_prefix(at + 1);
    }
    // The host and port are those of a url, so that they are read as everywhere else.
    std::string reason;
    const auto place = url::try_parse("http://" + std::string(rest), &reason);
    if (!place) {
        (void)url::try_parse(whole, &reason);  // which tells a password with a '/' in it from a wrong port
        throw std::invalid_argument(shown + reason);
    }
    result.host_ = place->host();
    // A port that is named is the same under every scheme.
    const bool own_port = url::parse("https://" + std::string(rest)).port() == place->port();
    const std::uint16_t usual = result.protocol_ == protocol::socks5  ? 1080
                                : result.protocol_ == protocol::https ? 443
                                                                      : 80;
    result.port_ = own_port ? place->port() : usual;
    return result;
}

std::string proxy::to_string() const {
    const char* scheme = protocol_ == protocol::socks5  ? "socks5://"
                         : protocol_ == protocol::https ? "https://"
                                                        : "http://";
    return scheme + detail::host_and_port(host_, port_);
}

task<> tunnel_through(io::any_stream& to_proxy, proxy via, std::string host, std::uint16_t port) {
    const std::string target = detail::host_and_port(host, port);
    const std::string act = "connect " + target + " through " + via.to_string();
    if (host.empty() || host.find_first_of(std::string_view("\0\r\n\t ", 5)) != host.npos)
        throw std::invalid_argument(act + ": not a host name");
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    if (via.speaks() == proxy::protocol::socks5)
        co_await through_socks5(to_proxy, via, host, port, act);
    else
        co_await through_http(to_proxy, via, target, act);
}

task<io::any_stream> connect_through(proxy via, std::string host, std::uint16_t port, connect_options options) {
    const std::string act = "connect " + detail::host_and_port(host, port) + " through " + via.to_string();
    if (via.speaks() == proxy::protocol::https)
        throw std::invalid_argument(act + ": TLS to a proxy is for tls::connect and tunnel_through");
    const deadline limit(options.timeout());
    try {
        io::any_stream s(co_await connect(via.host(), via.port(), options));
        co_await tunnel_through(s, via, std::move(host), port);
        co_return s;
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
        throw timeout_error(act, options.timeout());
    }
}

}  // namespace ringlet::net

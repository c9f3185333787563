// How a request gets to its server: the turn for a connection, the proxy if there is one, TLS on top.
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/http_client_private.hpp>
#include <ringlet/net/http_secure_private.hpp>
#include <ringlet/net/tcp.hpp>

#include <algorithm>
#include <stdexcept>

#include "url_host_private.hpp"

namespace ringlet::http {
namespace {

using stage = request_error::stage;

}  // namespace

/// What those requests have in common that can share a connection; in `room` if it stands nowhere. There may be a
/// password in it.
std::string_view fetching::place(std::string& room) const {
    const std::string_view there = to_.origin_in_place();
    if (!there.empty() && !via_)
        return there;
    room = to_.origin();
    // A proxy may let one user through to what another must not reach: their tunnels are not shared. This is compared
    // and never shown; the size keeps "a" with "bc" from being "ab" with "c".
    if (via_)
        room += " through " + via_->to_string() + ' ' + std::to_string(via_->username().size()) + ' ' +
                via_->username() + via_->password();
    return room;
}

/// Awaitable: the right to a connection. Others may have them all.
task<fetching::lease> fetching::leased(std::string_view place) {
    const deadline limit(until_);
    try {
        co_return co_await core_->pool->take(place, may_share());
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
        throw timeout_error("wait for a free connection to " + to_.origin(), times_.total);
    }
}

void fetching::choose_proxy() {
    via_.reset();
    const net::proxy_settings& settings = options_.proxies ? *options_.proxies : core_->options.proxies;
    if (!to_.socket().empty() || (settings.http.empty() && settings.https.empty() && settings.all.empty()))
        return;
    try {
        via_ = settings.find(to_.url());
    } catch (const std::invalid_argument& e) {
        refuse(stage::url, std::errc::invalid_argument, e.what());
    }
}

/// A proxy that speaks HTTP is asked for what is not encrypted; for all else it makes a tunnel.
bool fetching::asks_proxy() const {
    return via_ && via_->speaks() != net::proxy::protocol::socks5 && !to_.url().is_secure();
}

/// Where HTTP/2 may be spoken.
bool fetching::may_share() const {
    const http2_use use = core_->options.http2;
    const bool spoken = to_.url().is_secure() ? use != http2_use::off : use == http2_use::demanded;
    return spoken && !asks_proxy() && detail::has_http2();
}

/// Awaitable: in place of a connection that was of no use, the right to another one.
task<> fetching::replace(lease& c, std::string_view to) {
    if (!c.shares()) {
        c.drop();
        co_return;
    }
    c = lease();
    c = co_await leased(to);
}

task<> fetching::connect(lease& into) {
    into.drop();
    into.make_room();
    const time_point in_time = after(loop::current().now(), times_.connect);
    const net::url& url = to_.url();
    try {
        const deadline limit(std::min(in_time, until_));
        try {
            bool http2 = false;
            io::any_stream stream = co_await stream_to_server(http2);
            const client_options& o = core_->options;
            if (http2)
                into.set(detail::make_http2_client(std::move(stream), url.is_secure(),
                                                   {o.limits, 0, o.window, times_.between_bytes}));
            else
                into.set(std::make_unique<connection>(std::move(stream), o.limits));
        } catch (const canceled&) {
            if (!limit.ends_here())
                throw;
            const std::string place =
                to_.socket().empty() ? std::string(url.host()) + ":" + std::to_string(url.port()) : to_.socket();
            throw timeout_error("connect " + place, until_ < in_time ? times_.total : times_.connect);
        }
    } catch (const std::system_error&) {
        into.connect_failed();
        detail::rethrow_as_request_error(stage::connect, method_, to_.text());
    }
}

/// Awaitable: `http2` comes back true when that is to be spoken over it.
task<io::any_stream> fetching::stream_to_server(bool& http2) {
    io::any_stream stream;
    if (via_)
        stream = co_await stream_through_proxy();
    else if (to_.socket().empty())
        stream = co_await core_->options.connect(to_.url());
    else
        stream = io::any_stream(co_await net::tcp_stream::connect(net::address::unix_path(to_.socket())));
    if (to_.url().is_secure())
        stream =
            co_await detail::secured(std::move(stream), to_.url(), core_->options.tls, core_->options.http2, &http2);
    else
        http2 = may_share();
    co_return stream;
}

task<io::any_stream> fetching::stream_through_proxy() {
    const bool secure = via_->speaks() == net::proxy::protocol::https;
    const net::url place =
        net::url::parse((secure ? "https://" : "http://") + net::detail::host_and_port(via_->host(), via_->port()));
    io::any_stream stream = co_await core_->options.connect(place);
    if (secure)
        stream = co_await detail::secured(std::move(stream), place, core_->options.tls);
    if (!asks_proxy())
        co_await net::tunnel_through(stream, *via_, std::string(to_.url().host()), to_.url().port());
    co_return stream;
}

}  // namespace ringlet::http

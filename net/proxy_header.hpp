#pragma once
// The PROXY protocol, versions 1 and 2: what a load balancer says before the first byte of a connection,
// so that the server behind it knows who the client is. Nothing listens to it unless it is asked to here,
// since whoever may connect directly could claim to be anybody.
// https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt

#include <ringlet/core/task.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/address.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace ringlet::net {

/// What the header says.
class proxy_header {
public:
    proxy_header() = default;
    /// Who connects, and to what. Empty when the balancer speaks for itself (health checks: LOCAL), or
    /// does not know (UNKNOWN).
    std::optional<address> source, destination;
    std::string alpn;  ///< what was agreed on where TLS ended (version 2)
    std::string authority;  ///< the host that the client asked for (SNI)
};

/// The bytes are no PROXY header: "PROXY header: …".
class proxy_header_error : public std::system_error {
public:
    explicit proxy_header_error(const std::string& why)
        : std::system_error(std::make_error_code(std::errc::protocol_error)), text_("PROXY header: " + why) {}
    const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

/// How many more bytes of the connection belong to the header for certain; 0 when `got` is all of it.
/// Throws proxy_header_error as soon as it cannot become one; at most 107 bytes are taken of version 1 and
/// 4 KiB of version 2.
std::size_t proxy_header_needs(std::string_view got);

/// What a complete header says. Throws proxy_header_error.
proxy_header parse_proxy_header(std::string_view whole);

/// Awaitable: reads the header and not one byte more. To be called before anything else is read, in the
/// greenlet of the connection, so that a slow client holds up nobody.
template <io::stream S>
task<proxy_header> read_proxy_header(S& from, any_duration within = 5s) {
    const std::string act = "PROXY header from " + std::string(from.name());
    const deadline limit(within);
    std::string got;
    try {
        while (const std::size_t more = proxy_header_needs(got)) {
            got.resize(got.size() + more);
            co_await io::read_exact(from, std::as_writable_bytes(std::span(got).last(more)));
        }
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
        throw timeout_error(act, within);
    }
    co_return parse_proxy_header(got);
}

}  // namespace ringlet::net

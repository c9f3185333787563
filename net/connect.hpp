#pragma once
// connect(host, port): a TCP stream to a name. Resolves it, races its addresses as RFC 8305 (Happy
// Eyeballs) says, and keeps the first connection that stands, all under one deadline.

#include <ringlet/core/task.hpp>
#include <ringlet/core/time.hpp>
#include <ringlet/net/resolve.hpp>
#include <ringlet/net/tcp.hpp>

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace ringlet::net {

/// How to connect; for the arguments of connect().
class connect_options {
public:
    connect_options() = default;
    /// For everything: the name and all attempts.
    connect_options& timeout(any_duration d) noexcept {
        timeout_ = d;
        return *this;
    }
    /// How long an attempt is alone before the next address is tried beside it. RFC 8305 section 5.
    connect_options& attempt_delay(any_duration d) noexcept {
        attempt_delay_ = d;
        return *this;
    }
    /// AF_INET or AF_INET6 only; AF_UNSPEC, the default, means both.
    connect_options& family(int value) noexcept {
        family_ = value;
        return *this;
    }

    duration timeout() const noexcept { return timeout_; }
    duration attempt_delay() const noexcept { return attempt_delay_; }
    int family() const noexcept { return family_; }

private:
    duration timeout_ = 30s;
    duration attempt_delay_ = 250ms;
    int family_ = AF_UNSPEC;
};

/// No address could be connected to: "connect example.org:443: 2001:db8::1: Network is unreachable;
/// 192.0.2.1: timed out after 5 s". The code is that of the first address.
class connect_error : public std::system_error {
public:
    struct failure {
        failure(const address& at, std::error_code why, std::string in_words)
            : where(at), code(why), text(std::move(in_words)) {}
        address where;
        std::error_code code;
        std::string text;
    };

    /// `target` is "host:port". There is at least one failure.
    connect_error(const std::string& target, std::vector<failure> failures);
    const char* what() const noexcept override { return text_.c_str(); }

    /// Every address, in the order in which they were tried.
    const std::vector<failure>& failures() const noexcept { return failures_; }

private:
    std::vector<failure> failures_;
    std::string text_;
};

/// Awaitable: a stream to `host`, a name or a numeric address. Throws connect_error, resolve_error, or
/// timeout_error when the name took all the time there was.
task<tcp_stream> connect(std::string host, std::uint16_t port, connect_options options = {});

/// Awaitable: a stream to one address, TCP or UNIX.
task<tcp_stream> connect(address to, connect_options options = {});

/// Awaitable: a stream to the first of these addresses that can be reached; `target` ("host:port") is
/// what errors call them. For addresses that were found in another way than by net::resolve.
task<tcp_stream> connect_any(std::string target, std::vector<address> addresses, connect_options options = {});

}  // namespace ringlet::net

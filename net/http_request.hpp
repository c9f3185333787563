#pragma once
// A request as a server's handler sees it: its head, and its body if the handler reads it. It belongs
// to the connection and is valid until the handler has returned.

#include <ringlet/core/event.hpp>
#include <ringlet/core/task.hpp>
#include <ringlet/net/http_head.hpp>
#include <ringlet/net/http_parameters.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ringlet::http {

namespace detail {
class exchange;
class server_core;
}  // namespace detail
class response_writer;

class request {
public:
    request(const request&) = delete;
    request& operator=(const request&) = delete;

    std::string_view method() const { return head().method(); }
    /// As it stands in the request line.
    std::string_view target() const { return head().target(); }
    /// Of the target, without the query; also of the form "http://host/path". Still percent-encoded.
    std::string_view path() const;
    /// Behind the '?', without it.
    std::string_view query() const;

    /// What `{name}` of the route's pattern stands for, percent-decoded. Throws std::out_of_range when
    /// the pattern has no such name.
    std::string parameter(std::string_view name) const;
    const http::parameters& parameters() const;
    /// The first value of a name in the query, decoded as forms are; none when it is not there.
    std::optional<std::string> query_value(std::string_view name) const { return form_value(query(), name); }

    const http::fields& fields() const { return head().fields(); }
    std::optional<std::string_view> get(std::string_view name) const { return head().get(name); }
    const message_head& head() const;

    /// Who asks: "10.0.0.1:51234".
    std::string peer() const;

    /// Awaitable: the next bytes of the body, as many as are there; 0 at its end. A client that waits
    /// for "100 Continue" gets it now. Throws protocol_error, timeout_error, or what the stream throws;
    /// a handler that lets these pass has the client told what was wrong.
    task<std::size_t> read(std::span<std::byte> into);

    /// Awaitable: what is left of the body. More than `most` bytes are refused with 413. The server's
    /// own limit holds in any case.
    task<std::string> read_all(std::uint64_t most = UINT64_MAX);

    /// Awaitable: until the server is asked to stop. For answers that would go on for long.
    ringlet::event::awaiter stopped() const;

    /// Of a chunked body that has been read to its end.
    const http::fields& trailers() const;

private:
    friend class detail::exchange;
    friend class detail::server_core;
    explicit request(detail::exchange& e) noexcept : exchange_(e) {}
    const std::function<task<>(request&, response_writer&)>& route_answer() const;
    std::string_view allowed() const;

    detail::exchange& exchange_;
};

}  // namespace ringlet::http

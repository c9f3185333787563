#pragma once
// A response that is still coming: its head is there, its body is read as fast as one likes, and no
// faster is it taken from the server.

#include <ringlet/core/task.hpp>
#include <ringlet/net/http_head.hpp>
#include <ringlet/net/http_reply.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ringlet::http {

/// Read to its end, its connection serves again; dropped before, the connection is closed. Content codings
/// are undone.
class incoming {
public:
    incoming(incoming&&) noexcept;
    incoming& operator=(incoming&&) noexcept;
    ~incoming();

    int status() const { return head().status(); }
    std::string_view reason() const { return head().reason(); }
    const http::fields& fields() const { return head().fields(); }
    const message_head& head() const;
    bool ok() const { return status() < 400; }

    /// 10, 11, or 20 for HTTP/2.
    int version() const { return head().version(); }

    const std::string& url() const noexcept;
    const std::vector<reply>& history() const noexcept;
    duration elapsed() const noexcept;

    /// Awaitable: the next bytes of the body, as many as are there; 0 at its end.
    task<std::size_t> read(std::span<std::byte> into);
    /// Awaitable: what is left of it. More than `most` bytes are an error.
    task<std::string> read_all(std::uint64_t most = UINT64_MAX);
    /// Awaitable: the next line without its "\n" or "\r\n", or what is left before the end; empty optional
    /// at the end. More than `most` bytes without one are an error.
    task<std::optional<std::string>> read_line(std::size_t most = 1024 * 1024);
    /// Awaitable: the rest of it as a value.
    task<reply> read_reply(std::uint64_t most = UINT64_MAX);
    /// What came after a chunked body; complete at its end.
    const http::fields& trailers() const;

private:
    friend class fetching;
    struct state;
    explicit incoming(std::unique_ptr<state> s);
    bool take_reply(reply& to, std::uint64_t most);
    task<> rest_of_reply(reply& to, std::uint64_t most);
    void end_reply(reply& to);

    std::unique_ptr<state> state_;
};

}  // namespace ringlet::http

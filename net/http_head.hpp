// The head of one HTTP/1.1 message: what the first line and the fields say, and what follows from them
// for body and connection. A parser fills it; users read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <ringlet/net/http_error.hpp>
#include <ringlet/net/http_fields.hpp>

namespace ringlet::http {

namespace detail {
class http2_head;
struct names_in_head;
struct request_line;
struct status_line;
}  // namespace detail

/// The first line and the fields of a message. Views are valid until the parser's reset().
class message_head {
public:
    /// Of a request.
    std::string_view method() const { return part(0, method_end_); }
    std::string_view target() const { return part(target_start_, target_end_); }
    /// Of a response; the reason may be empty.
    int status() const { return status_; }
    std::string_view reason() const { return part(reason_start_, start_line_.size()); }

    /// 10, 11, or 20 for HTTP/2.
    int version() const { return major_ == 1 ? 10 + minor_ : 20; }
    /// 0 or 1, of HTTP/1.x; 1 for what came by HTTP/2, which can do all that HTTP/1.1 can.
    int version_minor() const { return minor_; }
    const http::fields& fields() const { return fields_; }
    std::optional<std::string_view> get(std::string_view name) const { return fields_.get(name); }

    /// Whether the connection may carry another message after this one (RFC 9112 section 9.3).
    bool keep_alive() const { return keep_alive_; }
    /// The body that follows comes in chunks.
    bool chunked() const { return chunked_; }
    /// As announced, also by an answer to HEAD, whose body does not come.
    std::optional<std::uint64_t> content_length() const { return content_length_; }
    /// The client waits for "100 Continue" before it sends the body (RFC 9110 section 10.1.1).
    bool expects_continue() const { return expects_continue_; }
    /// After this message the connection speaks something else: in a request the wish (CONNECT, or
    /// Upgrade), in a response the fact (101, or 2xx to CONNECT). What follows `done` is not HTTP.
    bool upgrade() const { return upgrade_; }

private:
    friend class parser;
    friend class detail::http2_head;
    void clear();
    errc judge_start_line(std::string_view line, bool request);
    void take(std::string_view line, const detail::request_line& parts);
    void take(std::string_view line, const detail::status_line& parts);
    bool stays(const detail::names_in_head& there) const;
    errc judge_request();
    errc judge_response(bool no_body, bool tunnel, bool& skip);

    std::string_view part(std::size_t from, std::size_t to) const {
        return std::string_view(start_line_).substr(from, to - from);
    }

    std::string start_line_;
    std::size_t method_end_ = 0, target_start_ = 0, target_end_ = 0, reason_start_ = 0;
    http::fields fields_;
    std::optional<std::uint64_t> content_length_;
    int status_ = 0, major_ = 1, minor_ = 1;
    bool keep_alive_ = false, chunked_ = false, expects_continue_ = false, upgrade_ = false;
};

}  // namespace ringlet::http

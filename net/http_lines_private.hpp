// The judgement of single lines and of a whole head: pure functions, no state, no llhttp. This is
// where requests are strict (anything two parsers could read differently is refused, RFC 9112
// sections 2.2 to 7.1) and responses as lax as curl where only one meaning is possible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <ringlet/net/http_error.hpp>
#include <ringlet/net/http_fields.hpp>

namespace ringlet::http::detail {

inline constexpr errc fine{};

struct request_line {
    std::string_view method, target;
    int minor = 1;
};
/// "GET /path HTTP/1.1", single spaces, printable ASCII, a target of the form the method needs.
errc split_request_line(std::string_view line, request_line& out);

struct status_line {
    int status = 0, minor = 1;
    std::string_view reason;
};
/// "HTTP/1.1 200 OK"; the reason may be missing, also with its space.
errc split_status_line(std::string_view line, status_line& out);

enum class strictness { request, response };

/// "name: value" with the white space around the value removed. In a response a name that is no token
/// comes back empty: curl would keep such a line, nobody can act on it, so the parser drops it.
errc split_field(std::string_view line, strictness how, field& out);

struct chunk_line {
    std::string_view digits;
    std::size_t extension_bytes = 0;
};
/// "1f;name=value" (RFC 9112 section 7.1).
errc split_chunk_line(std::string_view line, strictness how, chunk_line& out);

/// How the body of a message is delimited.
struct framing {
    bool chunked = false;
    bool both = false;  // Content-Length beside chunked, in a response: to be ignored, then closed
    std::optional<std::uint64_t> length;
};
/// RFC 9112 section 6.3.
errc judge_framing(const fields& f, int minor, strictness how, framing& out);

/// Exactly one well-formed Host where HTTP/1.1 demands it (RFC 9112 section 3.2).
errc judge_host(const fields& f, int minor);

/// Fields that decide about framing or routing, which no trailer may bring (RFC 9110 section 6.5.1).
bool is_framing_field(std::string_view name);

}  // namespace ringlet::http::detail

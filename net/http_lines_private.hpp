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

// --- Plain lines: whole, with their CRLF, and beyond any doubt, as nearly all lines are. They are taken by
// one look at each byte. What is not plain may be sound all the same: the functions below judge it.

/// "name: value". Gives the size of the line, or 0.
std::size_t plain_field(std::string_view input, field& out);

struct request_line {
    std::string_view method, target;
    int minor = 1;
};
/// "GET /path HTTP/1.1", single spaces, printable ASCII, a target of the form the method needs.
errc split_request_line(std::string_view line, request_line& out);

/// The same for a common method and a target that begins with '/', all of which llhttp takes too.
std::size_t plain_request_line(std::string_view input, request_line& out);

struct status_line {
    int status = 0, minor = 1;
    std::string_view reason;
};
/// "HTTP/1.1 200 OK".
std::size_t plain_status_line(std::string_view input, status_line& out);
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

/// Which of the fields that a head is judged by are there, and how often.
struct names_in_head {
    explicit names_in_head(const fields& f);
    unsigned host = 0, connection = 0, coding = 0, length = 0, expect = 0, upgrade = 0;
    std::string_view host_value, length_value;
};

/// How the body of a message is delimited.
struct framing {
    bool chunked = false;
    bool both = false;  // Content-Length beside chunked, in a response: to be ignored, then closed
    std::optional<std::uint64_t> length;
};
/// RFC 9112 section 6.3.
errc judge_framing(const fields& f, const names_in_head& there, int minor, strictness how, framing& out);

/// Exactly one well-formed Host where HTTP/1.1 demands it (RFC 9112 section 3.2).
errc judge_host(const names_in_head& there, int minor);

/// "a:80" of the absolute form "http://a:80/path"; empty for the other forms.
std::string_view authority_of(std::string_view target);

/// Fields that decide about framing or routing, which no trailer may bring (RFC 9110 section 6.5.1).
bool is_framing_field(std::string_view name);

}  // namespace ringlet::http::detail

// The bytes of HTTP/1.1 messages, appended to a string the caller keeps and reuses: heads with the
// framing that fits them, and chunks. Whatever would break out of its line is refused by
// std::invalid_argument before anything is appended.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <ringlet/net/http_fields.hpp>

namespace ringlet::http {

/// How much body follows a head, and so which field announces it (RFC 9112 section 6).
class body_size {
public:
    static body_size none() { return {kind::none, 0}; }
    static body_size exactly(std::uint64_t bytes) { return {kind::exact, bytes}; }
    static body_size chunked() { return {kind::chunked, 0}; }
    /// Responses only, for peers of HTTP/1.0: adds "Connection: close".
    static body_size until_close() { return {kind::until_close, 0}; }

    bool is_none() const { return kind_ == kind::none || (kind_ == kind::exact && bytes_ == 0); }
    bool is_exact() const { return kind_ == kind::exact; }
    bool is_chunked() const { return kind_ == kind::chunked; }
    bool is_until_close() const { return kind_ == kind::until_close; }
    std::uint64_t bytes() const { return bytes_; }

private:
    enum class kind { none, exact, chunked, until_close };
    body_size(kind k, std::uint64_t bytes) : kind_(k), bytes_(bytes) {}
    kind kind_;
    std::uint64_t bytes_;
};

/// "GET /x HTTP/1.1", Host first (unless `f` has one), then `f`, then the length: none for a GET
/// without body, "Content-Length: 0" for a POST without. A Content-Length or Transfer-Encoding in `f`
/// is left out if it says what `body` says, and refused if it contradicts. `lines` are field lines that
/// are known to be sound, each with its CRLF; they go in as they are.
void append_request(std::string& out, std::string_view method, std::string_view target, std::string_view host,
                    const fields& f, body_size body = body_size::none(), std::string_view lines = {});

/// "HTTP/1.1 200 OK" and so on; an empty `reason` stands for the usual one. 1xx, 204 and 304 carry no
/// length and refuse a body. To answer HEAD, pass the size that GET would have and send no body.
void append_response(std::string& out, int status, std::string_view reason, const fields& f,
                     body_size body = body_size::none(), std::string_view lines = {});
inline void append_response(std::string& out, int status, const fields& f, body_size body = body_size::none()) {
    append_response(out, status, {}, f, body);
}

/// One chunk around `data`; nothing at all for an empty one, which would end the body.
void append_chunk(std::string& out, std::string_view data);
/// The line before a chunk of `bytes` > 0 that is sent from elsewhere, to be followed by chunk_end.
void append_chunk_size(std::string& out, std::uint64_t bytes);
inline constexpr std::string_view chunk_end = "\r\n";
/// The last chunk and the trailers.
void append_last_chunk(std::string& out, const fields& trailers = {});

}  // namespace ringlet::http

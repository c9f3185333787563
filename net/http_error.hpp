// Everything that can be wrong with an HTTP message, as one enum and one exception. The parser
// refuses with these; a server asks which status to answer, a client shows what().
#pragma once

#include <string>
#include <system_error>

namespace ringlet::http {

enum class errc {
    // the first line
    bad_request_line = 1,
    unknown_method,
    bad_target,
    unsupported_version,
    bad_status_line,
    start_line_too_long,
    // any line of the head or of the trailers
    bare_lf,
    lone_cr,
    nul_byte,
    bad_field,
    space_before_colon,
    folded_field,
    field_line_too_long,
    fields_too_large,
    too_many_fields,
    // the head as a whole
    missing_host,
    duplicate_host,
    bad_host,
    ambiguous_length,
    bad_content_length,
    unsupported_coding,
    unknown_expectation,
    too_many_interim_responses,
    // the body
    body_too_large,
    bad_chunk,
    chunk_extension_too_long,
    // the connection
    closed_before_head,
    closed_in_head,
    closed_in_body,
    // the content of a body
    bad_compression,
    compression_cut_short,
};

/// The category "http"; its messages are complete causes ("white space before the colon").
const std::error_category& http_category() noexcept;
std::error_code make_error_code(errc e) noexcept;

/// The status a server answers a request refused with `e` (RFC 9110 section 15): 400, 413, 414,
/// 417, 431, 501 or 505; 0 when the peer is gone and there is nobody to answer.
int answer_status(errc e) noexcept;

/// What a parser throws: "http request, line 3 'Host : a': white space before the colon".
class protocol_error : public std::system_error {
public:
    protocol_error(errc e, const std::string& where) : std::system_error(make_error_code(e), where) {}
    errc error() const noexcept { return static_cast<errc>(code().value()); }
};

}  // namespace ringlet::http

template <>
struct std::is_error_code_enum<ringlet::http::errc> : std::true_type {};

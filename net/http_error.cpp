// The words and the statuses of http::errc.
#include <ringlet/net/http_error.hpp>

namespace ringlet::http {
namespace {

const char* words_of(errc e) {
    switch (e) {
        case errc::bad_request_line: return "not of the form 'METHOD target HTTP/1.1'";
        case errc::unknown_method: return "the method is not implemented";
        case errc::bad_target: return "the request target is malformed";
        case errc::unsupported_version: return "only HTTP/1.0 and HTTP/1.1 are understood";
        case errc::bad_status_line: return "not of the form 'HTTP/1.1 200 reason'";
        case errc::start_line_too_long: return "the first line is longer than the limit";
        case errc::bare_lf: return "a line ends with LF alone";
        case errc::lone_cr: return "a CR that is not followed by LF";
        case errc::nul_byte: return "a NUL byte";
        case errc::bad_field: return "a malformed header field";
        case errc::space_before_colon: return "white space before the colon";
        case errc::folded_field: return "a header field folded over several lines";
        case errc::field_line_too_long: return "a header line is longer than the limit";
        case errc::fields_too_large: return "the header fields together are larger than the limit";
        case errc::too_many_fields: return "more header fields than the limit";
        case errc::missing_host: return "the Host field is missing";
        case errc::duplicate_host: return "more than one Host field";
        case errc::bad_host: return "the Host field is malformed";
        case errc::ambiguous_length: return "the length of the body is ambiguous";
        case errc::bad_content_length: return "Content-Length is not a number";
        case errc::unsupported_coding: return "a Transfer-Encoding other than chunked";
        case errc::unknown_expectation: return "an expectation other than 100-continue";
        case errc::too_many_interim_responses: return "more 1xx responses than the limit";
        case errc::body_too_large: return "the body is larger than the limit";
        case errc::bad_chunk: return "malformed chunked encoding";
        case errc::chunk_extension_too_long: return "chunk extensions are longer than the limit";
        case errc::closed_before_head: return "connection closed before the first byte";
        case errc::closed_in_head: return "connection closed in the middle of the head";
        case errc::closed_in_body: return "connection closed in the middle of the body";
        case errc::bad_compression: return "the compressed data is malformed";
        case errc::compression_cut_short: return "the compressed data ends early";
    }
    return "unknown http error";
}

class category : public std::error_category {
public:
    const char* name() const noexcept override { return "http"; }
    std::string message(int value) const override { return words_of(static_cast<errc>(value)); }
};

}  // namespace

const std::error_category& http_category() noexcept {
    static const category the_one;
    return the_one;
}

std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), http_category()}; }

int answer_status(errc e) noexcept {
    switch (e) {
        case errc::start_line_too_long: return 414;
        case errc::field_line_too_long:
        case errc::fields_too_large:
        case errc::too_many_fields: return 431;
        case errc::body_too_large: return 413;
        case errc::unknown_expectation: return 417;
        case errc::unknown_method:
        case errc::unsupported_coding: return 501;
        case errc::unsupported_version: return 505;
        case errc::closed_before_head:
        case errc::closed_in_head:
        case errc::closed_in_body: return 0;
        default: return 400;
    }
}

}  // namespace ringlet::http

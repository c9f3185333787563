// Everything is checked first and appended afterwards, so a refusal leaves `out` as it was.
#include <ringlet/net/http_writer.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "ascii_private.hpp"
#include "http_lines_private.hpp"

namespace ringlet::http {
namespace {

using net::ascii::iequals;
using net::ascii::printable;

[[noreturn]] void refuse(std::string_view what, std::string_view text, const std::string& why) {
    throw std::invalid_argument(std::string(what) + " '" + printable(text) + "': " + why);
}

void append_number(std::string& out, std::uint64_t value, int base) {
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value, base).ptr);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

bool is_length(std::string_view name) { return iequals(name, "content-length"); }
bool is_coding(std::string_view name) { return iequals(name, "transfer-encoding"); }

/// Two answers to "how long is the body" in one head are how requests get smuggled.
void check_agreement(const fields& f, body_size body) {
    for (const auto [name, value] : f) {
        if (is_coding(name) && !(body.is_chunked() && iequals(value, "chunked")))
            refuse("header field", name, "the body is not sent as '" + printable(value) + "'");
        if (!is_length(name))
            continue;
        char digits[20];
        const auto* end = std::to_chars(digits, digits + sizeof digits, body.bytes()).ptr;
        if (body.is_chunked() || body.is_until_close() ||
            value != std::string_view(digits, static_cast<std::size_t>(end - digits)))
            refuse("header field", name, "the body does not have " + printable(value) + " bytes");
    }
}

void append_fields(std::string& out, const fields& f) {
    for (const auto [name, value] : f)
        if (!is_length(name) && !is_coding(name))
            append_field(out, name, value);
}

void append_length(std::string& out, body_size body) {
    if (body.is_chunked()) {
        append_field(out, "Transfer-Encoding", "chunked");
    } else {
        out += "Content-Length: ";
        append_number(out, body.bytes(), 10);
        out += "\r\n";
    }
}

}  // namespace

void append_request(std::string& out, std::string_view method, std::string_view target, std::string_view host,
                    const fields& f, body_size body, std::string_view lines) {
    if (!net::ascii::is_token(method))
        refuse("http method", method, "not a token");
    if (target.empty() ||
        !std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '#'; }))
        refuse("http request target", target, "must be printable ASCII without spaces and '#'");
    if (!std::all_of(host.begin(), host.end(), [](char c) {
            return c > 0x20 && c < 0x7f && std::string_view(",/?#@\\\"<>").find(c) == std::string_view::npos;
        }))
        refuse("http host", host, "must be a host name or address, with a port or without");
    if (body.is_until_close())
        throw std::invalid_argument("http request: its body cannot end by closing the connection");
    check_agreement(f, body);

    out.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
    // RFC 9110 section 7.2 asks for Host to come first.
    if (!f.contains("host"))
        append_field(out, "Host", host);
    append_fields(out, f);
    out += lines;
    if (!body.is_none() || body.is_chunked() || expects_body(method))
        append_length(out, body);
    out += "\r\n";
}

void append_response(std::string& out, int status, std::string_view reason, const fields& f, body_size body,
                     std::string_view lines) {
    if (status < 100 || status > 999)
        refuse("http status", std::to_string(status), "not a number of three digits");
    if (reason.find_first_of(std::string_view("\r\n\0", 3)) != reason.npos)
        refuse("http reason", reason, "has a line break or NUL byte");
    const bool may_have_body = status_has_body(status);
    if (!may_have_body && !body.is_none())
        refuse("http response", std::to_string(status), "this status allows no body");
    if (may_have_body)
        check_agreement(f, body);

    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(status), 10);
    out.append(" ").append(reason.empty() ? reason_of(status) : reason).append("\r\n");
    append_fields(out, f);
    out += lines;
    if (body.is_until_close()) {
        if (!f.has_token("connection", "close"))
            append_field(out, "Connection", "close");
    } else if (may_have_body) {
        append_length(out, body);
    }
    out += "\r\n";
}

void append_chunk(std::string& out, std::string_view data) {
    if (data.empty())
        return;
    append_chunk_size(out, data.size());
    out.append(data).append(chunk_end);
}

void append_chunk_size(std::string& out, std::uint64_t bytes) {
    if (bytes == 0)
        throw std::invalid_argument("http chunk: a size of 0 would end the body");
    append_number(out, bytes, 16);
    out += "\r\n";
}

void append_last_chunk(std::string& out, const fields& trailers) {
    for (const auto [name, value] : trailers)
        if (detail::is_framing_field(name))
            refuse("trailer field", name, "cannot be sent after the body");
    out += "0\r\n";
    for (const auto [name, value] : trailers)
        append_field(out, name, value);
    out += "\r\n";
}

}  // namespace ringlet::http

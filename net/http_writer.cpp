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

/// What may be in a target, and in a Host.
struct writable_table {
    bool in_target[256]{}, in_host[256]{};
    constexpr writable_table() {
        for (unsigned i = 0x21; i < 0x7f; ++i) {
            const char c = static_cast<char>(i);
            in_target[i] = c != '#';
            in_host[i] = std::string_view(",/?#@\\\"<>").find(c) == std::string_view::npos;
        }
    }
};
constexpr writable_table writable;

bool consists_of(std::string_view text, const bool (&what)[256]) {
    return std::ranges::all_of(text, [&](char c) { return what[static_cast<unsigned char>(c)]; });
}

/// Appends to a string in which there is room for everything.
class head_text {
public:
    head_text(std::string& out, std::size_t most) : out_(out), start_(out.size()) {
        out_.resize(start_ + most);
        at_ = out_.data() + start_;
    }
    head_text(const head_text&) = delete;
    head_text& operator=(const head_text&) = delete;
    ~head_text() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }

    head_text& put(std::string_view text) {
        at_ = std::copy(text.begin(), text.end(), at_);
        return *this;
    }
    head_text& number(std::uint64_t value) {
        at_ = std::to_chars(at_, at_ + 20, value).ptr;
        return *this;
    }
    head_text& field(std::string_view name, std::string_view value) {
        return put(name).put(": ").put(value).put("\r\n");
    }

private:
    std::string& out_;
    std::size_t start_;
    char* at_;
};

// More than the fixed parts of a head are long: version, status, the field for the length and its number.
constexpr std::size_t fixed_parts = 128;

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

std::size_t size_of(const fields& f) {
    std::size_t size = 0;
    for (const auto [name, value] : f)
        size += name.size() + value.size() + 4;
    return size;
}

void put_fields(head_text& out, const fields& f) {
    for (const auto [name, value] : f)
        if (!is_length(name) && !is_coding(name))
            out.field(name, value);
}

void put_length(head_text& out, body_size body) {
    if (body.is_chunked())
        out.put("Transfer-Encoding: chunked\r\n");
    else
        out.put("Content-Length: ").number(body.bytes()).put("\r\n");
}

}  // namespace

void append_request(std::string& out, std::string_view method, std::string_view target, std::string_view host,
                    const fields& f, body_size body, std::string_view lines) {
    if (!net::ascii::is_token(method))
        refuse("http method", method, "not a token");
    if (target.empty() || !consists_of(target, writable.in_target))
        refuse("http request target", target, "must be printable ASCII without spaces and '#'");
    if (!consists_of(host, writable.in_host))
        refuse("http host", host, "must be a host name or address, with a port or without");
    if (body.is_until_close())
        throw std::invalid_argument("http request: its body cannot end by closing the connection");
    check_agreement(f, body);

    head_text head(out, fixed_parts + method.size() + target.size() + host.size() + size_of(f) + lines.size());
    head.put(method).put(" ").put(target).put(" HTTP/1.1\r\n");
    // RFC 9110 section 7.2 asks for Host to come first.
    if (!f.contains("host"))
        head.field("Host", host);
    put_fields(head, f);
    head.put(lines);
    if (!body.is_none() || body.is_chunked() || expects_body(method))
        put_length(head, body);
    head.put("\r\n");
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

    if (reason.empty())
        reason = reason_of(status);
    head_text head(out, fixed_parts + reason.size() + size_of(f) + lines.size());
    head.put("HTTP/1.1 ").number(static_cast<std::uint64_t>(status)).put(" ").put(reason).put("\r\n");
    put_fields(head, f);
    head.put(lines);
    if (body.is_until_close()) {
        if (!f.has_token("connection", "close"))
            head.field("Connection", "close");
    } else if (may_have_body) {
        put_length(head, body);
    }
    head.put("\r\n");
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
    char digits[16];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, bytes, 16).ptr).append("\r\n");
}

void append_last_chunk(std::string& out, const fields& trailers) {
    for (const auto [name, value] : trailers)
        if (detail::is_framing_field(name))
            refuse("trailer field", name, "cannot be sent after the body");
    out += "0\r\n";
    for (const auto [name, value] : trailers)
        out.append(name).append(": ").append(value).append("\r\n");
    out += "\r\n";
}

}  // namespace ringlet::http

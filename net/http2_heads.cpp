// Heads of HTTP/2 (RFC 9113 section 8): made of the text of HTTP/1.1 heads, and read into what a parser of
// those makes. nghttp2 has refused what is malformed; what only HTTP/1.1 would misread, or what is too much,
// is judged here as there.
#include <ringlet/net/http2_session_private.hpp>

#include "ascii_private.hpp"
#include "http_lines_private.hpp"

#include <algorithm>
#include <charconv>

namespace ringlet::http::detail {
namespace {

using net::ascii::iequals;

nghttp2_nv pair_of(std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view s) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(s.data()));
    };
    // Secrets are not to be found out by how well they compress (RFC 7541 section 7.1).
    const bool secret = name == "authorization" || name == "proxy-authorization";
    return {bytes(name), bytes(value), name.size(), value.size(),
            static_cast<std::uint8_t>(secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)};
}

/// RFC 9113 section 8.2.2: what is of one connection of HTTP/1.1 has no meaning here.
bool is_of_http1(std::string_view name) {
    for (const char* each : {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
        if (name == each)
            return true;
    return false;
}

}  // namespace

// --- out ---------------------------------------------------------------------------------------------

http2_fields::http2_fields(std::string text, std::string_view scheme) : text_(std::move(text)) {
    char* at = text_.data();
    char* const end = at + text_.size();
    const auto next_line = [&] {
        char* const stop = std::find(at, end, '\r');
        const std::string_view line(at, static_cast<std::size_t>(stop - at));
        at = std::min(stop + 2, end);
        return line;
    };
    const std::string_view first = next_line();
    if (first.starts_with("HTTP/")) {
        pairs_.push_back(pair_of(":status", first.substr(9, 3)));
        interim_ = first[9] == '1';
    } else {
        const auto space = first.find(' ');
        const std::string_view rest = first.substr(space + 1);
        asks_head_ = first.substr(0, space) == "HEAD";
        pairs_.push_back(pair_of(":method", first.substr(0, space)));
        pairs_.push_back(pair_of(":scheme", scheme));
        pairs_.push_back(pair_of(":authority", {}));
        pairs_.push_back(pair_of(":path", rest.substr(0, rest.find(' '))));
    }
    while (at < end && *at != '\r') {
        char* const colon = std::find(at, end, ':');
        std::transform(at, colon, at, net::ascii::lower);
        const std::string_view name(at, static_cast<std::size_t>(colon - at));
        const std::string_view line = next_line();
        const std::string_view value = line.substr(std::min(name.size() + 2, line.size()));
        if (name == "host" && pairs_.size() >= 4 && pairs_[2].valuelen == 0)
            pairs_[2] = pair_of(":authority", value);
        else
            add(name, value);
    }
}

http2_fields::http2_fields(const fields& trailers) {
    for (const auto [name, value] : trailers)
        text_.append(name).append(value);
    char* at = text_.data();
    for (const auto [name, value] : trailers) {
        std::transform(at, at + name.size(), at, net::ascii::lower);
        add({at, name.size()}, {at + name.size(), value.size()});
        at += name.size() + value.size();
    }
}

void http2_fields::add(std::string_view name, std::string_view value) {
    if (!is_of_http1(name) && (name != "te" || value == "trailers"))
        pairs_.push_back(pair_of(name, value));
}

// --- in ----------------------------------------------------------------------------------------------

void http2_head::clear() {
    method_.clear();
    scheme_.clear();
    authority_.clear();
    path_.clear();
    fields_.clear();
    status_ = 0;
    size_ = 0;
    wrong_ = {};
}

void http2_head::add(std::string_view name, std::string_view value, const limits& most) {
    size_ += name.size() + value.size() + 32;
    if (wrong_ != errc{})
        return;
    if (name == ":path" && value.size() > most.start_line)
        wrong_ = errc::start_line_too_long;
    else if (name.size() + value.size() > most.field_line)
        wrong_ = errc::field_line_too_long;
    else if (size_ > most.fields)
        wrong_ = errc::fields_too_large;
    else if (fields_.size() >= most.field_count && !name.starts_with(':'))
        wrong_ = errc::too_many_fields;
    if (wrong_ != errc{})
        return;
    if (name == ":method")
        method_ = value;
    else if (name == ":scheme")
        scheme_ = value;
    else if (name == ":authority")
        authority_ = value;
    else if (name == ":path")
        path_ = value;
    else if (name == ":status")
        std::from_chars(value.data(), value.data() + value.size(), status_);
    else
        fields_.add(name, value);
}

errc http2_head::finish_request(message_head& into, const limits& most) {
    into.clear();
    into.major_ = 2;
    const bool connect = method_ == "CONNECT";
    // A line of HTTP/1.1, so that no target gets by here that would not there.
    const std::string line = method_ + ' ' + (connect ? authority_ : path_.empty() ? "/" : path_) + " HTTP/1.1";
    const errc bad_line = into.judge_start_line(line, true);
    std::swap(into.fields_, fields_);
    fields& f = into.fields_;
    if (wrong_ != errc{})
        return wrong_;
    if (bad_line != errc{})
        return bad_line;
    // RFC 9113 section 8.3.1: who says it twice must say the same.
    if (const auto host = f.get("host"); host && !authority_.empty() && !iequals(*host, authority_))
        return errc::bad_host;
    else if (!host && !authority_.empty())
        f.add("host", authority_);
    // Section 8.2.3: cookies may come in crumbs, which nobody else knows.
    if (f.count("cookie") > 1) {
        std::string whole;
        for (const std::string_view each : f.get_all("cookie"))
            whole.append(whole.empty() ? "" : "; ").append(each);
        f.set("cookie", whole);
    }
    if (const errc e = into.judge_request(); e != errc{})
        return e;
    into.upgrade_ = false;
    return into.content_length().value_or(0) > most.body ? errc::body_too_large : errc{};
}

errc http2_head::finish_response(message_head& into, bool asked_head, bool& skip) {
    into.clear();
    into.major_ = 2;
    into.status_ = status_;
    std::swap(into.fields_, fields_);
    return wrong_ != errc{} ? wrong_ : into.judge_response(asked_head, false, skip);
}

errc http2_head::finish_trailers(fields& into) const {
    for (const auto [name, value] : fields_)
        if (!is_framing_field(name))
            into.add(name, value);
    return wrong_;
}

}  // namespace ringlet::http::detail

// What a head means once its lines are known to be sound (RFC 9112 sections 6.3 and 9.3).
#include <ringlet/net/http_head.hpp>

#include "ascii_private.hpp"
#include "http_lines_private.hpp"

namespace ringlet::http {

using detail::fine;
using detail::strictness;

void message_head::clear() {
    start_line_.clear();
    fields_.clear();
    content_length_.reset();
    method_end_ = target_start_ = target_end_ = reason_start_ = 0;
    status_ = 0;
    major_ = minor_ = 1;
    keep_alive_ = chunked_ = expects_continue_ = upgrade_ = false;
}

errc message_head::judge_start_line(std::string_view line, bool request) {
    errc e = fine;
    if (request) {
        detail::request_line parts;
        e = detail::split_request_line(line, parts);
        if (e == fine)
            take(line, parts);
    } else {
        detail::status_line parts;
        e = detail::split_status_line(line, parts);
        if (e == fine)
            take(line, parts);
    }
    return e;
}

/// Keeps a copy of the line and the places of its parts: views would not survive a move.
void message_head::take(std::string_view line, const detail::request_line& parts) {
    start_line_.assign(line);
    method_end_ = parts.method.size();
    target_start_ = method_end_ + 1;
    target_end_ = target_start_ + parts.target.size();
    reason_start_ = line.size();
    minor_ = parts.minor;
}

void message_head::take(std::string_view line, const detail::status_line& parts) {
    start_line_.assign(line);
    status_ = parts.status;
    minor_ = parts.minor;
    reason_start_ = parts.reason.empty() ? line.size() : static_cast<std::size_t>(parts.reason.data() - line.data());
}

errc message_head::judge_request() {
    auto& f = fields_;
    const detail::names_in_head there(f);
    if (const auto e = detail::judge_host(there, minor_); e != fine)
        return e;
    // RFC 9112 section 3.2.2: what the target says holds, and nobody shall be told anything else.
    if (const std::string_view authority = detail::authority_of(target()); !authority.empty())
        f.set("Host", authority);
    detail::framing body;
    if (const auto e = detail::judge_framing(f, there, minor_, strictness::request, body); e != fine)
        return e;
    const bool connect = method() == "CONNECT";
    // RFC 9110 section 9.3.6: what follows CONNECT is the tunnel's; a length would be read by some.
    if (connect && (body.chunked || body.length.value_or(0) > 0))
        return errc::ambiguous_length;

    chunked_ = body.chunked;
    content_length_ = body.length;
    keep_alive_ = stays(there);
    if (there.expect > 0 && minor_ == 1) {
        if (there.expect > 1 || !net::ascii::iequals(f.get_or("expect", {}), "100-continue"))
            return errc::unknown_expectation;
        expects_continue_ = true;
    }
    upgrade_ = connect || (minor_ == 1 && there.upgrade > 0 && f.has_token("connection", "upgrade"));
    return fine;
}

/// `no_body` and `tunnel` say what was asked for; `skip` comes back true if the head ends the message.
errc message_head::judge_response(bool no_body, bool tunnel, bool& skip) {
    const auto& f = fields_;
    const bool tunneling = tunnel && status_ >= 200 && status_ < 300;
    skip = !status_has_body(status_) || tunneling || no_body;

    const detail::names_in_head there(f);
    detail::framing body;
    const auto e = detail::judge_framing(f, there, minor_, strictness::response, body);
    // Where no body can come its announcement cannot mislead: an answer to HEAD may name any coding.
    if (e != fine && !skip)
        return e;
    const bool sound = e == fine && !body.both && !(body.chunked && minor_ == 0);
    chunked_ = body.chunked && !skip;
    content_length_ = e == fine ? body.length : std::nullopt;
    upgrade_ = tunneling || status_ == 101;
    keep_alive_ = sound && stays(there);
    // RFC 9112 section 6.3: the length lost against chunked, so nobody behind us shall see it.
    if (body.both)
        fields_.remove("content-length");
    return fine;
}

/// What the Connection field says, or the version when there is none.
bool message_head::stays(const detail::names_in_head& there) const {
    if (there.connection == 0)
        return minor_ == 1;
    return !fields_.has_token("connection", "close") &&
           (minor_ == 1 || fields_.has_token("connection", "keep-alive"));
}

}  // namespace ringlet::http

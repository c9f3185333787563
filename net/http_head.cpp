// What a head means once its lines are known to be sound (RFC 9112 sections 6.3 and 9.3).
#include <ringlet/net/http_head.hpp>

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
    minor_ = 1;
    keep_alive_ = chunked_ = expects_continue_ = upgrade_ = false;
}

/// Keeps a copy of the line and the places of its parts: views would not survive a move.
errc message_head::judge_start_line(std::string_view line, bool request) {
    start_line_.assign(line);
    const auto offset = [&](std::string_view part) {
        return static_cast<std::size_t>(part.data() - start_line_.data());
    };
    if (request) {
        detail::request_line parts;
        if (const auto e = detail::split_request_line(start_line_, parts); e != fine)
            return e;
        method_end_ = parts.method.size();
        target_start_ = offset(parts.target);
        target_end_ = target_start_ + parts.target.size();
        reason_start_ = start_line_.size();
        minor_ = parts.minor;
    } else {
        detail::status_line parts;
        if (const auto e = detail::split_status_line(start_line_, parts); e != fine)
            return e;
        status_ = parts.status;
        minor_ = parts.minor;
        reason_start_ = parts.reason.empty() ? start_line_.size() : offset(parts.reason);
    }
    return fine;
}

errc message_head::judge_request() {
    const auto& f = fields_;
    if (const auto e = detail::judge_host(f, minor_); e != fine)
        return e;
    detail::framing body;
    if (const auto e = detail::judge_framing(f, minor_, strictness::request, body); e != fine)
        return e;
    const bool connect = method() == "CONNECT";
    // RFC 9110 section 9.3.6: what follows CONNECT is the tunnel's; a length would be read by some.
    if (connect && (body.chunked || body.length.value_or(0) > 0))
        return errc::ambiguous_length;

    chunked_ = body.chunked;
    content_length_ = body.length;
    keep_alive_ = !f.has_token("connection", "close") && (minor_ == 1 || f.has_token("connection", "keep-alive"));
    expects_continue_ = minor_ == 1 && f.has_token("expect", "100-continue");
    upgrade_ = connect || (minor_ == 1 && f.contains("upgrade") && f.has_token("connection", "upgrade"));
    return fine;
}

/// `no_body` and `tunnel` say what was asked for; `skip` comes back true if the head ends the message.
errc message_head::judge_response(bool no_body, bool tunnel, bool& skip) {
    const auto& f = fields_;
    const bool tunneling = tunnel && status_ >= 200 && status_ < 300;
    skip = !status_has_body(status_) || tunneling || no_body;

    detail::framing body;
    const auto e = detail::judge_framing(f, minor_, strictness::response, body);
    // Where no body can come its announcement cannot mislead: an answer to HEAD may name any coding.
    if (e != fine && !skip)
        return e;
    const bool sound = e == fine && !body.both && !(body.chunked && minor_ == 0);
    chunked_ = body.chunked && !skip;
    content_length_ = e == fine ? body.length : std::nullopt;
    upgrade_ = tunneling || status_ == 101;
    keep_alive_ =
        sound && !f.has_token("connection", "close") && (minor_ == 1 || f.has_token("connection", "keep-alive"));
    // RFC 9112 section 6.3: the length lost against chunked, so nobody behind us shall see it.
    if (body.both)
        fields_.remove("content-length");
    return fine;
}

}  // namespace ringlet::http

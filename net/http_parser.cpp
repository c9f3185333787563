// The machine: which line is expected next, what a body piece may be, and what llhttp is told of it.
// The same verdict must come out however the bytes are cut, so a line is judged only when its end has
// come, except for two things that are judged as early as possible in every cut: its first byte and
// its length.
#include <ringlet/net/http_parser.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

#include "ascii_private.hpp"
#include "http_lines_private.hpp"

namespace ringlet::http {

using detail::fine;
using detail::strictness;

namespace {

// RFC 9112 section 2.2 lets a server skip an empty line or two before a request; browsers skip them
// before a response too. Endless ones are no message.
constexpr unsigned most_blank_lines = 8;

}  // namespace

limits limits::client() {
    // As large as curl takes them: policies and preloads of real sites fill tens of kilobytes.
    limits l;
    l.field_line = 100 * 1024;
    l.fields = 300 * 1024;
    l.field_count = 1000;
    l.body = 64 * 1024 * 1024;
    return l;
}

parser::parser(reads what, const limits& most) : most_(most), what_(what), framer_(what == reads::requests) {}

step parser::feed(std::string_view input) {
    const auto found = try_feed(input);
    if (found.kind == event::failed)
        throw protocol_error(error_, error_text());
    return found;
}

step parser::try_feed(std::string_view input) {
    const auto given = input.size();
    const auto report = [&](event kind, std::string_view piece = {}) {
        return step{kind, given - input.size(), piece};
    };
    while (true) {
        switch (phase_) {
            case phase::failed: return report(event::failed);
            case phase::done: return report(event::done);
            case phase::body:
            case phase::until_close:
            case phase::chunk_data: {
                if (input.empty())
                    return report(event::need_more);
                std::string_view piece;
                return take_body(input, piece) ? report(event::body, piece) : report(event::failed);
            }
            default: {
                const bool in_head = phase_ == phase::start_line || phase_ == phase::field_lines;
                if (in_head && take_plain_line(input)) {
                    if (phase_ == phase::field_lines)
                        continue;
                    return report(phase_ == phase::failed ? event::failed : event::head);
                }
                std::string_view line;
                if (!take_line(input, line))
                    return report(phase_ == phase::failed ? event::failed : event::need_more);
                if (!judge_line(line))
                    return report(event::failed);
                if (in_head && phase_ != phase::start_line && phase_ != phase::field_lines)
                    return report(event::head);
            }
        }
    }
}

step parser::finish() {
    const auto found = try_finish();
    if (found.kind == event::failed)
        throw protocol_error(error_, error_text());
    return found;
}

step parser::try_finish() {
    switch (phase_) {
        case phase::failed: return {event::failed};
        case phase::done: return {event::done};
        case phase::until_close:
            if (!framer_.tell_end())
                break;
            phase_ = phase::done;
            return {event::done};
        case phase::start_line:
            refuse(idle() ? errc::closed_before_head : errc::closed_in_head, partial_);
            return {event::failed};
        case phase::field_lines: refuse(errc::closed_in_head, partial_); return {event::failed};
        default: break;
    }
    refuse(errc::closed_in_body);
    return {event::failed};
}

void parser::reset() {
    const bool interim = head_.status_ >= 100 && head_.status_ < 200 && phase_ == phase::done;
    if (!interim) {
        no_body_ = tunnel_ = false;
        interim_ = 0;
    }
    head_.clear();
    trailers_.clear();
    partial_.clear();
    gathered_ = drop_folds_ = false;
    error_ = fine;
    line_number_ = blank_lines_ = 0;
    fields_bytes_ = extension_bytes_ = 0;
    body_bytes_ = body_left_ = 0;
    phase_ = phase::start_line;
    if (std::exchange(told_, false))
        framer_.reset();
}

std::string parser::error_text() const {
    std::string text = what_ == reads::requests ? "http request" : "http response";
    switch (failed_in_) {
        case phase::start_line:
        case phase::field_lines:
            if (line_number_ > 0)
                text += ", line " + std::to_string(line_number_);
            break;
        case phase::trailer_lines: text += ", trailer"; break;
        default:
            text += ", body after " + std::to_string(body_bytes_);
            if (head_.content_length_)
                text += " of " + std::to_string(*head_.content_length_);
            text += " bytes";
    }
    if (!offending_.empty())
        text += " '" + net::ascii::printable(offending_) + '\'';
    return text;
}

bool parser::refuse(errc e, std::string_view text) {
    if (phase_ == phase::failed)
        return false;
    error_ = e;
    failed_in_ = phase_;
    phase_ = phase::failed;
    // Views into partial_ are common here, so it must not be touched; 100 bytes are enough to see.
    offending_.assign(text.substr(0, 100));
    return false;
}

// ---- lines ----

/// A line of a head that needs no judgement of its own; with the empty one the head is over, or refused. False
/// when there is none at the beginning of the input, which is then as it was.
bool parser::take_plain_line(std::string_view& input) {
    if (!partial_.empty())  // also when it was handed out: then it is still to be cleared
        return false;
    if (phase_ == phase::start_line)
        return take_plain_start(input);
    if (input.starts_with("\r\n")) {
        ++line_number_;
        input.remove_prefix(2);
        end_head();
        return true;
    }
    field parts;
    const std::size_t size = detail::plain_field(input, parts);
    if (size == 0 || size - 2 > for_line().bytes || head_.fields_.size() >= most_.field_count)
        return false;
    ++line_number_;
    fields_bytes_ = std::min(most_.fields, fields_bytes_ + size);
    drop_folds_ = false;
    head_.fields_.append(parts.name, parts.value);
    input.remove_prefix(size);
    return true;
}

bool parser::take_plain_start(std::string_view& input) {
    detail::request_line request;
    detail::status_line status;
    const std::size_t size =
        strict() ? detail::plain_request_line(input, request) : detail::plain_status_line(input, status);
    if (size == 0 || size - 2 > most_.start_line)
        return false;
    ++line_number_;
    const std::string_view line = input.substr(0, size - 2);
    strict() ? head_.take(line, request) : head_.take(line, status);
    phase_ = phase::field_lines;
    input.remove_prefix(size);
    return true;
}

parser::allowance parser::for_line() const {
    switch (phase_) {
        case phase::start_line: return {most_.start_line, errc::start_line_too_long};
        // 16 digits reach any 64-bit size.
        case phase::chunk_line:
            return {16 + most_.chunk_extensions - extension_bytes_, errc::chunk_extension_too_long};
        case phase::chunk_end: return {0, errc::bad_chunk};
        default: {
            const auto left = most_.fields - fields_bytes_;
            return left < most_.field_line ? allowance{left, errc::fields_too_large}
                                           : allowance{most_.field_line, errc::field_line_too_long};
        }
    }
}

/// What cannot begin well is refused at its first byte: a TLS handshake sent to a plain port, or binary
/// noise, may never bring the end of a line.
bool parser::may_begin_line(char c) const {
    if (c == '\r' || c == '\n')
        return true;
    switch (phase_) {
        case phase::start_line:
            return strict() ? net::ascii::token_chars.is[static_cast<unsigned char>(c)] : c == 'H';
        case phase::chunk_line: return net::ascii::is_hex(c);
        case phase::chunk_end: return false;
        default: return true;
    }
}

/// True with a whole line, without its end, which is a view into the input or into partial_. False
/// when more input is needed (all was taken) or the line was refused.
bool parser::take_line(std::string_view& input, std::string_view& line) {
    if (std::exchange(gathered_, false))
        partial_.clear();
    if (input.empty())
        return false;
    if (partial_.empty()) {
        ++line_number_;
        if (!may_begin_line(input.front()))
            return refuse(phase_ != phase::start_line ? errc::bad_chunk
                          : strict()                  ? errc::bad_request_line
                                                      : errc::bad_status_line,
                          input);
    }
    const auto lf = input.find('\n');
    const auto fresh = input.substr(0, lf);
    // A CR at the end may belong to the terminator; counting it would make the verdict depend on the cut.
    const bool ends_in_cr = !fresh.empty() ? fresh.back() == '\r' : partial_.ends_with('\r');
    const auto [most, otherwise] = for_line();
    if (partial_.size() + fresh.size() - (ends_in_cr ? 1 : 0) > most)
        return refuse(otherwise, partial_.empty() ? fresh : partial_);

    input.remove_prefix(fresh.size());
    if (lf == input.npos || !partial_.empty())
        partial_ += fresh;
    if (lf == input.npos)
        return false;
    input.remove_prefix(1);
    gathered_ = !partial_.empty();
    line = gathered_ ? std::string_view(partial_) : fresh;
    if (ends_in_cr) {
        line.remove_suffix(1);
    } else if (strict()) {
        return refuse(errc::bare_lf, line);
    }
    if (line.find('\r') != line.npos)
        return refuse(errc::lone_cr, line);
    if (line.find('\0') != line.npos)
        return refuse(errc::nul_byte, line);
    return true;
}

bool parser::judge_line(std::string_view line) {
    switch (phase_) {
        case phase::start_line:
            if (!line.empty())
                return judge_start(line);
            return ++blank_lines_ <= most_blank_lines ||
                   refuse(strict() ? errc::bad_request_line : errc::bad_status_line);
        case phase::field_lines: return line.empty() ? end_head() : judge_field(line, head_.fields_);
        case phase::chunk_line: return judge_chunk(line);
        case phase::chunk_end:
            if (!framer_.tell("\r\n"))
                return refuse_with_framer();
            phase_ = phase::chunk_line;
            return true;
        default:
            if (!line.empty())
                return judge_field(line, trailers_);
            if (!framer_.tell("\r\n") || !framer_.complete())
                return refuse_with_framer();
            phase_ = phase::done;
            return true;
    }
}

bool parser::judge_start(std::string_view line) {
    if (const auto e = head_.judge_start_line(line, strict()); e != fine)
        return refuse(e, line);
    if (!tell_start())
        return refuse_with_framer(line);
    phase_ = phase::field_lines;
    return true;
}

/// llhttp knows fewer reasons and separators than servers do: of a response it is told what matters.
bool parser::tell_start() {
    told_ = true;
    const std::string_view line = head_.start_line_;
    return strict() ? framer_.tell(line) && framer_.tell("\r\n")
                    : framer_.tell(line.substr(0, 12)) && framer_.tell(" -\r\n");
}

bool parser::judge_field(std::string_view line, http::fields& into) {
    fields_bytes_ = std::min(most_.fields, fields_bytes_ + line.size() + 2);
    if (net::ascii::is_blank(line.front()))
        return judge_fold(line, into);
    if (head_.fields_.size() + trailers_.size() >= most_.field_count)
        return refuse(errc::too_many_fields, line);
    field parts;
    if (const auto e = detail::split_field(line, strict() ? strictness::request : strictness::response, parts);
        e != fine)
        return refuse(e, line);
    drop_folds_ = parts.name.empty();
    if (&into == &trailers_ && detail::is_framing_field(parts.name)) {
        if (strict())
            return refuse(errc::ambiguous_length, line);
        drop_folds_ = true;
    }
    if (!drop_folds_)
        into.append(parts.name, parts.value);
    return true;
}

/// RFC 9112 section 5.2: a server refuses obs-fold, a user agent reads it as a space. Lengths are not
/// to be guessed from pieces.
bool parser::judge_fold(std::string_view line, http::fields& into) {
    if (strict())
        return refuse(errc::folded_field, line);
    if (drop_folds_)
        return true;
    if (into.empty())
        return refuse(errc::bad_field, line);
    if (detail::is_framing_field(into[into.size() - 1].name))
        return refuse(errc::ambiguous_length, line);
    into.extend_last(net::ascii::trim(line));
    return true;
}

bool parser::judge_chunk(std::string_view line) {
    detail::chunk_line parts;
    if (const auto e = detail::split_chunk_line(line, strict() ? strictness::request : strictness::response, parts);
        e != fine)
        return refuse(e, line);
    if (parts.extension_bytes > most_.chunk_extensions - extension_bytes_)
        return refuse(errc::chunk_extension_too_long, line);
    extension_bytes_ += parts.extension_bytes;
    if (!framer_.tell(parts.digits) || !framer_.tell("\r\n"))
        return refuse_with_framer(line);
    body_left_ = framer_.chunk_size();
    if (body_left_ > most_.body - body_bytes_)
        return refuse(errc::body_too_large, line);
    phase_ = body_left_ > 0 ? phase::chunk_data : phase::trailer_lines;
    drop_folds_ = false;
    return true;
}

// ---- head and body ----

bool parser::end_head() {
    bool skip = false;
    if (strict()) {
        if (const auto e = head_.judge_request(); e != fine)
            return refuse(e);
        skip = head_.method() == "CONNECT";
    } else {
        const bool interim = head_.status() < 200 && head_.status() != 101;
        if (interim && ++interim_ > most_.interim_responses)
            return refuse(errc::too_many_interim_responses);
        if (const auto e = head_.judge_response(no_body_ && !interim, tunnel_, skip); e != fine)
            return refuse(e);
    }
    return begin_body(skip);
}

bool parser::begin_body(bool skip) {
    const bool sized = !skip && head_.content_length_.has_value();
    body_left_ = sized ? *head_.content_length_ : 0;
    if (body_left_ > most_.body)
        return refuse(errc::body_too_large);
    // A response that has neither length nor chunks ends with the connection.
    const bool until_close = !strict() && !skip && !sized;
    if (!told_ && !head_.chunked_ && !until_close) {
        phase_ = body_left_ > 0 ? phase::body : phase::done;
        return true;
    }
    if (!told_ && !tell_start())
        return refuse_with_framer(head_.start_line_);
    if (skip)
        framer_.skip_body();
    bool agreed = true;
    if (head_.chunked_) {
        agreed = framer_.tell("Transfer-Encoding: chunked\r\n");
    } else if (sized) {
        char digits[24];
        const auto* end = std::to_chars(digits, digits + sizeof digits, body_left_).ptr;
        agreed = framer_.tell("Content-Length: ") && framer_.tell({digits, static_cast<std::size_t>(end - digits)}) &&
                 framer_.tell("\r\n");
    }
    if (!agreed || !framer_.tell("\r\n"))
        return refuse_with_framer();
    if (framer_.complete()) {
        phase_ = phase::done;
    } else if (head_.chunked_) {
        phase_ = phase::chunk_line;
    } else if (sized) {
        phase_ = phase::body;
    } else {
        phase_ = phase::until_close;
        head_.keep_alive_ = false;
    }
    return true;
}

bool parser::take_body(std::string_view& input, std::string_view& piece) {
    const auto left = phase_ == phase::until_close ? most_.body - body_bytes_ : body_left_;
    if (left == 0)
        return refuse(errc::body_too_large);
    piece = input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, input.size())));
    if (told_ && (!framer_.tell(piece) || framer_.body_bytes() != piece.size()))
        return refuse_with_framer();
    input.remove_prefix(piece.size());
    body_bytes_ += piece.size();
    if (phase_ == phase::until_close)
        return true;
    body_left_ -= piece.size();
    if (phase_ == phase::chunk_data) {
        if (body_left_ == 0)
            phase_ = phase::chunk_end;
    } else if (told_ ? framer_.complete() : body_left_ == 0) {
        phase_ = phase::done;
    }
    return true;
}

/// Our own judgement came first and was in favour, so this says what llhttp alone knows: its table of
/// methods and its arithmetic.
bool parser::refuse_with_framer(std::string_view text) {
    switch (phase_) {
        case phase::start_line:
            if (!strict())
                return refuse(errc::bad_status_line, text);
            return refuse(framer_.refused_target() ? errc::bad_target : errc::unknown_method, text);
        case phase::field_lines: return refuse(errc::ambiguous_length, text);
        default: return refuse(errc::bad_chunk, text);
    }
}

}  // namespace ringlet::http

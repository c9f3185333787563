// The client's side of one exchange over HTTP/2: what http_connection.cpp does over a stream of its own.
#include <ringlet/net/http2_private.hpp>
#include <ringlet/net/http_phase_private.hpp>

#include <algorithm>
#include <charconv>

namespace ringlet::http {
namespace {

// A write has to be done in its time, so that it must be small enough for a slow reader.
constexpr std::size_t most_written_at_once = 256 * 1024;

/// How much body this head, which we wrote, announces; all that can be when it comes in pieces.
std::uint64_t announced_in(std::string_view head) {
    constexpr std::string_view length = "\r\nContent-Length: ", chunked = "\r\nTransfer-Encoding: chunked\r\n";
    if (head.find(chunked) != head.npos)
        return UINT64_MAX;
    const auto at = head.rfind(length);
    std::uint64_t bytes = 0;
    if (at != head.npos)
        std::from_chars(head.data() + at + length.size(), head.data() + head.size(), bytes);
    return bytes;
}

}  // namespace

task<> connection::send_on_stream(std::string_view head) {
    const auto end = head.find("\r\n\r\n") + 4;
    const std::string_view more = head.substr(end);  // a small body comes along
    head = head.substr(0, end);
    body_left_ = announced_in(head);
    body_read_ = 0;
    sent_at_ = loop::current().now();
    throw_if_canceled();
    over_->send_head(head, body_left_ == 0);
    if (!more.empty())
        co_await write_on_stream(more, false);
}

task<> connection::write_on_stream(std::string_view bytes, bool last) {
    if (bytes.empty()) {
        if (last)
            over_->end({});
        co_return;
    }
    while (!bytes.empty()) {
        const std::string_view part = bytes.substr(0, most_written_at_once);
        bytes.remove_prefix(part.size());
        if (body_left_ != UINT64_MAX)
            body_left_ -= std::min<std::uint64_t>(body_left_, part.size());
        const detail::phase limit(timeouts_.between_bytes, timeouts_, until_);
        try {
            co_await over_->write(part, body_left_ == 0);
        } catch (const canceled&) {
            write_failed_ = true;
            limit.explain("write to " + name());
        } catch (const std::system_error&) {
            write_failed_ = true;
            throw;
        }
    }
}

task<> connection::read_stream_head() {
    const detail::phase limit(timeouts_.first_byte, timeouts_, until_);
    try {
        co_await over_->read_head();
    } catch (const canceled&) {
        answered_ = over_->answered();
        if (limit.ends_here())
            over_->doubt(sent_at_);
        limit.explain("wait for the response from " + name());
    } catch (...) {
        answered_ = over_->answered();
        throw;
    }
    answered_ = true;
    show_stream_head();
    if (head().content_length().value_or(0) > most_body_ && !over_->ends_with_head())
        throw protocol_error(errc::body_too_large, "http response, head");
}

void connection::show_stream_head() {
    if (!std::exchange(head_came_, true))
        reader_.parser().show(over_->head);
}

task<std::string_view> connection::next_stream_piece(duration patience) {
    const time_point start = loop::current().now();
    const detail::phase limit(patience, timeouts_, until_);
    std::string_view piece;
    try {
        piece = co_await over_->next_piece();
    } catch (const canceled&) {
        if (limit.ends_here())
            over_->doubt(start);
        limit.explain("read the body of the response from " + name());
    }
    body_read_ += piece.size();
    if (body_read_ > most_body_)
        throw protocol_error(errc::body_too_large,
                             "http response, body after " + std::to_string(most_body_) + " bytes");
    if (piece.empty()) {
        done_ = true;
        reader_.parser().show(over_->trailers);
    }
    co_return piece;
}

}  // namespace ringlet::http

// An exchange of the server over HTTP/2: the same handlers, limits and times, but its bytes are those of
// one stream, and its connection goes on whatever becomes of it.
#include <ringlet/net/http_exchange_private.hpp>

#include <ringlet/core/scope.hpp>
#include <ringlet/core/timeout.hpp>

#include <algorithm>

namespace ringlet::http::detail {
namespace {

// A write has to be done in its time, so that it must be small enough for a slow reader.
constexpr std::size_t most_written_at_once = 256 * 1024;

}  // namespace

task<> exchange::answer(http2_stream& s) {
    over_ = &s;
    struct at_end {
        exchange& self;
        ~at_end() { self.over_ = nullptr; }
    } const until_then{*this};
    try {
        co_await answer_stream();
    } catch (const std::system_error&) {
        broken_ = true;  // the peer is gone, or takes nothing
    }
    if (broken_)
        s.break_off();
}

task<> exchange::answer_stream() {
    begin_request();
    head_sent_ = false;
    reader_.parser().show(over_->head);
    began_ = loop::current().now();
    continued_ = !head().expects_continue();
    if (const int status = over_->refusal(); status != 0) {
        body_failed_ = true;
        answer_plainly(status);
    } else {
        deadline limit(never);
        handler_run run(*this, limit);
        co_await run;
    }
    if (options_.access_log)
        tell_log();
    if (broken_)
        co_return;
    co_await flush_stream(true);
    {
        deadline limit(after(loop::current().now(), options_.write));
        broken_ = true;
        try {
            co_await over_->sent();
        } catch (const canceled&) {
            if (!limit.ends_here())
                throw;
            co_return;
        }
        broken_ = false;
    }
    // Some clients take it for an error when they are told to stop sending; a little is read for them.
    for (std::size_t skipped = piece_.size(); !body_over_ && !expects_more_body() && skipped <= options_.unread_body;)
        skipped += co_await next_stream_piece() ? piece_.size() : 0;
}

// --- the request -------------------------------------------------------------------------------------

task<bool> exchange::next_stream_piece() {
    if (body_over_)
        co_return false;
    if (!over_->has_piece()) {
        if (!continued_ && !writer_.begun())
            out_.append("HTTP/1.1 100 Continue\r\n\r\n");
        continued_ = true;
        co_await flush();  // whoever waits for an answer before sending more
    }
    const time_point start = loop::current().now();
    const duration patience = body_patience();
    deadline limit(after(start, patience));
    try {
        piece_ = co_await over_->next_piece();
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
        body_failed_ = true;
        refusal_ = 408;
        throw timeout_error("read the body of a request from " + stream_->name(), patience);
    } catch (const std::system_error&) {
        body_failed_ = true;
        throw;
    }
    body_waited_ += loop::current().now() - start;
    body_taken_ += piece_.size();
    if (body_taken_ > options_.limits.body)
        refuse_body(errc::body_too_large,
                    "http request, body after " + std::to_string(options_.limits.body) + " bytes");
    if (piece_.empty()) {
        body_over_ = true;
        reader_.parser().show(over_->trailers);
    }
    co_return !body_over_;
}

// --- the answer --------------------------------------------------------------------------------------

/// Sends what was written: heads in front, then the body. `last`: that is all of the answer.
task<> exchange::flush_stream(bool last) {
    left_ = left_ || writer_.begun();
    leaving_.swap(out_);
    out_.clear();
    answer_at_ = 0;
    std::string_view rest = leaving_;
    const bool trailers = last && !writer_.trailers_.empty() && !answers_head();
    while (!head_sent_ && !rest.empty()) {
        const std::string_view text = rest.substr(0, rest.find("\r\n\r\n") + 4);
        rest.remove_prefix(text.size());
        head_sent_ = !text.starts_with("HTTP/1.1 1");  // that is an interim one
        const bool whole = head_sent_ && last && rest.empty() && tail_.empty() && !trailers;
        over_->send_head(text, whole);
        if (whole)
            co_return;
    }
    const std::string tail = std::exchange(tail_, {});
    const std::string_view more = std::string_view(tail).substr(std::min(tail_start_, tail.size()));
    if (!rest.empty())
        co_await write_stream(rest, last && more.empty() && !trailers);
    if (!more.empty())
        co_await write_stream(more, last && !trailers);
    leaving_.clear();
    if (last && (trailers || (rest.empty() && more.empty())))
        over_->end(trailers ? writer_.trailers_ : fields());
}

task<> exchange::write_stream(std::string_view bytes, bool last) {
    while (!bytes.empty()) {
        const std::string_view part = bytes.substr(0, most_written_at_once);
        bytes.remove_prefix(part.size());
        deadline limit(after(loop::current().now(), options_.write));
        broken_ = true;
        try {
            co_await over_->write(part, last && bytes.empty());
        } catch (const canceled&) {
            if (!limit.ends_here())
                throw;
            throw timeout_error("write to " + stream_->name(), options_.write);
        }
        broken_ = false;
    }
}

}  // namespace ringlet::http::detail

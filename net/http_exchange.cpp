#include <ringlet/net/http_exchange_private.hpp>

#include <ringlet/core/scope.hpp>
#include <ringlet/core/timeout.hpp>

namespace ringlet::http::detail {
namespace {

// Answers to pipelined requests are collected up to here.
constexpr std::size_t most_collected = 64 * 1024;

// An answer so short is left to the connection.
constexpr std::size_t most_left = 16 * 1024;

}  // namespace

void exchange::detach() {
    stops = {};
    stream_ = nullptr;
    reader_.clear();
    out_.clear();
    leaving_.clear();
    tail_ = {};
    for (std::string* text : {&out_, &leaving_})
        if (text->capacity() > most_collected)
            text->shrink_to_fit();
    broken_ = false;
}

void exchange::begin_request() {
    writer_.reset();
    piece_ = {};
    body_taken_ = sent_ = 0;
    body_waited_ = {};
    body_over_ = continued_ = body_failed_ = false;
    refusal_ = 0;
    answer_at_ = out_.size();
    left_ = last_ = false;
}

task<bool> exchange::answer(deadline& limit) {
    limit.restart(never);
    was_asked_ = false;
    std::exception_ptr error;
    bool idle = false;
    try {
        for (;;) {
            begin_request();
            auto what = begun::nothing;
            if (!take_head(what)) {
                co_await flush(limit);
                what = co_await read_head();
            }
            idle = what == begun::nothing;
            if (idle || what == begun::closed)
                break;
            began_ = loop::current().now();
            was_asked_ = true;
            if (what == begun::refused) {
                answer_plainly(refusal_);
            } else {
                handler_run run(*this, limit);
                co_await run;
            }
            if (options_.access_log)
                tell_log();
            if (!broken_ && !last_ && !body_over_)
                co_await skip_body();
            if (broken_)
                break;
            if (last_) {
                co_await flush(limit);
                co_await linger(limit);
                break;
            }
            if (reader_.empty() || out_.size() > most_collected || !tail_.empty()) {
                idle = reader_.empty() && tail_.empty() && !meanwhile_ && out_.size() <= most_left;
                if (idle)
                    break;
                co_await flush(limit);
                idle = reader_.empty();
                if (idle)
                    break;
            }
            reader_.parser().reset();
        }
    } catch (...) {
        error = std::current_exception();
    }
    if (meanwhile_)
        co_await end_meanwhile(true);
    if (error)
        std::rethrow_exception(error);
    co_return idle;
}

/// True when what was read tells how the request begins.
bool exchange::take_head(begun& what) {
    const step found = reader_.next();
    if (found.kind == http::event::need_more)
        return false;
    if (found.kind == http::event::failed) {
        refusal_ = answer_status(reader_.parser().error());
        body_failed_ = last_ = true;
        what = refusal_ != 0 ? begun::refused : begun::closed;
        return true;
    }
    what = begun::request;
    body_over_ = !head().chunked() && head().content_length().value_or(0) == 0;
    continued_ = !head().expects_continue();
    if (body_over_)
        reader_.next();  // it says done
    return true;
}

/// The same, waiting for bytes. All of a head has to come in one time: a byte now and then does not
/// keep a connection.
task<exchange::begun> exchange::read_head() {
    const time_point until = after(loop::current().now(), options_.head);
    auto what = begun::nothing;
    bool late = false;
    do {
        if (reader_.parser().idle())
            co_return begun::nothing;
        try {
            const std::size_t count = co_await read_more(until, "read a request", options_.head);
            if (count == 0)
                co_return begun::closed;
        } catch (const timeout_error&) {
            late = true;
        } catch (const std::system_error&) {
            co_return begun::closed;
        }
        if (late) {
            refusal_ = 408;
            body_failed_ = last_ = true;
            co_return begun::refused;
        }
    } while (!take_head(what));
    co_return what;
}

/// The handler has answered and left some of the body. A little is read and dropped; what is longer
/// would cost more than a new connection.
task<> exchange::skip_body() {
    std::size_t skipped = piece_.size();
    bool lost = false;
    try {
        co_await flush();
        while (co_await next_piece()) {
            skipped += piece_.size();
            if (skipped > options_.unread_body) {
                lost = true;
                break;
            }
        }
    } catch (const std::system_error&) {
        lost = true;
    }
    if (lost)
        last_ = body_failed_ = true;
}

/// Awaitable: a count, 0 at the end of the stream.
task<std::size_t> exchange::read_more(time_point until, const char* act, duration allowed) {
    deadline limit(until);
    std::size_t count = 0;
    try {
        count = co_await stream_->read(reader_.room());
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
        throw timeout_error(std::string(act) + " from " + stream_->name(), allowed);
    }
    reader_.filled(count);
    co_return count;
}

}  // namespace ringlet::http::detail

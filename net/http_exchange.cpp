#include <ringlet/net/http_exchange_private.hpp>

#include <ringlet/core/scope.hpp>
#include <ringlet/core/timeout.hpp>

namespace ringlet::http::detail {
namespace {

// Answers to pipelined requests are collected up to here.
constexpr std::size_t most_collected = 64 * 1024;

}  // namespace

void exchange::detach() {
    waiting = nullptr;
    stream_ = nullptr;
    reader_.clear();
    begin_request();
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

/// Awaits a handler. Should it have to wait, the answers to earlier requests do not wait with it.
class exchange::handler_run {
public:
    handler_run(exchange& e, task<> work)
        : exchange_(e), work_(std::move(work)), awaiter_(work_.operator co_await()) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> h) {
        if (!awaiter_.await_suspend(h))
            return false;
        if (!exchange_.out_.empty() && (!exchange_.meanwhile_ || exchange_.meanwhile_.ready()))
            exchange_.send_meanwhile();
        return true;
    }
    void await_resume() { awaiter_.await_resume(); }

private:
    exchange& exchange_;
    task<> work_;
    task<>::awaiter awaiter_;
};

task<bool> exchange::answer(std::span<const std::byte> first) {
    reader_.put(first);
    std::exception_ptr error;
    bool idle = false;
    try {
        idle = co_await answer_all();
    } catch (...) {
        error = std::current_exception();
    }
    if (meanwhile_)
        co_await end_meanwhile(true);
    if (error)
        std::rethrow_exception(error);
    co_return idle;
}

task<bool> exchange::answer_all() {
    for (;;) {
        begin_request();
        auto what = begun::nothing;
        if (!take_head(what)) {
            co_await flush();
            what = co_await read_head();
        }
        if (what == begun::nothing)
            co_return true;
        if (what == begun::closed)
            co_return false;
        began_ = loop::current().now();
        if (what == begun::refused) {
            answer_plainly(refusal_);
        } else {
            handler_run run(*this, run_handler(server_.find(request_, match_)));
            co_await run;
        }
        if (options_.access_log)
            tell_log();
        if (broken_)
            co_return false;
        if (!last_ && !body_over_)
            co_await skip_body();
        if (broken_)
            co_return false;
        if (last_) {
            co_await flush();
            co_await linger();
            co_return false;
        }
        reader_.parser().reset();
        if (reader_.empty() || out_.size() > most_collected || !tail_.empty()) {
            co_await flush();
            if (reader_.empty())
                co_return true;
        }
    }
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

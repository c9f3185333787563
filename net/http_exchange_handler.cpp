// A handler while an exchange waits for it: how long it may take, what becomes of its mistakes, and what
// the access log is told.

#include <ringlet/net/http_exchange_private.hpp>

#include <ringlet/core/report.hpp>
#include <ringlet/core/scope.hpp>

namespace ringlet::http::detail {

/// Its time, from the end of the head on.
bool exchange::handler_run::await_ready() {
    const duration allowed = exchange_.options_.request;
    limit_.restart(allowed > duration::zero() ? after(exchange_.began_, allowed) : never);
    exchange_.handler_limit_ = &limit_;
    try {
        const handler& h = exchange_.server_.find(exchange_.request_, exchange_.match_);
        work_.emplace(h(exchange_.request_, exchange_.writer_));
        awaiter_.emplace(work_->operator co_await());
    } catch (...) {
        error_ = std::current_exception();
    }
    return error_ != nullptr;
}

bool exchange::handler_run::await_suspend(std::coroutine_handle<> h) {
    if (!awaiter_->await_suspend(h))
        return false;
    exchange& e = exchange_;
    if (!e.out_.empty() && !e.is_stream() && (!e.meanwhile_ || e.meanwhile_.ready()))
        e.send_meanwhile();
    return true;
}

void exchange::handler_run::await_resume() {
    bool late = false;
    try {
        if (error_)
            std::rethrow_exception(error_);
        awaiter_->await_resume();
        exchange_.writer_.finish();
    } catch (const canceled&) {
        if (!limit_.ends_here())
            throw;
        late = true;
    } catch (...) {
        error_ = std::current_exception();
    }
    limit_.restart(never);
    exchange_.handler_limit_ = nullptr;
    if (late)
        exchange_.handler_late();
    else if (error_)
        exchange_.handler_failed(error_);
}

void exchange::handler_late() {
    if (broken_)
        return;
    report("http server: " + name_of_request() + ": not answered in time");
    body_failed_ = last_ = true;
    take_back(503);
}

/// Puts another answer in place of the one that was begun. What has left already cannot be taken back:
/// then the connection ends in the middle of it.
void exchange::take_back(int status) {
    if (left_) {
        broken_ = true;
        return;
    }
    tail_.clear();
    out_.resize(answer_at_);
    sent_ = 0;
    answer_plainly(status);
}

void exchange::tell_log() {
    const std::string peer = stream_->name();
    const http::fields& f = head().fields();
    log_entry e;
    e.peer = peer;
    e.method = head().method();
    e.target = head().target();
    e.version = head().version();
    e.status = writer_.status();
    e.body_bytes = sent_;
    e.took = loop::current().now() - began_;
    e.referer = f.get_or("referer", {});
    e.user_agent = f.get_or("user-agent", {});
    try {
        options_.access_log(e);
    } catch (const canceled&) {
        throw;
    } catch (...) {
        // It has nothing to do with the answer, nor with what follows on the connection.
        report("http server: " + name_of_request() + ": the access log: " + describe(std::current_exception()));
    }
}

/// A handler that gave up because of the peer has nothing to report; anything else is a mistake of its
/// own, told once.
void exchange::handler_failed(const std::exception_ptr& error) {
    if (broken_)
        return;
    if (!body_failed_)
        report("http server: " + name_of_request() + ": " + describe(error));
    if (body_failed_ && refusal_ == 0)
        broken_ = true;  // the peer is gone
    else
        take_back(body_failed_ ? refusal_ : 500);
}

/// With what the parser has to say, so that whoever wrote the client can see what is wrong with it.
void exchange::answer_plainly(int status) {
    std::string body = std::to_string(status) + ' ' + std::string(reason_of(status));
    if (const errc e = parser().error(); e != errc{})
        body += ": " + parser().error_text() + ": " + make_error_code(e).message();
    body += '\n';
    writer_.reset();
    writer_.status(status).set("Content-Type", response::plain_text);
    writer_.send(body);
}

std::string exchange::name_of_request() {
    return std::string(head().method()) + ' ' + std::string(head().target()) + " from " + stream_->name();
}

}  // namespace ringlet::http::detail

// One exchange: its heads and bodies, in both directions.
#include <ringlet/net/http2_session_private.hpp>

#include <ringlet/core/scope.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace ringlet::http::detail {
namespace {

// Frames may come in the way of what quiet() looks for, but not for ever.
constexpr int most_looks = 16;

}  // namespace

/// RFC 9113 section 8.1: a server that has answered needs no more of the request.
session_stream::~session_stream() { reset(session_->server_ && out_ended_ ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL); }

std::string session_stream::name() const { return session_->stream().name(); }

void session_stream::doubt(time_point since) noexcept {
    if (session_->heard_ >= since)
        return;
    session_->retired_ = true;
    session_->changed();
}

/// It is over, whoever has said so. Called while nghttp2 is at work.
void session_stream::close(std::uint32_t code, std::exception_ptr failure) noexcept {
    if (std::exchange(closed_, true))
        return;
    code_ = code;
    failure_ = std::move(failure);
    refused_ = refused_ || code == NGHTTP2_REFUSED_STREAM;
    session_->streams_.erase(id_);
    notify();
    if (session_->on_closed)
        session_->on_closed(*this);
    session_->changed();
}

void session_stream::reset(std::uint32_t code) noexcept {
    if (closed_)
        return;
    closed_ = true;
    code_ = code;
    if (id_ == 0)
        return;
    session_->streams_.erase(id_);
    if (session_->failure_ || session_->closed_)
        return;
    nghttp2_submit_rst_stream(session_->session_, NGHTTP2_FLAG_NONE, id_, code);
    try {
        session_->send();
    } catch (...) {
        session_->close();
    }
    session_->changed();
}

void session_stream::break_off() noexcept { reset(NGHTTP2_INTERNAL_ERROR); }

void session_stream::throw_if_broken() const {
    if (failure_)
        std::rethrow_exception(failure_);
    if (wrong_ != errc{})
        throw protocol_error(wrong_, session_->act() + ", the fields of a message");
    if (!closed_ || (code_ == NGHTTP2_NO_ERROR && head_came_))
        return;
    const std::errc code = refused_                    ? std::errc::connection_refused
                           : code_ == NGHTTP2_CANCEL   ? std::errc::operation_canceled
                           : code_ == NGHTTP2_NO_ERROR ? std::errc::connection_reset
                                                       : std::errc::protocol_error;
    throw http2_error(code, code_, session_->act() + ": the stream was reset: " + name_of_code(code_));
}

void session_stream::notify() noexcept {
    progress_.set();
    if (session_->leader_ == this)
        session_->leading_->cancel();
}

/// Awaitable: until something has changed, or may have.
task<> session_stream::wait() {
    progress_.clear();
    if (session_->server_)
        co_await progress_.wait();
    else
        co_await session_->lead(*this);
}

// --- out ---------------------------------------------------------------------------------------------

void session_stream::send_head(std::string_view text, bool last) {
    http2_session& to = *session_;
    if (closed_)
        throw_if_broken();
    const http2_fields list(std::string(text), to.secure_ ? "https" : "http");
    nghttp2_data_provider from{};
    from.read_callback = &session_stream::give;
    int outcome = 0;
    if (to.server_) {
        outcome = list.interim()
                      ? nghttp2_submit_headers(to.session_, NGHTTP2_FLAG_NONE, id_, nullptr, list.data(), list.size(),
                                               nullptr)
                      : nghttp2_submit_response(to.session_, id_, list.data(), list.size(), last ? nullptr : &from);
    } else {
        if (!to.usable()) {
            refused_ = true;  // nothing was sent
            close(NGHTTP2_REFUSED_STREAM, to.failure_);
            throw_if_broken();
        }
        asked_head_ = list.asks_head();
        outcome =
            nghttp2_submit_request(to.session_, nullptr, list.data(), list.size(), last ? nullptr : &from, nullptr);
        if (outcome > 0) {
            id_ = outcome;
            to.streams_.emplace(id_, this);
        } else {
            to.retired_ = true;
        }
    }
    if (outcome < 0)
        throw http2_error(std::errc::connection_refused, NGHTTP2_REFUSED_STREAM,
                          to.act() + ": no more requests: " + nghttp2_strerror(outcome));
    to.send();
}

/// Gives nghttp2 what is to be sent of our body. When the connection has failed the exchange may be gone, and
/// nghttp2 was not told.
ssize_t session_stream::give(nghttp2_session* session, std::int32_t id, std::uint8_t* into, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source*, void* user) noexcept {
    session_stream* const found = static_cast<http2_session*>(user)->find(id);
    if (found == nullptr)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    session_stream& s = *found;
    const std::size_t count = std::min(size, s.out_.size());
    if (count > 0)
        std::memcpy(into, s.out_.data(), count);
    s.out_.remove_prefix(count);
    if (s.out_.empty()) {
        s.notify();
        if (s.out_last_) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (s.out_trailers_) {
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
                nghttp2_submit_trailer(session, s.id_, s.out_trailers_->data(), s.out_trailers_->size());
            }
        } else if (count == 0) {
            return NGHTTP2_ERR_DEFERRED;
        }
    }
    return static_cast<ssize_t>(count);
}

task<> session_stream::write(std::string_view bytes, bool last) {
    throw_if_canceled();
    struct borrowed {
        session_stream& self;
        ~borrowed() {  // the bytes belong to the caller; what is cut short must not look whole
            if (!self.out_.empty())
                self.out_last_ = false;
            self.out_ = {};
        }
    } const until_done{*this};
    throw_if_broken();
    out_ = bytes;
    out_last_ = last;
    nghttp2_session_resume_data(session_->session_, id_);
    session_->send();
    while (!out_.empty()) {
        if (closed_) {
            throw_if_broken();
            throw http2_error(std::errc::broken_pipe, code_,
                              session_->act() + ": the peer wants no more of the body");
        }
        co_await wait();
    }
}

void session_stream::end(const fields& ours) {
    if (closed_)
        return;
    if (!ours.empty())
        out_trailers_ = std::make_unique<http2_fields>(ours);
    out_last_ = true;
    nghttp2_session_resume_data(session_->session_, id_);
    session_->send();
}

task<> session_stream::sent() {
    while (!out_ended_ && !closed_)
        co_await wait();
}

// --- in ----------------------------------------------------------------------------------------------

task<> session_stream::read_head() {
    throw_if_canceled();
    while (!head_came_) {
        throw_if_broken();
        co_await wait();
    }
    if (wrong_ != errc{})
        throw_if_broken();
}

task<std::string_view> session_stream::next_piece() {
    throw_if_canceled();
    piece_.clear();
    while (in_.empty() && !in_ended_) {
        throw_if_broken();
        if (closed_)
            throw http2_error(std::errc::connection_reset, code_, session_->act() + ": the body was cut off");
        co_await wait();
    }
    piece_.swap(in_);
    if (!piece_.empty() && !closed_ && !in_ended_) {
        nghttp2_session_consume_stream(session_->session_, id_, piece_.size());
        session_->send();
    }
    co_return piece_;
}

task<bool> session_stream::quiet() {
    http2_session& s = *session_;
    for (int looks = 0; s.usable() && !s.reading_ && looks < most_looks; ++looks) {
        const deadline at_once(loop::current().now());
        s.reading_ = true;
        bool more = false;
        try {
            more = co_await s.read_once();
        } catch (const canceled&) {
            s.reading_ = false;
            s.pass_on();
            if (!at_once.ends_here())
                throw;
            co_return s.usable();
        } catch (...) {
            s.fail(std::current_exception());
        }
        s.reading_ = false;
        if (!more)
            s.fail(std::make_exception_ptr(
                http2_error(std::errc::connection_reset, NGHTTP2_NO_ERROR, s.act() + ": the connection ended")));
    }
    if (!s.reading_)
        s.pass_on();  // who came meanwhile
    co_return s.usable();
}

}  // namespace ringlet::http::detail

// A connection: how frames come in and go out, and how it ends.
#include <ringlet/net/http2_session_private.hpp>

#include <ringlet/core/spawn.hpp>
#include <ringlet/core/timeout.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace ringlet::http::detail {
namespace {

constexpr std::size_t read_size = 16 * 1024;

// Frames are collected up to here. What answers to the peer may wait unsent up to `most_answers` of them
// before nothing more is read from it: who takes nothing gets nothing.
constexpr std::size_t send_size = 64 * 1024;
constexpr std::size_t most_answers = 1000;

// What all bodies together may bring that nobody has read: each has a window of its own.
constexpr std::int32_t connection_window = 1 << 20;

}  // namespace

http2_session::http2_session(io::any_stream stream, const http2_limits& most, bool server, bool secure)
    : stream_(std::move(stream)), most_(most), server_(server), secure_(secure) {
    make_session(server);
}

http2_session::~http2_session() { nghttp2_session_del(session_); }

void http2_session::greet() {
    // RFC 9113 section 6.9.1: no window is larger.
    const std::uint32_t window = std::min<std::uint32_t>(most_.window, INT32_MAX);
    const auto fields = static_cast<std::uint32_t>(std::min<std::size_t>(most_.messages.fields, UINT32_MAX));
    std::array<nghttp2_settings_entry, 4> ours{{
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, fields},
    }};
    if (server_) {
        ours[2] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, most_.streams};
        ours[3] = {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
    } else {
        ours[2] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
        ours[3] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0};
    }
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, ours.data(), ours.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
    heard_ = counted_since_ = loop::current().now();
    send();
}

session_stream* http2_session::find(std::int32_t id) const noexcept {
    const auto at = streams_.find(id);
    return at == streams_.end() ? nullptr : at->second;
}

std::size_t http2_session::room() const noexcept {
    if (!settings_heard_)  // some servers refuse what is too much
        return 1;
    return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

void http2_session::changed() noexcept {
    if (on_change)
        on_change();
}

// --- out ---------------------------------------------------------------------------------------------

void http2_session::collect() {
    const std::uint8_t* bytes = nullptr;
    ssize_t count = 0;
    at_work_ = true;
    while (out_.size() < send_size && (count = nghttp2_session_mem_send(session_, &bytes)) > 0)
        out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
    at_work_ = false;
    if (thrown_)
        std::rethrow_exception(std::exchange(thrown_, nullptr));
    if (count < 0)
        throw http2_error(std::errc::io_error, NGHTTP2_INTERNAL_ERROR,
                          act() + ": " + nghttp2_strerror(static_cast<int>(count)));
}

void http2_session::send() {
    if (closed_ || failure_ || at_work_)
        return;
    collect();
    if (flushing_ || out_.empty())
        return;
    flushing_ = true;
    flushed_.clear();
    spawn(spawn_options().name("http/2 flush"), &http2_session::flush, shared_from_this());
}

task<> http2_session::flush(std::shared_ptr<http2_session> self) noexcept {
    try {
        while (!self->closed_ && !self->out_.empty()) {
            self->leaving_.swap(self->out_);
            auto sending = with_timeout(self->most_.write, self->stream_.write_all(io::bytes_of(self->leaving_)));
            co_await std::move(sending);
            self->leaving_.clear();
            self->collect();
            self->flushed_.set();
        }
    } catch (const canceled&) {
        self->close();
    } catch (...) {
        self->fail(std::current_exception());
        self->close();
    }
    if (self->leaving_.capacity() > 2 * send_size)
        self->leaving_ = {};
    self->flushing_ = false;
    self->flushed_.set();
}

task<> http2_session::sent() {
    while (flushing_) {
        flushed_.clear();
        co_await flushed_.wait();
    }
}

void http2_session::say_goodbye(std::uint32_t code) noexcept {
    nghttp2_session_terminate_session(session_, code);
    try {
        send();
    } catch (...) {
        close();
    }
}

void http2_session::begin_to_stop() {
    nghttp2_submit_shutdown_notice(session_);
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    send();
}

void http2_session::stop_taking() {
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
    send();
}

// --- in ----------------------------------------------------------------------------------------------

void http2_session::take(std::span<const std::byte> bytes) {
    const std::size_t good = server_ ? order_.check(bytes) : bytes.size();
    at_work_ = true;
    const ssize_t outcome =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), good);
    at_work_ = false;
    if (thrown_)
        std::rethrow_exception(std::exchange(thrown_, nullptr));
    if (outcome < 0)
        throw http2_error(std::errc::protocol_error,
                          outcome == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR,
                          act() + ": " + nghttp2_strerror(static_cast<int>(outcome)));
    if (good < bytes.size())
        throw http2_error(std::errc::protocol_error, order_.code(), act() + ": " + order_.what());
    send();
}

task<bool> http2_session::read_once() {
    while (flushing_ && nghttp2_session_get_outbound_queue_size(session_) > most_answers) {
        flushed_.clear();
        co_await flushed_.wait();
    }
    if (buffer_.empty())
        buffer_.resize(read_size);
    const std::size_t count = co_await stream_.read(buffer_);
    if (count == 0)
        co_return false;
    heard_ = loop::current().now();
    take(std::span(buffer_).first(count));
    co_return true;
}

/// Awaitable: until something has come for `s`, or it is to look again. One of those who wait reads.
task<> http2_session::lead(session_stream& s) {
    if (reading_) {
        // Who wakes up may have been chosen to read, and have got what it wants, or be killed: then another must.
        struct one_waits {
            http2_session& self;
            session_stream& s;
            ~one_waits() {
                --s.waiting_;
                if (!self.reading_)
                    self.pass_on();
            }
        } const until_woken{*this, s};
        ++s.waiting_;
        co_await s.progress_.wait();
        co_return;
    }
    reading_ = true;
    scope reading;  // ends early when there is something for `s` that did not come by it: its body has left
    leader_ = &s;
    leading_ = &reading;
    struct at_end {
        http2_session& self;
        ~at_end() {
            self.reading_ = false;
            self.leader_ = nullptr;
        }
    };
    bool more = false;
    try {
        const at_end no_more{*this};
        more = co_await read_once();
    } catch (const canceled&) {
        pass_on();
        if (!reading.ends_here())
            throw;
        co_return;
    } catch (const http2_error& e) {
        say_goodbye(e.wire_code());
        fail(std::current_exception());
        co_return;
    } catch (...) {
        fail(std::current_exception());
        co_return;
    }
    if (!more)
        fail(std::make_exception_ptr(
            http2_error(std::errc::connection_reset, NGHTTP2_NO_ERROR, act() + ": the connection ended")));
    else
        pass_on();
}

/// Whoever has waited reads now, unless the one who did goes on.
void http2_session::pass_on() noexcept {
    for (const auto& [id, s] : streams_)
        if (s->waiting_ > 0) {
            s->progress_.set();
            return;
        }
}

// --- the end -----------------------------------------------------------------------------------------

void http2_session::fail(std::exception_ptr why) noexcept {
    if (!failure_)
        failure_ = std::move(why);
    for (auto left = std::exchange(streams_, {}); const auto& [id, s] : left)
        s->close(NGHTTP2_INTERNAL_ERROR, failure_);
    arriving_.reset();
    head_since_ = never;
    changed();
}

void http2_session::close() noexcept {
    if (std::exchange(closed_, true))
        return;
    fail(std::make_exception_ptr(
        std::system_error(std::make_error_code(std::errc::connection_aborted), act() + ": it was closed here")));
    stream_.close();
}

}  // namespace ringlet::http::detail

// What nghttp2 tells us, and how exchanges change by it. Nothing here waits, sends, or throws through
// nghttp2's C code.
#include <ringlet/net/http2_session_private.hpp>

#include <ringlet/core/loop.hpp>
#include <ringlet/core/report.hpp>

#include <new>
#include <utility>

namespace ringlet::http::detail {
namespace {

// Frames that serve no exchange, within this time: pings, settings, resets and the like. Each exchange that
// ends well makes up for one.
constexpr duration counted_for = 10s;
constexpr std::size_t most_idle_frames = 500;

http2_session& of(void* user) { return *static_cast<http2_session*>(user); }

std::string_view text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

bool ends_stream(const nghttp2_frame* frame) {
    return (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
           (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

/// nghttp2 drops such frames without telling what is in them.
bool is_dropped(std::uint8_t type) { return type == NGHTTP2_PRIORITY || type > NGHTTP2_CONTINUATION; }

/// It says nothing about a request or its answer.
bool is_idle(const nghttp2_frame* frame) {
    const bool acknowledges = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    switch (frame->hd.type) {
        case NGHTTP2_HEADERS:
        case NGHTTP2_WINDOW_UPDATE:
        case NGHTTP2_GOAWAY: return false;
        case NGHTTP2_DATA: return frame->hd.length == 0 && !ends_stream(frame);
        case NGHTTP2_PING:
        case NGHTTP2_SETTINGS: return !acknowledges;
        default: return !is_dropped(frame->hd.type);
    }
}

}  // namespace

/// What nghttp2 calls.
struct http2_callbacks {
    /// Runs fn; what it throws ends the connection.
    template <class Fn>
    static int safely(http2_session& c, Fn fn) noexcept {
        try {
            fn();
            return 0;
        } catch (...) {
            c.thrown_ = std::current_exception();
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }

    static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) noexcept {
        http2_session& c = of(user);
        return safely(c, [&] {
            if (is_dropped(head->type))
                c.count_idle_frame();
        });
    }

    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
        http2_session& c = of(user);
        return safely(c, [&] {
            if (c.server_ && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
                c.arriving_ = std::make_unique<session_stream>(c.shared_from_this());
                c.arriving_->id_ = frame->hd.stream_id;
                c.streams_.emplace(frame->hd.stream_id, c.arriving_.get());
                c.head_since_ = loop::current().now();
            } else if (session_stream* s = c.find(frame->hd.stream_id)) {
                s->coming_.clear();
            }
        });
    }

    static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) noexcept {
        http2_session& c = of(user);
        return safely(c, [&] {
            session_stream* s = c.find(frame->hd.stream_id);
            if (s == nullptr)
                return;
            s->coming_.add(text(name, name_size), text(value, value_size), c.most_.messages);
            // What is somewhat too large can be answered. A bomb is not worth its unpacking.
            if (s->coming_.size() > 4 * c.most_.messages.fields)
                throw http2_error(
                    std::errc::protocol_error, NGHTTP2_ENHANCE_YOUR_CALM,
                    c.act() + ": a head of more than " + std::to_string(4 * c.most_.messages.fields) + " bytes");
        });
    }

    static void take_request(http2_session& c, session_stream& s) {
        const errc wrong = s.coming_.finish_request(s.head, c.most_.messages);
        s.refusal_ = wrong != errc{} ? answer_status(wrong) : 0;
        s.head_came_ = true;
        c.head_since_ = never;
        auto whole = std::move(c.arriving_);
        if (c.on_request)
            c.on_request(std::move(whole));
    }

    static void take_response(http2_session& c, session_stream& s) {
        s.answered_ = true;
        if (s.coming_.status() >= 100 && s.coming_.status() < 200) {
            if (++s.interim_ > c.most_.messages.interim_responses)
                s.wrong_ = errc::too_many_interim_responses;
        } else {
            bool skip = false;
            s.wrong_ = s.coming_.finish_response(s.head, s.asked_head_, skip);
            s.head_came_ = true;
        }
        if (s.wrong_ != errc{})
            nghttp2_submit_rst_stream(c.session_, NGHTTP2_FLAG_NONE, s.id_, NGHTTP2_PROTOCOL_ERROR);
        s.coming_.clear();
    }

    /// What some are missing from must not look whole.
    static void take_trailers(http2_session& c, session_stream& s) {
        s.wrong_ = s.coming_.finish_trailers(s.trailers);
        if (s.wrong_ == errc{})
            return;
        s.in_ended_ = false;
        nghttp2_submit_rst_stream(c.session_, NGHTTP2_FLAG_NONE, s.id_, NGHTTP2_PROTOCOL_ERROR);
    }

    static void take_head(http2_session& c, session_stream& s) {
        if (s.head_came_)
            take_trailers(c, s);
        else if (c.server_)
            take_request(c, s);
        else
            take_response(c, s);
    }

    static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
        http2_session& c = of(user);
        return safely(c, [&] {
            if (is_idle(frame))
                c.count_idle_frame();
            if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
                c.stop_heard_ = true;
            if (frame->hd.type == NGHTTP2_SETTINGS)
                c.settings_heard_ = true;
            if (frame->hd.type == NGHTTP2_GOAWAY || frame->hd.type == NGHTTP2_SETTINGS)
                c.changed();
            session_stream* s = c.find(frame->hd.stream_id);
            if (s == nullptr)
                return;
            s->in_ended_ = s->in_ended_ || ends_stream(frame);
            s->progress_.set();
            if (frame->hd.type == NGHTTP2_HEADERS)
                take_head(c, *s);  // who may be gone then
        });
    }

    static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
        if (session_stream* s = ends_stream(frame) ? of(user).find(frame->hd.stream_id) : nullptr) {
            s->out_ended_ = true;
            s->progress_.set();
        }
        return 0;
    }

    /// A request that comes too late for the peer's GOAWAY; or an answer whose head nghttp2 finds too large.
    static int not_sent(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) noexcept {
        http2_session& c = of(user);
        session_stream* s = frame->hd.type == NGHTTP2_HEADERS ? c.find(frame->hd.stream_id) : nullptr;
        if (s == nullptr)
            return 0;
        if (!c.server_) {
            s->close(NGHTTP2_REFUSED_STREAM, nullptr);
            return 0;
        }
        if (error != NGHTTP2_ERR_FRAME_SIZE_ERROR)
            return 0;  // the connection ends, and with it all there is
        nghttp2_submit_rst_stream(c.session_, NGHTTP2_FLAG_NONE, s->id_, NGHTTP2_INTERNAL_ERROR);
        return safely(c, [&] { report(c.act() + ": the head of an answer is too large to be sent"); });
    }

    static int data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                    std::size_t size, void* user) noexcept {
        http2_session& c = of(user);
        return safely(c, [&] {
            // The window of the connection opens at once: a body that nobody reads holds up itself only.
            nghttp2_session_consume_connection(session, size);
            if (session_stream* s = c.find(id)) {
                s->answered_ = true;
                s->in_.append(text(bytes, size));
                s->progress_.set();
            }
        });
    }

    static int closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) noexcept {
        http2_session& c = of(user);
        if (session_stream* s = c.find(id)) {
            // A reset that calls itself no error ends nothing well.
            if (code == NGHTTP2_NO_ERROR && c.idle_frames_ > 0 && (c.server_ ? s->out_ended_ : s->in_ended_))
                --c.idle_frames_;
            s->close(code, nullptr);
        }
        if (c.arriving_ && c.arriving_->id_ == id) {
            c.arriving_.reset();
            c.head_since_ = never;
        }
        return 0;
    }
};

/// CVE-2023-44487 and its relatives: a peer that keeps us busy and wants nothing.
void http2_session::count_idle_frame() {
    const time_point now = loop::current().now();
    if (now - counted_since_ > counted_for) {
        counted_since_ = now;
        idle_frames_ = 0;
    }
    if (++idle_frames_ > most_idle_frames)
        throw http2_error(std::errc::protocol_error, NGHTTP2_ENHANCE_YOUR_CALM,
                          act() + ": the peer sends too much that serves no request");
}

void http2_session::make_session(bool server) {
    nghttp2_session_callbacks* ours = nullptr;
    nghttp2_option* option = nullptr;
    if (nghttp2_session_callbacks_new(&ours) != 0 || nghttp2_option_new(&option) != 0)
        throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_frame_callback(ours, &http2_callbacks::begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(ours, &http2_callbacks::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(ours, &http2_callbacks::header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(ours, &http2_callbacks::frame_received);
    nghttp2_session_callbacks_set_on_frame_send_callback(ours, &http2_callbacks::frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(ours, &http2_callbacks::not_sent);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(ours, &http2_callbacks::data);
    nghttp2_session_callbacks_set_on_stream_close_callback(ours, &http2_callbacks::closed);
    // Windows are opened again by whoever reads the bodies; and nothing is kept of what is over.
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, 256 * 1024);
    const int outcome = server ? nghttp2_session_server_new2(&session_, ours, this, option)
                               : nghttp2_session_client_new2(&session_, ours, this, option);
    nghttp2_session_callbacks_del(ours);
    nghttp2_option_del(option);
    if (outcome != 0)
        throw std::bad_alloc();
}

}  // namespace ringlet::http::detail

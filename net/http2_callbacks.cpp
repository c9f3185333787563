// What nghttp2 tells us, and how exchanges change by it. Nothing here waits, and nothing throws through
// nghttp2's C code.
#include <ringlet/net/http2_connection_private.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

namespace ringlet::http2::detail {
namespace {

connection& of(void* user) { return *static_cast<connection*>(user); }

std::string_view text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

void add_pseudo(exchange& e, std::string_view name, std::string_view value) {
    if (name == ":method")
        e.method = value;
    else if (name == ":scheme")
        e.scheme = value;
    else if (name == ":authority")
        e.authority = value;
    else if (name == ":path")
        e.target = value;
    else if (name == ":status")
        std::from_chars(value.data(), value.data() + value.size(), e.status);
}

}  // namespace

/// What nghttp2 calls.
struct told {
    /// Runs fn; what it throws ends the connection.
    template <class Fn>
    static int safely(connection& c, Fn fn) noexcept {
        try {
            return fn();
        } catch (...) {
            c.thrown_ = std::current_exception();
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }

    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
        connection& c = of(user);
        return safely(c, [&] {
            if (c.server_ && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
                auto made = std::make_shared<exchange>(c.weak_from_this());
                made->id = frame->hd.stream_id;
                c.open_.emplace(made->id, std::move(made));
            }
            return 0;
        });
    }

    static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) noexcept {
        connection& c = of(user);
        return safely(c, [&] {
            const auto e = c.find(frame->hd.stream_id);
            if (!e)
                return 0;
            // RFC 9113 section 6.5.2 counts like this.
            e->head_size += name_size + value_size + 32;
            if (e->head_size > c.options_.head())
                return int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE);
            const std::string_view what = text(name, name_size);
            if (what.starts_with(':'))
                add_pseudo(*e, what, text(value, value_size));
            else
                (e->has_head ? e->trailers : e->fields).add(what, text(value, value_size));
            return 0;
        });
    }

    static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
        connection& c = of(user);
        return safely(c, [&] {
            if (frame->hd.type == NGHTTP2_GOAWAY)
                c.goaway_ = true;
            if (frame->hd.type == NGHTTP2_RST_STREAM && ++c.resets_ > 100 + c.ended_well_)
                throw error(std::errc::protocol_error, NGHTTP2_ENHANCE_YOUR_CALM,
                            c.act() + ": the peer resets more streams than it lets end");
            const auto e = c.find(frame->hd.stream_id);
            if (!e)
                return 0;
            if (frame->hd.type == NGHTTP2_HEADERS && !e->has_head) {
                if (e->status >= 100 && e->status < 200) {  // an interim response
                    e->fields.clear();
                    e->status = 0;
                    return 0;
                }
                e->has_head = true;
                if (c.on_request)
                    c.on_request(e);
            }
            if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
                e->in_ended = true;
            e->progress.set();
            return 0;
        });
    }

    /// RFC 9113 section 8.1: once it has answered, a server needs no more of a request.
    static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) noexcept {
        connection& c = of(user);
        const bool last = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                          (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (last && c.server_)
            if (const auto e = c.find(frame->hd.stream_id); e && !e->in_ended)
                nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, e->id, NGHTTP2_NO_ERROR);
        return 0;
    }

    static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                    void* user) noexcept {
        connection& c = of(user);
        return safely(c, [&] {
            // The window of the connection opens at once: a body that nobody reads holds up itself only.
            nghttp2_session_consume_connection(c.session_, size);
            if (const auto e = c.find(id)) {
                e->in.append(text(bytes, size));
                e->progress.set();
            }
            return 0;
        });
    }

    static int closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) noexcept {
        connection& c = of(user);
        return safely(c, [&] {
            const auto e = c.find(id);
            if (!e)
                return 0;
            c.open_.erase(id);
            c.ended_well_ += code == NGHTTP2_NO_ERROR;
            e->closed = true;
            e->reset = code;
            e->progress.set();
            if (c.on_over)
                c.on_over(id);
            return 0;
        });
    }
};

ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size, std::uint32_t* flags,
                  nghttp2_data_source* source, void*) noexcept {
    exchange& e = *static_cast<exchange*>(source->ptr);
    const std::size_t count = std::min(size, e.out.size() - e.out_sent);
    std::memcpy(into, e.out.data() + e.out_sent, count);
    e.out_sent += count;
    if (e.out_sent == e.out.size())
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
}

nghttp2_session* make_session(connection& of, bool server) {
    nghttp2_session_callbacks* ours = nullptr;
    nghttp2_option* option = nullptr;
    nghttp2_session* made = nullptr;
    if (nghttp2_session_callbacks_new(&ours) != 0 || nghttp2_option_new(&option) != 0)
        throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_headers_callback(ours, &told::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(ours, &told::header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(ours, &told::frame_received);
    nghttp2_session_callbacks_set_on_frame_send_callback(ours, &told::frame_sent);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(ours, &told::data);
    nghttp2_session_callbacks_set_on_stream_close_callback(ours, &told::closed);
    // Windows are opened again by whoever reads the bodies.
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, 256 * 1024);
    const int outcome = server ? nghttp2_session_server_new2(&made, ours, &of, option)
                               : nghttp2_session_client_new2(&made, ours, &of, option);
    nghttp2_session_callbacks_del(ours);
    nghttp2_option_del(option);
    if (outcome != 0)
        throw std::bad_alloc();
    return made;
}

}  // namespace ringlet::http2::detail

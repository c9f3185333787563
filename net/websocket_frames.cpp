// Between a websocket and wslay: callbacks, and what is queued for them.

#include <ringlet/core/loop.hpp>
#include <ringlet/net/http_text.hpp>
#include <ringlet/net/websocket_private.hpp>

#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace ringlet::http {

namespace {

using state_of = void*;

ssize_t take_bytes(wslay_event_context_ptr frames, std::uint8_t* into, std::size_t size, int, state_of user) {
    auto& offered = *static_cast<std::span<const std::byte>*>(user);
    if (offered.empty()) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    const std::size_t count = std::min(size, offered.size());
    std::memcpy(into, offered.data(), count);
    offered = offered.subspan(count);
    return static_cast<ssize_t>(count);
}

/// A key that nobody can foresee, so that no page can make a proxy see what looks like HTTP.
int make_mask(wslay_event_context_ptr frames, std::uint8_t* into, std::size_t size, state_of) {
    if (::getrandom(into, size, 0) == static_cast<ssize_t>(size))
        return 0;
    wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

}  // namespace

websocket::state::state(io::any_stream s, side which, const websocket_options& o, std::string p,
                        detail::stop_sign* sign, const std::optional<agreed_compression>& c)
    : stream(std::move(s)), options(o), protocol(std::move(p)), stops(sign), compression(c) {
    wslay_event_callbacks calls{};
    calls.recv_callback = [](auto* f, auto* into, auto size, int flags, void* self) {
        return take_bytes(f, into, size, flags, &static_cast<state*>(self)->offered);
    };
    calls.send_callback = [](auto*, const std::uint8_t* bytes, std::size_t size, int, void* self) {
        static_cast<state*>(self)->out.append(reinterpret_cast<const char*>(bytes), size);
        return static_cast<ssize_t>(size);
    };
    calls.genmask_callback = make_mask;
    calls.on_frame_recv_start_callback = [](auto*, const auto* frame, void* self) {
        static_cast<state*>(self)->begin_frame(frame->opcode, frame->payload_length);
    };
    calls.on_frame_recv_chunk_callback = [](auto*, const auto* piece, void* self) {
        if (!static_cast<state*>(self)->cutter.is_control())
            static_cast<state*>(self)->assembled.append(reinterpret_cast<const char*>(piece->data),
                                                        piece->data_length);
    };
    calls.on_msg_recv_callback = [](auto*, const wslay_event_on_msg_recv_arg* heard, void* self) {
        const std::string_view text(reinterpret_cast<const char*>(heard->msg), heard->msg_length);
        if (!wslay_is_ctrl_frame(heard->opcode))
            static_cast<state*>(self)->take_message(heard->opcode == WSLAY_TEXT_FRAME,
                                                    wslay_get_rsv1(heard->rsv) != 0);
        else if (heard->opcode == WSLAY_CONNECTION_CLOSE)
            static_cast<state*>(self)->close_reason = text.substr(std::min<std::size_t>(2, text.size()));
    };
    const auto init = which == side::server ? wslay_event_context_server_init : wslay_event_context_client_init;
    if (init(&frames, &calls, this) != 0)
        throw std::bad_alloc();
    wslay_event_config_set_max_recv_msg_length(frames, options.largest_message());
    // It would keep each fragment by itself: 64 bytes for one. They are put together here.
    wslay_event_config_set_no_buffering(frames, 1);
    if (compression) {
        deflater.emplace(compression->sent_bits, compression->sender_forgets);
        inflater.emplace(compression->received_bits, compression->receiver_forgets);
        wslay_event_config_set_allowed_rsv_bits(frames, WSLAY_RSV1_BIT);
    }
}

websocket::state::~state() { wslay_event_context_free(frames); }

/// Lets wslay judge a frame, or what there is of it. What breaks the rules it answers by a close of its own.
void websocket::state::feed_frame() {
    const std::size_t size = cutter.cut(unread);
    offered = unread.first(size);
    unread = unread.subspan(size);
    if (cutter.broken())
        return refuse(close_code::protocol_error, nullptr);
    // wslay looks at the text of a close piece by piece, and overlooks two bytes of each; so it gets such
    // frames whole.
    if (cutter.is_control()) {
        control.insert(control.end(), offered.begin(), offered.end());
        if (!cutter.is_over())
            return;
        spare_late_code();
        offered = control;
    }
    const int verdict = wslay_event_recv(frames);
    offered = {};
    control.clear();
    if (verdict == WSLAY_ERR_NOMEM)
        throw std::bad_alloc();
    if (verdict != 0)
        fail(close_code::protocol_error, "its frames cannot be read");
}

/// Codes that were registered after wslay was written (1012 to 1014) it takes for a mistake: it gets to see
/// 1001 instead, under the same mask.
void websocket::state::spare_late_code() {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(control[i]); };
    const bool masked = (byte(1) & 0x80) != 0;
    const std::size_t at = masked ? 6 : 2;
    if ((byte(0) & 0x0f) != WSLAY_CONNECTION_CLOSE || control.size() < at + 2)
        return;
    const unsigned code = ((byte(at) ^ (masked ? byte(2) : 0)) << 8) + (byte(at + 1) ^ (masked ? byte(3) : 0));
    if (code < 1012 || code > 1014)
        return;
    late_code = static_cast<std::uint16_t>(code);
    control[at + 1] ^= static_cast<std::byte>(code ^ close_code::going_away);
}

void websocket::state::begin_frame(int opcode, std::uint64_t size) {
    if (!wslay_is_ctrl_frame(opcode) && size > options.largest_message() - assembled.size())
        refuse(close_code::too_big, nullptr);
}

/// All fragments have come. A compressed text wslay has not judged.
void websocket::state::take_message(bool text, bool compressed) {
    if (!reads())
        return;  // refused in its last frame
    message whole(std::exchange(assembled, {}), text);
    if (!compressed) {
        received.push_back(std::move(whole));
        return;
    }
    using verdict = detail::message_inflater::verdict;
    const std::string payload = std::exchange(whole.data, {});
    const verdict came = inflater->inflate(payload, options.largest_message(), whole.data);
    if (came == verdict::malformed)
        refuse(close_code::bad_data, "a compressed message cannot be decompressed");
    else if (came == verdict::too_large)
        refuse(close_code::too_big, nullptr);
    else if (text && !is_utf8(whole.data))
        refuse(close_code::bad_data, nullptr);
    else
        received.push_back(std::move(whole));
}

void websocket::state::refuse(std::uint16_t code, const char* why) {
    refused = why;
    wslay_event_shutdown_read(frames);
    if (wslay_event_queue_close(frames, code, nullptr, 0) == WSLAY_ERR_NOMEM)
        throw std::bad_alloc();
}

void websocket::state::make_frames() {
    if (wslay_event_send(frames) == WSLAY_ERR_NOMEM)
        throw std::bad_alloc();
}

void websocket::state::queue(int opcode, std::string_view data, std::uint8_t reserved_bits) {
    const wslay_event_msg said{static_cast<std::uint8_t>(opcode), reinterpret_cast<const std::uint8_t*>(data.data()),
                               data.size()};
    const int verdict = wslay_event_queue_msg_ex(frames, &said, reserved_bits);
    if (verdict == WSLAY_ERR_NOMEM)
        throw std::bad_alloc();
    if (verdict != 0)
        fail(close_code::lost, "it is closed already");
}

void websocket::state::queue_close(std::uint16_t code, std::string_view reason) {
    const bool assigned =
        (code >= 1000 && code <= 1014 && code != 1004 && code != close_code::lost) || (code >= 3000 && code <= 4999);
    if (!assigned || reason.size() > 123 || !is_utf8(reason))
        throw std::invalid_argument("close a websocket: the code " + std::to_string(code) +
                                    " or the reason cannot be sent");
    if (closing || close_sent())
        return;
    closing = true;
    goodbye_until = after(loop::current().now(), options.patience());
    const std::uint16_t shown = code == close_code::none ? 0 : code;
    if (wslay_event_queue_close(frames, shown, reinterpret_cast<const std::uint8_t*>(reason.data()), reason.size()) ==
        WSLAY_ERR_NOMEM)
        throw std::bad_alloc();
}

void websocket::state::fail(std::uint16_t code, const std::string& why) {
    failed = true;
    throw websocket_error(code, "websocket with " + stream.name() + ": " + why);
}

}  // namespace ringlet::http

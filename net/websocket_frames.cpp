// Between a websocket and wslay: callbacks, and what is queued for them.

#include <ringlet/net/websocket_private.hpp>

#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

namespace ringlet::http {

bool detail::is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        const unsigned lead = byte(0);
        if (lead < 0x80) {
            text.remove_prefix(1);
            continue;
        }
        const std::size_t size = lead >= 0xc2 && lead < 0xe0   ? 2
                                 : lead >= 0xe0 && lead < 0xf0 ? 3
                                 : lead >= 0xf0 && lead < 0xf5 ? 4
                                                               : 0;
        if (size == 0 || text.size() < size)
            return false;
        for (std::size_t i = 1; i < size; ++i)
            if ((byte(i) & 0xc0) != 0x80)
                return false;
        const unsigned second = byte(1);
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) || (lead == 0xf0 && second < 0x90) ||
            (lead == 0xf4 && second >= 0x90))
            return false;
        text.remove_prefix(size);
    }
    return true;
}

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

websocket::state::state(io::any_stream s, side which, const websocket_options& o, std::string agreed, scope** place)
    : stream(std::move(s)), options(o), protocol(std::move(agreed)), waiting(place) {
    wslay_event_callbacks calls{};
    calls.recv_callback = [](auto* f, auto* into, auto size, int flags, void* self) {
        return take_bytes(f, into, size, flags, &static_cast<state*>(self)->offered);
    };
    calls.send_callback = [](auto*, const std::uint8_t* bytes, std::size_t size, int, void* self) {
        static_cast<state*>(self)->out.append(reinterpret_cast<const char*>(bytes), size);
        return static_cast<ssize_t>(size);
    };
    calls.genmask_callback = make_mask;
    calls.on_msg_recv_callback = [](auto*, const wslay_event_on_msg_recv_arg* heard, void* self) {
        const std::string_view text(reinterpret_cast<const char*>(heard->msg), heard->msg_length);
        if (!wslay_is_ctrl_frame(heard->opcode))
            static_cast<state*>(self)->received.emplace_back(std::string(text), heard->opcode == WSLAY_TEXT_FRAME);
        else if (heard->opcode == WSLAY_CONNECTION_CLOSE)
            static_cast<state*>(self)->close_reason = text.substr(std::min<std::size_t>(2, text.size()));
    };
    const auto init = which == side::server ? wslay_event_context_server_init : wslay_event_context_client_init;
    if (init(&frames, &calls, this) != 0)
        throw std::bad_alloc();
    wslay_event_config_set_max_recv_msg_length(frames, options.largest_message());
}

websocket::state::~state() { wslay_event_context_free(frames); }

/// Lets wslay judge a frame, or what there is of it. What breaks the rules it answers by a close of its own.
void websocket::state::feed_frame() {
    const std::size_t size = cutter.cut(unread);
    offered = unread.first(size);
    unread = unread.subspan(size);
    if (cutter.broken()) {
        wslay_event_shutdown_read(frames);
        if (wslay_event_queue_close(frames, close_code::protocol_error, nullptr, 0) == WSLAY_ERR_NOMEM)
            throw std::bad_alloc();
        return;
    }
    const int verdict = wslay_event_recv(frames);
    offered = {};
    if (verdict == WSLAY_ERR_NOMEM)
        throw std::bad_alloc();
    if (verdict != 0)
        fail(close_code::protocol_error, "its frames cannot be read");
}

void websocket::state::make_frames() {
    if (wslay_event_send(frames) == WSLAY_ERR_NOMEM)
        throw std::bad_alloc();
}

void websocket::state::queue(int opcode, std::string_view data) {
    const wslay_event_msg said{static_cast<std::uint8_t>(opcode), reinterpret_cast<const std::uint8_t*>(data.data()),
                               data.size()};
    const int verdict = wslay_event_queue_msg(frames, &said);
    if (verdict == WSLAY_ERR_NOMEM)
        throw std::bad_alloc();
    if (verdict != 0)
        fail(close_code::lost, "it is closed already");
}

void websocket::state::queue_close(std::uint16_t code, std::string_view reason) {
    if (closing || close_sent())
        return;
    closing = true;
    const int verdict =
        wslay_event_queue_close(frames, code, reinterpret_cast<const std::uint8_t*>(reason.data()), reason.size());
    if (verdict == WSLAY_ERR_INVALID_ARGUMENT)
        throw std::invalid_argument("close a websocket: the code " + std::to_string(code) +
                                    " or the reason cannot be sent");
}

void websocket::state::fail(std::uint16_t code, const std::string& why) {
    throw websocket_error(code, "websocket with " + stream.name() + ": " + why);
}

}  // namespace ringlet::http

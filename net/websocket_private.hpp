#pragma once
// A websocket from inside: wslay judges and makes the frames, here are the bytes that it asks for and
// that it gives. wslay never waits; what waits is in websocket.cpp.

#include <ringlet/core/event.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/net/http_stop_sign_private.hpp>
#include <ringlet/net/websocket.hpp>
#include <ringlet/net/websocket_cutter_private.hpp>
#include <ringlet/net/websocket_deflate_private.hpp>

#include <wslay/wslay.h>

#include <deque>
#include <span>

namespace ringlet::http {

struct websocket::state {
    state(io::any_stream s, side which, const websocket_options& o, std::string p, detail::stop_sign* sign,
          const std::optional<agreed_compression>& c);
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state();

    task<> advance();
    task<std::size_t> read_bytes();
    task<> flush_control();
    task<> write_out();
    task<> send(int opcode, std::string_view data);
    void queue(int opcode, std::string_view data, std::uint8_t reserved_bits = WSLAY_RSV_NONE);
    void queue_close(std::uint16_t code, std::string_view reason);
    void feed_frame();
    void spare_late_code();
    void begin_frame(int opcode, std::uint64_t size);
    void take_message(bool text, bool compressed);
    void refuse(std::uint16_t code, const char* why);
    void make_frames();
    bool reads() const noexcept { return wslay_event_get_read_enabled(frames) != 0; }
    bool close_sent() const noexcept { return wslay_event_get_close_sent(frames) != 0; }
    bool close_received() const noexcept { return wslay_event_get_close_received(frames) != 0; }
    void fail(std::uint16_t code, const std::string& why);

    io::any_stream stream;
    websocket_options options;
    std::string protocol;
    detail::stop_sign* stops;  // or null
    std::optional<agreed_compression> compression;
    std::optional<detail::message_deflater> deflater;
    std::optional<detail::message_inflater> inflater;
    wslay_event_context_ptr frames = nullptr;

    std::span<const std::byte> unread;  // of the buffer
    std::span<const std::byte> offered;  // of that, to wslay
    detail::frame_cutter cutter;
    std::vector<std::byte> buffer;
    std::vector<std::byte> control;  // a control frame that has not come whole
    std::string assembled;  // the fragments of a message, as long as it is not complete
    std::deque<message> received;
    std::string close_reason;
    std::uint16_t late_code = 0;  // of the peer's close, if wslay does not know it
    const char* refused = nullptr;  // why, where wslay does not know
    std::string out, leaving;
    mutex writing;
    ringlet::event ended;  // no more messages will come
    bool reading = false;  // somebody is in receive() or close()
    bool pinged = false;  // and not heard of since
    bool filled = false;  // the buffer was, by the last read
    bool closing = false;  // we have queued a close
    time_point goodbye_until{};  // then: when the peer's is waited for no longer, whatever else it says
    bool broken = false;  // a write has failed or was cut short
    bool failed = false;  // a receive has, or a send came after the end
};

}  // namespace ringlet::http

// What of a websocket waits: reading under a clock, sending in turn, and the goodbye.

#include <ringlet/core/loop.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/http_text.hpp>
#include <ringlet/net/websocket_private.hpp>

#include <algorithm>
#include <stdexcept>

namespace ringlet::http {
namespace {

constexpr std::size_t small_buffer = 2 * 1024, large_buffer = 64 * 1024;
// A write has to be done in its time, so that it must be small enough for a slow reader.
constexpr std::size_t most_written_at_once = 256 * 1024;
// Answers to pings that may wait while somebody sends.
constexpr std::size_t most_waiting = 64 * 1024;

/// Sets a flag while it lives; two at once are a mistake.
class only_one {
public:
    only_one(bool& flag, const char* mistake) : flag_(flag) {
        if (flag)
            throw std::logic_error(mistake);
        flag = true;
    }
    only_one(const only_one&) = delete;
    only_one& operator=(const only_one&) = delete;
    ~only_one() { flag_ = false; }

private:
    bool& flag_;
};

const char* reason_for(std::uint16_t code) {
    switch (code) {
        case close_code::protocol_error: return "the peer broke the protocol";
        case close_code::bad_data: return "a text is not UTF-8";
        case close_code::too_big: return "a message is larger than the limit";
        default: return "the connection was failed";
    }
}

}  // namespace

websocket::websocket(io::any_stream stream, side which, const websocket_options& options, std::string protocol,
                     detail::stop_sign* stops, std::optional<agreed_compression> agreed)
    : state_(std::make_unique<state>(std::move(stream), which, options, std::move(protocol), stops, agreed)) {}
websocket::websocket(websocket&& other) noexcept = default;
websocket::~websocket() = default;

const std::string& websocket::protocol() const noexcept { return state_->protocol; }
const std::optional<agreed_compression>& websocket::compression() const noexcept { return state_->compression; }
bool websocket::failed() const noexcept { return state_->failed || state_->broken; }
std::string websocket::name() const { return state_->stream.name(); }
std::string_view websocket::peer_close_reason() const noexcept { return state_->close_reason; }
std::uint16_t websocket::peer_close_code() const noexcept {
    const std::uint16_t taken = wslay_event_get_status_code_received(state_->frames);
    return taken == close_code::going_away && state_->late_code != 0 ? state_->late_code : taken;
}

task<std::optional<message>> websocket::receive() {
    state& s = *state_;
    const only_one me(s.reading, "websocket: a second receive() at the same time");
    try {
        while (s.received.empty() && s.reads())
            co_await s.advance();
    } catch (const std::system_error&) {
        s.failed = true;
        s.ended.set();
        throw;
    }
    if (!s.received.empty()) {
        message first = std::move(s.received.front());
        s.received.pop_front();
        co_return std::move(first);
    }
    s.ended.set();
    // A close of ours that the peer has not asked for, and we have not either: it did something wrong.
    if (!s.close_received() && !s.closing) {
        const std::uint16_t code = wslay_event_get_status_code_sent(s.frames);
        s.fail(code, s.refused != nullptr ? s.refused : reason_for(code));
    }
    co_return std::nullopt;
}

/// Awaitable: takes what was read frame by frame until there is a message, or reads more; and answers what
/// wants an answer.
task<> websocket::state::advance() {
    if (unread.empty()) {
        const std::size_t count = co_await read_bytes();
        unread = std::span(buffer).first(count);
        if (count == 0) {
            wslay_event_shutdown_read(frames);
            ended.set();
            if (!closing)
                fail(close_code::lost, "ended without a close frame");
            co_return;
        }
    }
    while (!unread.empty() && received.empty() && reads()) {
        feed_frame();
        make_frames();  // the answer to a ping must exist before a close, after which wslay drops it
    }
    co_await flush_control();
}

/// Awaitable: bytes into the buffer. Silence is broken by a ping, a second one is the end.
task<std::size_t> websocket::state::read_bytes() {
    struct shown {
        detail::stop_sign* place;
        ~shown() {
            if (place != nullptr)
                place->waiting = nullptr;
        }
    };
    if (buffer.empty())
        buffer.resize(small_buffer);
    else if (filled)
        buffer.resize(large_buffer);
    for (;;) {
        if (!closing && stops != nullptr && stops->asked->is_set()) {
            queue_close(close_code::going_away, "");
            co_await flush_control();
        }
        if (closing && loop::current().now() >= goodbye_until) {
            wslay_event_shutdown_read(frames);  // it will not say goodbye any more
            co_return 0;
        }
        const time_point until = closing ? goodbye_until : after(loop::current().now(), options.ping_after());
        {
            deadline limit(until);
            const shown here{stops};
            if (stops != nullptr)
                stops->waiting = &limit;
            try {
                const std::size_t count = co_await stream.read(buffer);
                pinged = false;
                filled = count == buffer.size();
                co_return count;
            } catch (const canceled&) {
                if (!limit.ends_here())
                    throw;
            }
        }
        if (closing || loop::current().now() < until)
            continue;
        if (pinged)
            throw timeout_error("wait for an answer to a ping from " + stream.name(), options.ping_after());
        if (buffer.size() > small_buffer)  // who is idle for so long needs no large one
            std::vector<std::byte>(small_buffer).swap(buffer);
        queue(WSLAY_PING, {});
        pinged = true;
        co_await flush_control();
    }
}

task<> websocket::send(std::string_view text) {
    if (!is_utf8(text))
        throw std::invalid_argument("send to a websocket: the text is not UTF-8; send_binary() takes any bytes");
    return state_->send(WSLAY_TEXT_FRAME, text);
}
task<> websocket::send_binary(std::string_view bytes) { return state_->send(WSLAY_BINARY_FRAME, bytes); }

task<> websocket::state::send(int opcode, std::string_view data) {
    const mutex::guard mine = co_await writing.lock();
    throw_if_canceled();  // who was killed when the turn had come
    if (broken)
        fail(close_code::lost, "an earlier message was cut short");
    if (deflater && data.size() >= options.compression().value_or(message_compression()).smallest())
        queue(opcode, deflater->deflate(data), WSLAY_RSV1_BIT);
    else
        queue(opcode, data);
    co_await write_out();
}

/// Awaitable: sends what wslay has to say. Whoever is sending does it too, unless that is too much.
task<> websocket::state::flush_control() {
    make_frames();
    if (out.empty() || (writing.locked() && out.size() < most_waiting))
        co_return;
    const mutex::guard mine = co_await writing.lock();
    co_await write_out();
}

/// Awaitable: writes until nothing is left. Only with the lock.
task<> websocket::state::write_out() {
    for (make_frames(); !out.empty() && !broken; make_frames()) {
        throw_if_canceled();  // as long as nothing is cut short by that
        leaving.clear();
        leaving.swap(out);
        deadline limit(never);
        broken = true;
        try {
            for (std::string_view rest = leaving; !rest.empty();
                 rest.remove_prefix(std::min(rest.size(), most_written_at_once))) {
                limit.restart(after(loop::current().now(), options.patience()));
                co_await stream.write_all(io::bytes_of(rest.substr(0, most_written_at_once)));
            }
        } catch (const canceled&) {
            if (!limit.ends_here())
                throw;
            throw timeout_error("write to " + stream.name(), options.patience());
        }
        broken = false;
        if (leaving.capacity() > large_buffer)
            std::string().swap(leaving);
    }
    if (broken)
        out.clear();  // nothing can follow a frame that was cut short: not the answers to a peer's pings either
}

task<> websocket::close(std::uint16_t code, std::string_view reason) {
    state& s = *state_;
    if (s.broken)
        co_return;
    s.queue_close(code, reason);
    try {
        co_await s.flush_control();
        if (s.reading) {  // whoever receives will see the answer
            co_await with_timeout(s.options.patience(), s.ended.wait());
            co_return;
        }
        const only_one me(s.reading, "");
        while (s.reads()) {
            co_await s.advance();
            s.received.clear();
        }
        s.ended.set();
    } catch (const std::system_error&) {
        // It is gone without a goodbye, or does not say one in time.
    }
}

}  // namespace ringlet::http

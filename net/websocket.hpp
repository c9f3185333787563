#pragma once
// websocket: messages both ways over a connection that began as HTTP (RFC 6455). Either side's own ends
// are made by http::websockets (websocket_server.hpp) and http::connect_websocket
// (websocket_client.hpp); after the handshake both are this.
//
//     while (std::optional<http::message> heard = co_await peer.receive())
//         co_await peer.send(heard->data);

#include <ringlet/core/scope.hpp>
#include <ringlet/core/task.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/websocket_options.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace ringlet::http {

namespace detail {
struct stop_sign;
}

struct message {
    message() = default;
    message(std::string bytes, bool is_text) : data(std::move(bytes)), text(is_text) {}
    std::string data;
    bool text = true;  // UTF-8, which was checked; otherwise any bytes
};

/// Why a websocket is closed (RFC 6455 section 7.4.1); 3000 to 4999 are the application's own.
namespace close_code {
inline constexpr std::uint16_t normal = 1000, going_away = 1001, protocol_error = 1002, unsupported = 1003,
                               none = 1005, lost = 1006, bad_data = 1007, policy = 1008, too_big = 1009,
                               internal_error = 1011;
}

/// "websocket with 10.0.0.1:51234: ended without a close frame"
class websocket_error : public std::system_error {
public:
    websocket_error(std::uint16_t close_code, const std::string& text)
        : std::system_error(std::make_error_code(std::errc::connection_aborted), text), close_code_(close_code) {}
    std::uint16_t close_code() const noexcept { return close_code_; }

private:
    std::uint16_t close_code_;
};

class websocket {
public:
    enum class side { server, client };

    /// Over a stream on which the handshake is done. `stops`, if given, is how this side is told that it is
    /// going away. `agreed` is what the handshake says about compression.
    websocket(io::any_stream stream, side which, const websocket_options& options, std::string protocol = {},
              detail::stop_sign* stops = nullptr, std::optional<agreed_compression> agreed = {});
    websocket(websocket&& other) noexcept;
    websocket& operator=(websocket&&) = delete;
    /// Ends the connection at once. Use close() to be polite.
    ~websocket();

    /// Awaitable: the next message; none when the websocket was closed by either side. Pings are
    /// answered meanwhile. Throws websocket_error when the peer breaks the rules (it is told why) or goes
    /// without a word, timeout_error when it is silent, and what the stream throws. One at a time.
    task<std::optional<message>> receive();

    /// Awaitable: sends a message; done when the peer's side has taken it. Several may send at once, in
    /// turn. A text must be UTF-8, else std::invalid_argument. One that is cut short ends the websocket.
    task<> send(std::string_view text);
    task<> send_binary(std::string_view bytes);

    /// Awaitable: says goodbye and waits until the peer has done so, for a while. Messages that come
    /// meanwhile are dropped. Closing what is closed does nothing. 1005 sends no code; what cannot be sent
    /// (1006, a reason of more than 123 bytes or not in UTF-8) is std::invalid_argument.
    task<> close(std::uint16_t code = close_code::normal, std::string_view reason = {});

    /// What the peer said when it closed; 1005 when it gave no code, 1006 when it has not closed.
    std::uint16_t peer_close_code() const noexcept;
    std::string_view peer_close_reason() const noexcept;

    /// A receive() or a send() has thrown: the peer broke the rules, or is not there any more.
    bool failed() const noexcept;

    /// The one that both sides speak; empty: none was agreed on.
    const std::string& protocol() const noexcept;
    /// What both sides agreed on in the handshake; none: messages go as they are.
    const std::optional<agreed_compression>& compression() const noexcept;
    /// What errors call the peer.
    std::string name() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace ringlet::http

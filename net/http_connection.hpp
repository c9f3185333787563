#pragma once
// The client's side of one HTTP/1.1 connection, over any stream: a request goes out, its response comes
// in, and then the next one may follow. Or of one exchange on a connection of HTTP/2. Which connection a
// request takes, and what happens when it fails, is decided in http_client.hpp.

#include <ringlet/core/task.hpp>
#include <ringlet/core/time.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/http_reader.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace ringlet::http {

namespace detail {
class http2_stream;
class phase;
}  // namespace detail

/// How long each phase of a request may take.
class timeouts {
public:
    timeouts() {}  // not an aggregate: temporaries of it are safe in a co_await

    any_duration connect = 10s;  // the name and the connection
    any_duration first_byte = 30s;  // from the request to the first byte of its response
    any_duration between_bytes = 30s;  // to every later one, and to send 256 KiB of the request
    any_duration total = duration::max();
};

class connection {
public:
    explicit connection(io::any_stream stream, const limits& most = limits::client());
    /// One exchange of HTTP/2.
    connection(std::unique_ptr<detail::http2_stream> one, const limits& most);
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// For the exchange that begins with the next send; `until` ends all of it.
    void set_timeouts(const timeouts& t, time_point until = never) noexcept;
    /// How large the bodies that follow may be, in bytes on the wire.
    void set_body_limit(std::uint64_t most) noexcept {
        reader_.parser().set_body_limit(most);
        most_body_ = most;
    }

    /// Awaitable: sends a request that has no body and reads the head of its final response. If it could not
    /// be sent, a response counts all the same: the server may have answered before it closed. Borrowed until
    /// then.
    task<> exchange(std::string_view method, std::string_view head);

    /// Awaitable: the same in steps. `head` is what append_request() wrote; a body announced there may follow in
    /// it, or come by write().
    task<> send(std::string_view method, std::string_view head);
    task<> write(std::string_view bytes);
    /// Awaitable: a piece of a body that was announced as chunked; an empty one ends it.
    task<> write_chunk(std::string_view bytes);

    /// Awaitable: the head of the final response; interim ones (1xx) are skipped.
    task<> read_head();
    /// Awaitable, while a body is still being sent: comes back when the server has refused the request (a
    /// final status of 300 or more), and never otherwise. What else comes is kept for who reads it later, up to
    /// 16 MiB: a server that answers as it reads would read no more, else.
    task<> read_refusal();
    /// What is left of the request is not sent: no other one can follow it.
    void stop_sending() noexcept { half_sent_ = true; }
    const message_head& head() const { return reader_.parser().head(); }

    /// Awaitable: the next piece of its body, valid until the next call; empty at the end.
    task<std::string_view> next_piece();
    /// Awaitable: appends all that is left of it. More than `most` bytes in `to` are an error.
    task<> read_all(std::string& to, std::uint64_t most = UINT64_MAX);
    /// The same for what is here already; true when that was all.
    bool take_all(std::string& to, std::uint64_t most = UINT64_MAX);
    /// Complete at the end of the body.
    const http::fields& trailers() const { return reader_.parser().trailers(); }

    /// The head of the final response is here.
    bool head_came() const noexcept { return head_came_; }
    /// The response has ended.
    bool done() const noexcept { return done_; }
    /// Another request may follow.
    bool reusable() const noexcept { return done_ && keep_alive_ && reader_.empty(); }
    /// Some byte of a response has come.
    bool answered() const noexcept { return answered_; }
    /// The server did not take all of the request.
    bool write_failed() const noexcept { return write_failed_; }

    /// The server has said that it did nothing about the request (HTTP/2 only).
    bool refused() const noexcept;

    /// Awaitable: true when the peer has neither closed nor said anything since the last response. A
    /// connection of which this is not true cannot be used any more.
    task<bool> quiet();

    /// Its last answer is a while ago: quiet() costs little beside that, and the server may have said what would
    /// be taken for the answer to the next one (408, that it has waited too long).
    bool rested() const noexcept;

    std::string name() const;

private:
    class arrival;
    class departure;
    void begin(std::string_view method);
    using next_bytes = std::variant<io::any_stream::reading, io::any_stream::receiving>;
    next_bytes next_arrival();
    void heard(std::size_t count);
    bool head_wants_more();
    void take_head();
    std::string_view piece_at_hand();
    task<std::string_view> next_piece(duration patience);
    static void append(std::string& to, std::string_view piece, std::uint64_t most);
    task<> receive_into(std::string& to, std::size_t size, detail::phase& limit);
    [[noreturn]] void refuse();

    task<> send_on_stream(std::string_view head);
    task<> write_on_stream(std::string_view bytes, bool last);
    task<> read_stream_head();
    void show_stream_head();
    task<std::string_view> next_stream_piece(duration patience);

    io::any_stream stream_;
    std::unique_ptr<detail::http2_stream> over_;  // null: HTTP/1.1
    std::uint64_t body_left_ = 0;  // of the request over HTTP/2
    std::uint64_t most_body_ = 0, body_read_ = 0;  // of the response, likewise
    time_point sent_at_{};  // over HTTP/2
    time_point ended_at_{};  // the last answer, over HTTP/1.1
    message_reader reader_;
    std::string early_;  // of the body, while the request was being sent
    std::string shown_;  // the same with who asked for it
    timeouts timeouts_;
    time_point until_ = never;
    bool answered_ = false;
    bool write_failed_ = false;
    bool half_sent_ = false;
    bool head_came_ = false;
    bool done_ = true;
    bool keep_alive_ = true;
};

}  // namespace ringlet::http

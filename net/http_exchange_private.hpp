#pragma once
// What a server needs while it reads one request and answers it: parser, input, output, and the two
// faces that a handler sees. A connection borrows one from its server when the first byte of a request
// has come and gives it back when it is idle again, so that exchanges exist for busy connections only
// and a request allocates nothing.
//
// http_exchange.cpp has the way of a request, http_request.cpp its body, http_response_writer.cpp the
// answer, http_exchange_output.cpp how it leaves. Over HTTP/2 an exchange is one stream of its connection;
// what differs is in http2_exchange.cpp.

#include <ringlet/core/greenlet.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/http2_private.hpp>
#include <ringlet/net/http_handler.hpp>
#include <ringlet/net/http_reader.hpp>
#include <ringlet/net/http_router.hpp>
#include <ringlet/net/http_server_options.hpp>
#include <ringlet/net/http_stop_sign_private.hpp>
#include <ringlet/net/http_writer.hpp>

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ringlet::http::detail {

/// What an exchange asks of its server.
class server_side {
public:
    /// Whom to ask first: the handler that was found, or a middleware before it.
    virtual const handler& find(const request& asked, route_match& found) const = 0;
    virtual bool stopping() const noexcept = 0;
    virtual ringlet::event& stop_asked() const noexcept = 0;

protected:
    ~server_side() = default;
};

class exchange {
public:
    exchange(const server_options& options, const server_side& server)
        : options_(options), server_(server), reader_(reads::requests, options.limits) {}
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    void attach(io::any_stream& stream) noexcept { stream_ = &stream; }
    void detach();

    /// "GET /x from 10.0.0.1:5"
    std::string name_of_request();

    /// The first bytes of a request, at most message_reader::buffer_size of them.
    void put(std::span<const std::byte> first) { reader_.put(first); }
    std::string_view unread() const noexcept { return reader_.unread(); }
    /// Awaitable: answers the request that begins so, and all that came with it. True when
    /// the connection is idle now, but for what is left in out(): short answers leave without us, so that
    /// a few exchanges serve many connections and stay in the cache. False when it must be closed. `limit`
    /// is a scope of the connection's around this, which is for each of our phases in turn.
    task<bool> answer(deadline& limit);
    /// There was a request, and not only what may stand before one.
    bool was_asked() const noexcept { return was_asked_; }

    /// Awaitable: answers the one request of an HTTP/2 stream; see http2_exchange.cpp.
    task<> answer(http2_stream& s);
    bool is_stream() const noexcept { return over_ != nullptr; }

    // --- the request; http_request.cpp
    const message_head& head() const { return reader_.parser().head(); }
    const http::parser& parser() const { return reader_.parser(); }
    const route_match& match() const noexcept { return match_; }
    ringlet::event& stop_asked() const noexcept { return server_.stop_asked(); }
    io::any_stream& stream() noexcept { return *stream_; }

    /// The rest of the piece of body that came last.
    std::string_view& piece() noexcept { return piece_; }
    /// Awaitable: the next piece; false at the end of the body.
    task<bool> next_piece();
    /// Throws protocol_error and remembers what to answer.
    [[noreturn]] void refuse_body(errc e, const std::string& where);

    // --- the answer; http_response_writer.cpp
    bool answers_head() const { return head().method() == "HEAD"; }
    bool takes_chunks() const { return head().version_minor() > 0; }
    void put_head(int status, std::string_view reason, const fields& f, body_size size);
    /// Awaitable: what was written goes out, and what follows is no HTTP any more.
    task<io::any_stream> upgrade(std::string_view protocol, const fields& f);
    stop_sign stops;  // for a handler that has upgraded
    message_reader& reader() noexcept { return reader_; }
    void count_sent(std::size_t bytes) noexcept { sent_ += bytes; }
    std::string& out() noexcept { return out_; }
    /// A large body, whose bytes from `start` on follow what is in out().
    void put_tail(std::string body, std::size_t start) noexcept {
        tail_ = std::move(body);
        tail_start_ = start;
    }
    /// An answer has been cut off.
    bool broken() const noexcept { return broken_; }

    /// Awaitable: sends everything. When that fails the connection is broken. Any greenlet may ask.
    task<> flush();

private:
    enum class begun { request, nothing, refused, closed };

    void begin_request();
    bool take_head(begun& what);
    task<begun> read_head();
    void handler_late();
    void take_back(int status);
    void tell_log();
    class handler_run;
    void send_meanwhile();
    void handler_failed(const std::exception_ptr& error);
    void answer_plainly(int status);
    bool expects_more_body() const;
    task<> read_body_bytes();
    duration body_patience() const;
    task<> skip_body();
    task<> linger(deadline& limit);
    task<std::size_t> read_more(time_point until, const char* act, duration limit);
    task<> flush(deadline& limit);
    task<> flush_in_turn(deadline& limit);
    void take_out() noexcept;
    std::string_view tail() const noexcept { return std::string_view(tail_).substr(tail_.empty() ? 0 : tail_start_); }
    task<> send_leaving(deadline& limit, std::string_view tail);
    task<> end_meanwhile(bool kill);
    task<> answer_stream();
    task<bool> next_stream_piece();
    task<> flush_stream(bool last);
    task<> write_stream(std::string_view bytes, bool last);

    const server_options& options_;
    const server_side& server_;
    io::any_stream* stream_ = nullptr;
    http2_stream* over_ = nullptr;  // null: HTTP/1.1, of which the connection carries nothing else meanwhile
    message_reader reader_;
    request request_{*this};
    response_writer writer_{*this};
    deadline* handler_limit_ = nullptr;  // while one runs

    route_match match_;
    std::string_view piece_;
    std::uint64_t body_taken_ = 0;
    duration body_waited_{};  // for its bytes
    time_point began_{};  // when the head was complete
    std::uint64_t sent_ = 0;  // of the body of this answer
    bool body_over_ = false;
    bool continued_ = false;  // "100 Continue" was sent, or is not wanted
    bool body_failed_ = false;  // nothing behind it can be read
    int refusal_ = 0;  // what to answer when the handler gives up because of that

    std::string out_;  // the answers that are to be sent
    std::string tail_;  // a large body that follows out_
    std::size_t tail_start_ = 0;
    std::string leaving_;  // what is being sent
    greenlet<> meanwhile_;  // sends it while a handler works on the next answer
    std::string own_fields_;  // what the server adds to a head
    std::size_t answer_at_ = 0;  // where in out_ this answer begins
    bool left_ = false;  // some of this answer was sent
    bool last_ = false;  // the connection ends after this answer
    bool broken_ = false;  // writing has failed
    bool head_sent_ = false;  // over HTTP/2
    bool was_asked_ = false;
};

/// Awaits a handler: finds it, gives it its time, and deals with what it throws. Should it have to wait,
/// the answers to earlier requests do not wait with it.
class exchange::handler_run {
public:
    handler_run(exchange& e, deadline& limit) noexcept : exchange_(e), limit_(limit) {}
    handler_run(const handler_run&) = delete;
    handler_run& operator=(const handler_run&) = delete;
    bool await_ready();
    bool await_suspend(std::coroutine_handle<> h);
    void await_resume();

private:
    exchange& exchange_;
    deadline& limit_;
    std::optional<task<>> work_;
    std::optional<task<>::awaiter> awaiter_;
    std::exception_ptr error_;
};

}  // namespace ringlet::http::detail

#pragma once
// The inside of an HTTP/2 connection: nghttp2's session, the exchanges that are open on it, and the two
// movements of bytes. What is to be sent leaves by a greenlet that lives as long as there is something, so
// that an exchange which is killed leaves whole frames behind. A server has a greenlet that reads; at a
// client one of those who wait for something reads for all, and an idle connection runs nothing.

#include <ringlet/core/event.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/net/http2_order_private.hpp>
#include <ringlet/net/http2_private.hpp>

#include <nghttp2/nghttp2.h>

#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

namespace ringlet::http::detail {

class http2_session;

/// "http/2 with example.org:443: the stream was reset: REFUSED_STREAM"
class http2_error : public std::system_error {
public:
    http2_error(std::errc code, std::uint32_t wire, std::string text)
        : std::system_error(std::make_error_code(code)), text_(std::move(text)), wire_(wire) {}
    const char* what() const noexcept override { return text_.c_str(); }
    /// Of RFC 9113 section 7.
    std::uint32_t wire_code() const noexcept { return wire_; }

private:
    std::string text_;
    std::uint32_t wire_;
};

/// A head while its fields come in.
class http2_head {
public:
    void clear();
    /// Takes a field; what is wrong with it, or with all so far, finish says.
    void add(std::string_view name, std::string_view value, const limits& most);
    /// Counted as RFC 9113 section 6.5.2 does.
    std::size_t size() const noexcept { return size_; }
    int status() const noexcept { return status_; }

    errc finish_request(message_head& into, const limits& most);
    /// `skip`: comes back true when no body can follow.
    errc finish_response(message_head& into, bool asked_head, bool& skip);
    errc finish_trailers(fields& into) const;

private:
    std::string method_, scheme_, authority_, path_;
    http::fields fields_;
    int status_ = 0;
    std::size_t size_ = 0;
    errc wrong_{};
};

/// A head as nghttp2 takes it, made of the text of HTTP/1.1, which it changes and points into.
class http2_fields {
public:
    http2_fields(std::string text, std::string_view scheme);
    explicit http2_fields(const fields& trailers);
    http2_fields(const http2_fields&) = delete;
    http2_fields& operator=(const http2_fields&) = delete;
    const nghttp2_nv* data() const noexcept { return pairs_.data(); }
    std::size_t size() const noexcept { return pairs_.size(); }
    bool interim() const noexcept { return interim_; }
    bool asks_head() const noexcept { return asks_head_; }

private:
    void add(std::string_view name, std::string_view value);
    std::string text_;
    std::vector<nghttp2_nv> pairs_;
    bool interim_ = false, asks_head_ = false;
};

class session_stream final : public http2_stream {
public:
    explicit session_stream(std::shared_ptr<http2_session> of) noexcept : session_(std::move(of)) {}
    session_stream(const session_stream&) = delete;
    session_stream& operator=(const session_stream&) = delete;
    ~session_stream() override;

    void send_head(std::string_view text, bool last) override;
    task<> write(std::string_view bytes, bool last) override;
    void end(const fields& trailers) override;
    task<> sent() override;
    void break_off() noexcept override;
    task<> read_head() override;
    task<std::string_view> next_piece() override;
    int refusal() const noexcept override { return refusal_; }
    bool ends_with_head() const noexcept override { return asked_head_ || (in_ended_ && in_.empty()); }
    bool has_piece() const noexcept override { return !in_.empty() || in_ended_ || closed_; }
    bool answered() const noexcept override { return answered_; }
    bool refused() const noexcept override { return refused_; }
    task<bool> quiet() override;
    void doubt(time_point since) noexcept override;
    std::string name() const override;

    std::int32_t id() const noexcept { return id_; }
    /// Says that nothing was done about it.
    void refuse() noexcept { reset(NGHTTP2_REFUSED_STREAM); }
    /// It ended otherwise than both sides wanted.
    bool aborted() const noexcept {
        return closed_ && (code_ != NGHTTP2_NO_ERROR || !out_ended_ || failure_ != nullptr);
    }

private:
    friend class http2_session;
    friend struct http2_callbacks;

    task<> wait();
    /// Whoever waits for it looks again, also when he is the one who reads.
    void notify() noexcept;
    void throw_if_broken() const;
    void close(std::uint32_t code, std::exception_ptr failure) noexcept;
    void reset(std::uint32_t code) noexcept;
    static ssize_t give(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size, std::uint32_t* flags,
                        nghttp2_data_source* source, void*) noexcept;

    std::shared_ptr<http2_session> session_;
    std::int32_t id_ = 0;
    http2_head coming_;  // the head or the trailers
    std::string in_, piece_;  // of the peer's body: what came, and what somebody reads
    std::string_view out_;  // of ours; belongs to who waits in write()
    std::unique_ptr<http2_fields> out_trailers_;
    ringlet::event progress_;
    std::exception_ptr failure_;  // of the connection
    errc wrong_{};  // with the head, or the trailers
    std::uint32_t code_ = NGHTTP2_NO_ERROR;
    unsigned interim_ = 0, waiting_ = 0;
    int refusal_ = 0;
    bool asked_head_ = false;
    bool answered_ = false, head_came_ = false, in_ended_ = false;
    bool out_last_ = false;  // nothing follows out_
    bool out_ended_ = false;  // and that was said
    bool closed_ = false, refused_ = false;
};

class http2_session : public std::enable_shared_from_this<http2_session> {
public:
    http2_session(io::any_stream stream, const http2_limits& most, bool server, bool secure);
    http2_session(const http2_session&) = delete;
    http2_session& operator=(const http2_session&) = delete;
    ~http2_session();

    /// Says what we allow. To be called once, first.
    void greet();

    /// Awaitable: reads once, and tells whomever it concerns; false at the end of the stream. Throws what
    /// ends the connection.
    task<bool> read_once();
    void take(std::span<const std::byte> bytes);
    /// Frames that are ready begin to leave.
    void send();
    /// Awaitable: until all of them have left, or cannot.
    task<> sent();
    /// A GOAWAY with this code; whatever is open ends.
    void say_goodbye(std::uint32_t code) noexcept;
    /// No more requests are taken: said at first without refusing what is on its way (RFC 9113 section
    /// 6.8), and for good when the peer must have heard it.
    void begin_to_stop();
    void stop_taking();
    bool stop_heard() const noexcept { return stop_heard_; }

    /// Whoever waits on it is told, and it is closed.
    void fail(std::exception_ptr why) noexcept;
    void close() noexcept;

    io::any_stream& stream() noexcept { return stream_; }
    std::string act() const { return "http/2 with " + stream_.name(); }
    /// Neither is there anything to say nor to hear any more.
    bool over() const noexcept {
        return closed_ || (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
    }
    bool usable() const noexcept {
        return !closed_ && !retired_ && !failure_ && nghttp2_session_check_request_allowed(session_) != 0;
    }
    /// How many exchanges may begin, at a client.
    std::size_t room() const noexcept;
    bool settled() const noexcept { return settings_heard_; }
    /// When the head began that is coming in now; `never` when none is.
    time_point head_since() const noexcept { return head_since_; }
    std::size_t open() const noexcept { return streams_.size(); }

    // A server's: a request has its head; an exchange was closed. A client's: room() or usable() changed.
    std::function<void(std::unique_ptr<session_stream>)> on_request;
    std::function<void(const session_stream&)> on_closed;
    std::function<void()> on_change;

private:
    friend class session_stream;
    friend struct http2_callbacks;

    static task<> flush(std::shared_ptr<http2_session> self) noexcept;
    void collect();
    task<> lead(session_stream& s);
    void pass_on() noexcept;
    session_stream* find(std::int32_t id) const noexcept;
    void changed() noexcept;
    void count_idle_frame();
    void make_session(bool server);

    io::any_stream stream_;
    http2_limits most_;
    nghttp2_session* session_ = nullptr;
    std::unordered_map<std::int32_t, session_stream*> streams_;
    std::unique_ptr<session_stream> arriving_;  // a request whose head is not complete
    const session_stream* leader_ = nullptr;  // at a client: whose greenlet reads for all
    scope* leading_ = nullptr;  // and what ends its reading
    time_point head_since_ = never;
    http2_order order_;  // at a server
    std::vector<std::byte> buffer_;
    std::string out_, leaving_;  // frames that are to be sent, and that are being sent
    ringlet::event flushed_;  // some, or all
    std::exception_ptr thrown_;  // by a callback
    std::exception_ptr failure_;
    time_point heard_{};  // when something came last
    time_point counted_since_{};
    std::size_t idle_frames_ = 0;  // since then: that served no exchange
    bool server_, secure_;
    bool flushing_ = false, reading_ = false;
    bool at_work_ = false;  // nghttp2 is, which must not be called again meanwhile
    bool retired_ = false;  // no more exchanges begin here
    bool stop_heard_ = false;
    bool settings_heard_ = false;
    bool closed_ = false;
};

/// "REFUSED_STREAM"
inline std::string name_of_code(std::uint32_t wire_code) { return nghttp2_http2_strerror(wire_code); }

}  // namespace ringlet::http::detail

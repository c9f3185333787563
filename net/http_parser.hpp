// HTTP/1.1 messages from bytes that arrive in any pieces (RFC 9112). Pull style and sans-IO: feed()
// says what it found and how much it took; nothing calls back, nothing is copied but the head. Lines
// are cut and judged by us (http_lines_private.hpp). Where anything could be meant in two ways, llhttp is
// told the judged ones (http_framer.hpp) and decides about methods, chunks and the end of the body, so that
// such a message must please both. A body that has a length or is none is counted without it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <ringlet/net/http_error.hpp>
#include <ringlet/net/http_fields.hpp>
#include <ringlet/net/http_framer.hpp>
#include <ringlet/net/http_head.hpp>

namespace ringlet::http {

/// How much of a message is accepted; each limit has an error of its own. Bytes unless it says count.
struct limits {
    limits() {}  // not an aggregate: temporaries of it are safe in a co_await

    std::size_t start_line = 8 * 1024;
    std::size_t field_line = 16 * 1024;
    std::size_t fields = 64 * 1024;  // header and trailer lines together
    std::size_t field_count = 100;
    std::uint64_t body = 1024 * 1024;
    std::size_t chunk_extensions = 4 * 1024;  // of all chunks of a message together
    unsigned interim_responses = 16;  // 1xx heads before the final one

    static limits server() { return {}; }
    static limits client();
};

enum class reads { requests, responses };

enum class event {
    need_more,  // all input was taken
    head,  // head() is complete
    body,  // step::body_piece is the next part of the body
    done,  // the message is complete; what was not consumed belongs to what comes next
    failed,  // only from try_feed and try_finish: error() says why, and stays so until reset()
};

struct step {
    event kind = event::need_more;
    std::size_t consumed = 0;
    std::string_view body_piece{};  // points into the input of this call
};

/// One side of a connection. A loop around it: feed what was read, drop `consumed` bytes, act on
/// `kind`; on need_more read again, on done reset(). Allocates nothing once it has seen a few messages.
class parser {
public:
    explicit parser(reads what, const limits& most);
    explicit parser(reads what) : parser(what, what == reads::requests ? limits::server() : limits::client()) {}

    /// Takes bytes up to the next event. `input` may be empty, to ask for an event that needs no bytes.
    /// Throws protocol_error; after that the connection cannot be used any more.
    step feed(std::string_view input);
    step try_feed(std::string_view input);

    /// The peer has closed: a body delimited by that is done, all else is an error.
    step finish();
    step try_finish();

    /// Ready for the next message on this connection. An answer to HEAD or CONNECT stays expected
    /// through interim (1xx) responses.
    void reset();

    /// The next final response answers HEAD: it ends with its head.
    void expect_no_body() { no_body_ = true; }
    /// The next final response answers CONNECT: a 2xx ends with its head, the rest is the tunnel's.
    void expect_tunnel() { tunnel_ = true; }

    /// Of the messages that begin from now on.
    void set_body_limit(std::uint64_t most) { most_.body = most; }

    /// Gives back what it had, and shows these from now on: a message that came otherwise.
    void show(message_head& head) { std::swap(head_, head); }
    void show(fields& trailers) { std::swap(trailers_, trailers); }

    /// What is left of a body that has a length; 0 when it has none, and when it is over.
    std::uint64_t body_left() const { return phase_ == phase::body ? body_left_ : 0; }

    /// No byte of a message has come yet: closing now hurts nobody.
    bool idle() const { return phase_ == phase::start_line && (partial_.empty() || gathered_); }
    const message_head& head() const { return head_; }
    /// Complete when `done` is reported; only chunked messages have any.
    const fields& trailers() const { return trailers_; }
    errc error() const { return error_; }
    /// What protocol_error would say of error().
    std::string error_text() const;

private:
    enum class phase {
        start_line,
        field_lines,
        body,
        until_close,
        chunk_line,
        chunk_data,
        chunk_end,
        trailer_lines,
        done,
        failed
    };
    struct allowance {
        std::size_t bytes;
        errc otherwise;
    };

    bool strict() const { return what_ == reads::requests; }
    bool take_plain_line(std::string_view& input);
    bool take_plain_start(std::string_view& input);
    bool take_line(std::string_view& input, std::string_view& line);
    bool may_begin_line(char c) const;
    allowance for_line() const;
    bool judge_line(std::string_view line);
    bool judge_start(std::string_view line);
    bool judge_field(std::string_view line, http::fields& into);
    bool judge_fold(std::string_view line, http::fields& into);
    bool judge_chunk(std::string_view line);
    bool end_head();
    bool begin_body(bool skip);
    bool tell_start();
    bool take_body(std::string_view& input, std::string_view& piece);
    bool refuse(errc e, std::string_view text = {});
    bool refuse_with_framer(std::string_view text = {});

    limits most_;
    reads what_;
    detail::framer framer_;
    phase phase_ = phase::start_line;
    phase failed_in_ = phase::start_line;
    bool no_body_ = false, tunnel_ = false;
    bool told_ = false;  // the framer knows of this message
    bool gathered_ = false;  // the last line was handed out from partial_
    bool drop_folds_ = false;  // continuations of a field that was dropped go with it
    errc error_{};
    unsigned line_number_ = 0, blank_lines_ = 0, interim_ = 0;
    std::size_t fields_bytes_ = 0, extension_bytes_ = 0;
    std::uint64_t body_bytes_ = 0, body_left_ = 0;  // left: of the body, or of this chunk
    std::string partial_;  // the beginning of a line whose end has not come yet
    std::string offending_;  // for error_text
    message_head head_;
    fields trailers_;
};

}  // namespace ringlet::http

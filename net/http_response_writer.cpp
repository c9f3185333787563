#include <ringlet/net/http_response_writer.hpp>

#include <ringlet/net/http_date.hpp>
#include <ringlet/net/http_exchange_private.hpp>

#include <algorithm>
#include <stdexcept>

#include "ascii_private.hpp"

namespace ringlet::http {
namespace {

// Up to here a body travels in one write with its head, and a chunk with its size.
constexpr std::size_t small = 16 * 1024;
constexpr std::size_t most_in_chunk = 64 * 1024;

/// What a handler gives, and what a middleware has set beside it. Cookies add up; of all else the
/// handler's own wins.
fields together(const fields& given, const fields& set_before) {
    fields all = given;
    for (const auto [name, value] : set_before)
        if (net::ascii::iequals(name, "set-cookie") || !given.contains(name))
            all.add(name, value);
    return all;
}

}  // namespace

namespace detail {

/// Decides as well whether the connection goes on, because the head has to say so.
void exchange::put_head(int status, std::string_view reason, const fields& f, body_size size) {
    const bool says_close = f.has_token("connection", "close");
    last_ = last_ || !head().keep_alive() || size.is_until_close() || server_.stopping() || says_close ||
            expects_more_body();
    own_fields_.clear();
    if (!f.contains("date"))
        own_fields_.append(loop::current().service<date_cache>().line(loop::current().now()));
    if (!options_.server_name.empty() && !f.contains("server"))
        own_fields_.append("Server: ").append(options_.server_name).append("\r\n");
    if (last_ && !size.is_until_close() && !says_close)
        own_fields_.append("Connection: close\r\n");
    else if (!last_ && !takes_chunks())
        own_fields_.append("Connection: keep-alive\r\n");  // HTTP/1.0 has to be told
    append_response(out_, status, reason, f, size, own_fields_);
}

/// More than is worth reading, or perhaps never: a client that waits for "100 Continue" may send its
/// body or not once it has the final answer.
bool exchange::expects_more_body() const {
    if (body_over_)
        return false;
    return body_failed_ || !continued_ || head().content_length().value_or(0) > body_taken_ + options_.unread_body;
}

}  // namespace detail

void response_writer::reset() noexcept {
    status_ = 200;
    begun_ = ended_ = chunked_ = false;
    length_.reset();
    written_ = 0;
    reason_.clear();
    fields_.clear();
    trailers_.clear();
}

response_writer& response_writer::status(int code, std::string_view reason) {
    status_ = code;
    reason_.assign(reason);
    return *this;
}

response_writer& response_writer::length(std::uint64_t bytes) noexcept {
    length_ = bytes;
    return *this;
}

void response_writer::send(std::string_view body) {
    if (begun_)
        throw std::logic_error("http response: it has begun already");
    exchange_.put_head(status_, reason_, fields_, body_size::exactly(body.size()));
    begun_ = ended_ = true;
    if (exchange_.answers_head())
        return;
    exchange_.out().append(body);
    exchange_.count_sent(body.size());
}

void response_writer::answer(response whole) {
    if (begun_)
        throw std::logic_error("http response: it has begun already");
    std::string& body = whole.body;
    if (!fields_.empty())
        whole.fields = together(whole.fields, fields_);
    status_ = whole.status;
    exchange_.put_head(whole.status, whole.reason, whole.fields, body_size::exactly(body.size()));
    begun_ = ended_ = true;
    if (exchange_.answers_head())
        return;
    exchange_.count_sent(body.size());
    exchange_.out().append(body, 0, small);
    if (body.size() > small)
        exchange_.put_tail(std::move(body), small);
}

/// The head of an answer that comes in pieces.
void response_writer::begin() {
    body_size size = body_size::chunked();
    if (length_)
        size = body_size::exactly(*length_);
    else if (!status_has_body(status_))
        size = body_size::none();
    else if (!exchange_.takes_chunks())
        size = body_size::until_close();
    exchange_.put_head(status_, reason_, fields_, size);
    chunked_ = size.is_chunked() && !exchange_.is_stream();
    begun_ = true;
}

task<> response_writer::write(std::string_view piece) {
    if (ended_)
        throw std::logic_error("http response: it has ended already");
    if (length_ && piece.size() > *length_ - written_)
        throw std::logic_error("http response: more than the " + std::to_string(*length_) + " bytes announced");
    if (!begun_)
        begin();
    written_ += piece.size();
    if (exchange_.answers_head())
        piece = {};
    do {
        const std::string_view part = piece.substr(0, most_in_chunk);
        exchange_.count_sent(part.size());
        if (chunked_)
            append_chunk(exchange_.out(), part);
        else
            exchange_.out().append(part);
        piece.remove_prefix(part.size());
        co_await exchange_.flush();
    } while (!piece.empty());
}

task<io::any_stream> response_writer::upgrade(std::string_view protocol) {
    if (begun_)
        throw std::logic_error("http response: it has begun already");
    status_ = 101;
    begun_ = ended_ = true;
    return exchange_.upgrade(protocol, fields_);
}

task<> response_writer::end() {
    finish();
    co_return;
}

void response_writer::finish() {
    if (ended_)
        return;
    if (!begun_ && !length_)
        return send(std::string_view());
    if (!begun_)
        begin();
    ended_ = true;
    if (exchange_.answers_head())
        return;
    if (length_ && written_ < *length_)
        throw std::logic_error("http response: " + std::to_string(written_) + " bytes written of " +
                               std::to_string(*length_) + " announced");
    if (chunked_)
        append_last_chunk(exchange_.out(), trailers_);
}

}  // namespace ringlet::http

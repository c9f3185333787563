#include <ringlet/net/http_connection.hpp>

#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/http2_private.hpp>
#include <ringlet/net/http_writer.hpp>

#include <algorithm>

namespace ringlet::http {
namespace {

// A write has to be done in its time, so that it must be small enough for a slow reader.
constexpr std::size_t most_written_at_once = 256 * 1024;

// What a server only says will come takes no more memory than this.
constexpr std::uint64_t most_reserved = 1024 * 1024;

}  // namespace

connection::connection(io::any_stream stream, const limits& most)
    : stream_(std::move(stream)), most_body_(most.body), reader_(reads::responses, most) {}
connection::connection(std::unique_ptr<detail::http2_stream> one, const limits& most)
    : over_(std::move(one)), most_body_(most.body), reader_(reads::responses, most) {}
connection::~connection() = default;

std::string connection::name() const { return over_ ? over_->name() : stream_.name(); }
bool connection::refused() const noexcept { return over_ && over_->refused(); }

void connection::set_timeouts(const timeouts& t, time_point until) noexcept {
    timeouts_ = t;
    until_ = until;
}

task<> connection::send(std::string_view method, std::string_view head, std::string_view body) {
    check(done_, "an http connection carries one request at a time");
    done_ = keep_alive_ = answered_ = write_failed_ = half_sent_ = head_came_ = false;
    reader_.parser().reset();
    if (method == "HEAD")
        reader_.parser().expect_no_body();
    else if (method == "CONNECT")
        reader_.parser().expect_tunnel();
    if (over_) {
        co_await send_on_stream(head, body);
        co_return;
    }
    co_await write(head);
    co_await write(body);
}

task<> connection::write_chunk(std::string_view bytes) {
    if (over_) {
        co_await write_on_stream(bytes, bytes.empty());
        co_return;
    }
    std::string line;
    if (bytes.empty())
        append_last_chunk(line);
    else
        append_chunk_size(line, bytes.size());
    co_await write(line);
    if (bytes.empty())
        co_return;
    co_await write(bytes);
    co_await write(chunk_end);
}

task<> connection::write(std::string_view bytes) {
    if (over_) {
        co_await write_on_stream(bytes, false);
        co_return;
    }
    while (!bytes.empty()) {
        const std::string_view part = bytes.substr(0, most_written_at_once);
        const time_point in_time = after(loop::current().now(), timeouts_.between_bytes);
        deadline limit(std::min(in_time, until_));
        try {
            co_await stream_.write_all(io::bytes_of(part));
        } catch (const canceled&) {
            if (!limit.ends_here())
                throw;
            throw timeout_error("write to " + stream_.name(),
                                until_ < in_time ? timeouts_.total : timeouts_.between_bytes);
        } catch (const std::system_error&) {
            write_failed_ = true;
            throw;
        }
        bytes.remove_prefix(part.size());
    }
}

task<> connection::read_head() {
    if (over_) {
        co_await read_stream_head();
        co_return;
    }
    while (head_wants_more())
        co_await read_more("wait for the response", answered_ ? timeouts_.between_bytes : timeouts_.first_byte);
    keep_alive_ = head().keep_alive() && !head().upgrade() && !half_sent_ && !write_failed_;
}

task<> connection::read_refusal() {
    if (over_) {
        co_await read_stream_refusal();
        co_return;
    }
    try {
        while (head_wants_more())
            co_await read_more("wait for the response", duration::max());
        if (head().status() >= 300)
            co_return;
    } catch (const std::system_error&) {}
    co_await sleep_for(duration::max());
}

/// Goes on with the bytes that are there, over interim responses, to the head of the final one.
bool connection::head_wants_more() {
    while (!head_came_) {
        const step found = reader_.next();
        if (found.kind == http::event::head)
            head_came_ = head().status() >= 200 || head().status() == 101;
        else if (found.kind == http::event::done)
            reader_.parser().reset();  // after an interim response
        else if (found.kind == http::event::failed)
            refuse();
        else
            return true;
    }
    return false;
}

task<std::string_view> connection::next_piece() {
    if (over_ && !done_)
        co_return co_await next_stream_piece();
    while (!done_) {
        const step found = reader_.next();
        if (found.kind == http::event::body)
            co_return found.body_piece;
        if (found.kind == http::event::done) {
            done_ = true;
            keep_alive_ = keep_alive_ && head().keep_alive();
        } else if (found.kind == http::event::failed) {
            refuse();
        } else {
            co_await read_more("read the body of the response", timeouts_.between_bytes);
        }
    }
    co_return std::string_view();
}

task<> connection::read_all(std::string& to, std::uint64_t most) {
    const std::uint64_t announced = head().chunked() ? 0 : head().content_length().value_or(0);
    if (announced <= most && to.empty() && announced <= most_reserved)
        to.reserve(static_cast<std::size_t>(announced));
    for (;;) {
        const std::string_view piece = co_await next_piece();
        if (piece.empty())
            co_return;
        if (to.size() > most || piece.size() > most - to.size())
            throw protocol_error(errc::body_too_large,
                                 "http response, body after " + std::to_string(to.size()) + " bytes");
        to.append(piece);
    }
}

task<bool> connection::quiet() {
    if (over_)
        co_return co_await over_->quiet();
    if (!reusable())
        co_return false;
    deadline at_once(loop::current().now());
    try {
        (void)co_await stream_.read(reader_.room());
    } catch (const canceled&) {
        if (!at_once.ends_here())
            throw;
        co_return true;
    } catch (const std::system_error&) {}
    co_return false;
}

task<> connection::read_more(const char* act, duration allowed) {
    const time_point in_time = after(loop::current().now(), allowed);
    deadline limit(std::min(in_time, until_));
    std::size_t count = 0;
    try {
        count = co_await stream_.read(reader_.room());
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
        throw timeout_error(std::string(act) + " from " + stream_.name(),
                            until_ < in_time ? timeouts_.total : allowed);
    }
    reader_.filled(count);
    answered_ = answered_ || count > 0;
    if (count == 0 && reader_.parser().try_finish().kind == http::event::failed)
        refuse();
}

void connection::refuse() { throw protocol_error(reader_.parser().error(), reader_.parser().error_text()); }

}  // namespace ringlet::http

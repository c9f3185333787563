#include <ringlet/net/http_connection.hpp>

#include <ringlet/core/sleep.hpp>
#include <ringlet/net/http2_private.hpp>
#include <ringlet/net/http_phase_private.hpp>
#include <ringlet/net/http_writer.hpp>

#include <algorithm>
#include <optional>

namespace ringlet::http {
namespace {

// A write has to be done in its time, so that it must be small enough for a slow reader.
constexpr std::size_t most_written_at_once = 256 * 1024;

// Room for a body is made, which means written to, in steps that allow for a receive without a copy.
constexpr std::uint64_t most_made_ready = 256 * 1024;

// What a server only says will come takes no more memory than this.
constexpr std::uint64_t most_reserved = 1024 * 1024;

// A server may answer as it reads: so much of its answer is kept while the request is still being sent.
constexpr std::size_t most_early = 16 * 1024 * 1024;

// Who has nothing to do for so long may hear from a server that will not wait any longer.
constexpr duration worth_a_look = 100ms;

constexpr const char* waits_for_head = "wait for the response";
constexpr const char* reads_body = "read the body of the response";

}  // namespace

connection::connection(io::any_stream stream, const limits& most)
    : stream_(std::move(stream)), most_body_(most.body), reader_(reads::responses, most) {
    // Until the first answer has said otherwise it may be a long one.
    if (stream_.is_readable())
        reader_.set_room(message_reader::long_size);
}
connection::connection(std::unique_ptr<detail::http2_stream> one, const limits& most)
    : over_(std::move(one)), most_body_(most.body), reader_(reads::responses, most) {}
connection::~connection() = default;

std::string connection::name() const { return over_ ? over_->name() : stream_.name(); }
bool connection::refused() const noexcept { return over_ && over_->refused(); }

void connection::set_timeouts(const timeouts& t, time_point until) noexcept {
    timeouts_ = t;
    until_ = until;
}

/// Awaits the next bytes for the reader, as long as the phase lasts. There may be none after all, and it wants more then.
class connection::arrival {
public:
    arrival(connection& c, const char* act, const detail::phase& limit)
        : connection_(c), act_(act), limit_(limit), asked_(c.next_arrival()) {}
    arrival(const arrival&) = delete;
    arrival& operator=(const arrival&) = delete;

    bool await_ready() {
        return std::visit([](auto& asked) { return asked.await_ready(); }, asked_);
    }
    bool await_suspend(std::coroutine_handle<> h) {
        return std::visit([h](auto& asked) { return asked.await_suspend(h); }, asked_);
    }
    void await_resume() {
        connection& c = connection_;
        std::optional<std::size_t> count;
        try {
            if (auto* const receiving = std::get_if<io::any_stream::receiving>(&asked_)) {
                c.reader_.take_over(receiving->await_resume());
                return c.heard(c.reader_.unread().size());
            }
            count = std::get<io::any_stream::reading>(asked_).await_resume();
        } catch (const canceled&) {
            limit_.explain(std::string(act_) + " from " + c.stream_.name());
        }
        if (c.stream_.is_readable()) {  // then that was a wait only
            count = c.stream_.try_read(c.reader_.room());
            if (!count)
                return;
        }
        c.reader_.filled(*count);
        c.heard(*count);
    }

private:
    connection& connection_;
    const char* act_;
    const detail::phase& limit_;
    next_bytes asked_;
};

/// Awaits that bytes have left, as many as may at once; gives how many.
class connection::departure {
public:
    departure(connection& c, const detail::phase& limit, std::string_view bytes)
        : connection_(c),
          limit_(limit),
          count_(std::min(bytes.size(), most_written_at_once)),
          writing_(c.stream_.write_all(io::bytes_of(bytes.substr(0, count_)))) {}
    departure(const departure&) = delete;
    departure& operator=(const departure&) = delete;

    bool await_ready() { return writing_.await_ready(); }
    bool await_suspend(std::coroutine_handle<> h) { return writing_.await_suspend(h); }
    std::size_t await_resume() {
        try {
            writing_.await_resume();
        } catch (const canceled&) {
            connection_.write_failed_ = true;
            limit_.explain("write to " + connection_.stream_.name());
        } catch (const std::system_error&) {
            connection_.write_failed_ = true;
            throw;
        }
        return count_;
    }

private:
    connection& connection_;
    const detail::phase& limit_;
    std::size_t count_;
    io::any_stream::writing writing_;
};

/// What is short stays where it came. Large buffers are taken when there is something to put into them: a hundred that
/// wait would hold so many, which no cache has room for.
connection::next_bytes connection::next_arrival() {
    if (!stream_.is_readable())
        return stream_.read(reader_.room());
    reader_.drop_room();
    if (reader_.room_size() == message_reader::long_size)
        return stream_.readable();
    return stream_.receive(reader_.room_size());
}

/// So many bytes have come, of which none is the end.
void connection::heard(std::size_t count) {
    answered_ = answered_ || count > 0;
    if (count == 0 && reader_.parser().try_finish().kind == http::event::failed)
        refuse();
}

/// What is to come answers this request.
void connection::begin(std::string_view method) {
    check(done_, "an http connection carries one request at a time");
    done_ = keep_alive_ = answered_ = write_failed_ = half_sent_ = head_came_ = false;
    early_ = {};
    reader_.parser().reset();
    if (method == "HEAD")
        reader_.parser().expect_no_body();
    else if (method == "CONNECT")
        reader_.parser().expect_tunnel();
}

task<> connection::send(std::string_view method, std::string_view head) {
    begin(method);
    return over_ ? send_on_stream(head) : write(head);
}

task<> connection::exchange(std::string_view method, std::string_view head) {
    begin(method);
    if (over_) {
        co_await send_on_stream(head);
        co_await read_stream_head();
        co_return;
    }
    std::exception_ptr unsent;
    detail::phase limit(timeouts_.between_bytes, timeouts_, until_);
    try {
        while (!head.empty())
            head.remove_prefix(co_await departure(*this, limit, head));
    } catch (const timeout_error&) {
        throw;
    } catch (const std::system_error&) {
        unsent = std::current_exception();
    }
    try {
        while (head_wants_more()) {
            limit.restart(answered_ ? timeouts_.between_bytes : timeouts_.first_byte);
            co_await arrival(*this, waits_for_head, limit);
        }
    } catch (const std::system_error&) {
        if (unsent)
            std::rethrow_exception(unsent);
        throw;
    }
    take_head();
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
    for (detail::phase limit(timeouts_.between_bytes, timeouts_, until_); !bytes.empty();
         limit.restart(timeouts_.between_bytes))
        bytes.remove_prefix(co_await departure(*this, limit, bytes));
}

task<> connection::read_head() {
    if (over_) {
        co_await read_stream_head();
        co_return;
    }
    detail::phase limit(timeouts_.first_byte, timeouts_, until_);
    while (head_wants_more()) {
        if (answered_)
            limit.restart(timeouts_.between_bytes);
        co_await arrival(*this, waits_for_head, limit);
    }
    take_head();
}

void connection::take_head() {
    keep_alive_ = head().keep_alive() && !head().upgrade() && !half_sent_ && !write_failed_;
    // Where answers are long, a receive of their own into a large buffer brings one whole. Where they are
    // short, one receive serves many of them.
    if (const auto announced = head().content_length())
        reader_.set_room(*announced >= message_reader::buffer_size ? message_reader::long_size
                                                                   : message_reader::buffer_size);
}

task<> connection::read_refusal() {
    try {
        if (over_) {
            co_await over_->read_head();
            show_stream_head();
        } else {
            const detail::phase limit(duration::max(), timeouts_, until_);
            while (head_wants_more())
                co_await arrival(*this, waits_for_head, limit);
        }
        if (head().status() >= 300)
            co_return;
        while (!done_ && early_.size() < most_early)
            early_ += co_await next_piece(duration::max());
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

/// The next piece of the body among the bytes that are there; empty when there is none, or none comes.
std::string_view connection::piece_at_hand() {
    while (!done_) {
        const step found = reader_.next();
        if (found.kind == http::event::body)
            return found.body_piece;
        if (found.kind == http::event::need_more)
            break;
        if (found.kind == http::event::failed)
            refuse();
        if (found.kind == http::event::done) {
            done_ = true;
            keep_alive_ = keep_alive_ && head().keep_alive();
            ended_at_ = loop::current().now();
            if (reader_.empty())
                reader_.drop_room();
        }
    }
    return {};
}

task<std::string_view> connection::next_piece() {
    shown_ = std::exchange(early_, {});
    if (!shown_.empty())
        co_return shown_;
    co_return co_await next_piece(timeouts_.between_bytes);
}

task<std::string_view> connection::next_piece(duration patience) {
    if (over_ && !done_)
        co_return co_await next_stream_piece(patience);
    for (;;) {
        const std::string_view piece = piece_at_hand();
        if (!piece.empty() || done_)
            co_return piece;
        const detail::phase limit(patience, timeouts_, until_);
        co_await arrival(*this, reads_body, limit);
    }
}

bool connection::take_all(std::string& to, std::uint64_t most) {
    if (!early_.empty())
        append(to, std::exchange(early_, {}), most);
    if (over_)
        return done_;
    const std::uint64_t announced = head().chunked() ? 0 : head().content_length().value_or(0);
    if (announced <= most && to.empty() && announced <= most_reserved)
        to.reserve(static_cast<std::size_t>(announced));
    for (;;) {
        const std::string_view piece = piece_at_hand();
        if (piece.empty())
            return done_;
        append(to, piece, most);
    }
}

void connection::append(std::string& to, std::string_view piece, std::uint64_t most) {
    if (to.size() > most || piece.size() > most - to.size())
        throw protocol_error(errc::body_too_large,
                             "http response, body after " + std::to_string(to.size()) + " bytes");
    to.append(piece);
}

task<> connection::read_all(std::string& to, std::uint64_t most) {
    if (over_) {
        while (!take_all(to, most))
            append(to, co_await next_piece(timeouts_.between_bytes), most);
        co_return;
    }
    for (detail::phase limit(timeouts_.between_bytes, timeouts_, until_); !take_all(to, most);
         limit.restart(timeouts_.between_bytes)) {
        const std::uint64_t left = reader_.parser().body_left();
        if (left < reader_.room_size() || left > most - to.size())
            co_await arrival(*this, reads_body, limit);
        else
            co_await receive_into(to, static_cast<std::size_t>(std::min(left, most_made_ready)), limit);
    }
}

/// Awaitable: appends so much of a body that has a length, straight into its place. The parser only counts.
task<> connection::receive_into(std::string& to, std::size_t size, detail::phase& limit) {
    if (reader_.empty())
        reader_.drop_room();  // others can use the buffer that the beginning came in
    std::size_t have = to.size();
    to.resize(have + size);
    try {
        while (have < to.size()) {
            const std::span<std::byte> room = std::as_writable_bytes(std::span(to).subspan(have));
            limit.restart(timeouts_.between_bytes);
            std::size_t count = 0;
            try {
                count = co_await stream_.read(room);
            } catch (const canceled&) {
                limit.explain(std::string(reads_body) + " from " + stream_.name());
            }
            heard(count);
            if (reader_.parser().try_feed(std::string_view(to).substr(have, count)).kind == http::event::failed)
                refuse();
            have += count;
        }
    } catch (...) {
        to.resize(have);
        throw;
    }
}

bool connection::rested() const noexcept { return !over_ && loop::current().now() - ended_at_ > worth_a_look; }

task<bool> connection::quiet() {
    if (over_)
        co_return co_await over_->quiet();
    if (!reusable())
        co_return false;
    std::byte said;
    try {
        if (stream_.is_readable()) {
            // What was said is heard when the loop has asked the kernel; without io_uring it asks every other lap.
            co_await yield();
            co_await yield();
            co_return !stream_.try_read({&said, 1});
        }
        deadline at_once(loop::current().now());
        try {
            (void)co_await stream_.read({&said, 1});
        } catch (const canceled&) {
            if (!at_once.ends_here())
                throw;
            co_return true;
        }
    } catch (const std::system_error&) {}
    co_return false;
}

void connection::refuse() {
    // That was said while nobody asked, before the connection ended.
    if (reader_.parser().error() == errc::bad_status_line)
        answered_ = false;
    throw protocol_error(reader_.parser().error(), reader_.parser().error_text());
}

}  // namespace ringlet::http

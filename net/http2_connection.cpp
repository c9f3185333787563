#include <ringlet/net/http2_connection_private.hpp>

#include <ringlet/core/spawn.hpp>
#include <ringlet/core/timeout.hpp>
#include "ascii_private.hpp"

#include <algorithm>
#include <array>

namespace ringlet::http2::detail {
namespace {

constexpr std::size_t read_size = 16 * 1024;
constexpr std::size_t send_size = 64 * 1024;

nghttp2_nv pair_of(const std::string& name, std::string_view value) {
    const auto bytes = [](std::string_view s) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(s.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// RFC 9113 section 8.2.2: what is of one connection of HTTP/1.1 has no meaning here.
bool is_of_http1(std::string_view name) {
    for (const char* each : {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host"})
        if (name == each)
            return true;
    return false;
}

/// Names and values as nghttp2 takes them; it copies them.
class field_list {
public:
    void add(std::string_view name, std::string_view value) {
        std::string lower(name);
        std::ranges::transform(lower, lower.begin(), net::ascii::lower);
        if (!is_of_http1(lower))
            all_.emplace_back(std::move(lower), std::string(value));
    }
    void add(const http::fields& fields) {
        for (const http::field each : fields)
            add(each.name, each.value);
    }
    bool has(std::string_view name) const {
        return std::ranges::any_of(all_, [&](const auto& each) { return each.first == name; });
    }
    std::vector<nghttp2_nv> pairs() const {
        std::vector<nghttp2_nv> list;
        for (const auto& [name, value] : all_)
            list.push_back(pair_of(name, value));
        return list;
    }

private:
    std::vector<std::pair<std::string, std::string>> all_;
};

nghttp2_data_provider body_of(exchange& e) {
    nghttp2_data_provider from{};
    from.source.ptr = &e;
    from.read_callback = &read_body;
    return from;
}

}  // namespace

std::string name_of(std::uint32_t wire_code) { return nghttp2_http2_strerror(wire_code); }

connection::connection(io::any_stream stream, const options& how, bool server)
    : stream_(std::move(stream)), options_(how), session_(make_session(*this, server)), server_(server) {}

connection::~connection() { nghttp2_session_del(session_); }

void connection::greet() {
    const std::array<nghttp2_settings_entry, 4> ours{{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options_.streams()},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options_.window()},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(options_.head())},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    }};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, ours.data(), server_ ? 3 : 4);
    // What all streams together may send: each has a window of its own.
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 1 << 20);
    start_flush();
}

std::shared_ptr<exchange> connection::find(std::int32_t id) const {
    const auto at = open_.find(id);
    return at == open_.end() ? nullptr : at->second;
}

bool connection::usable() const noexcept {
    return !closed_ && !failure_ && !goaway_ && nghttp2_session_check_request_allowed(session_) != 0;
}

void connection::close() noexcept {
    if (std::exchange(closed_, true))
        return;
    stream_.close();
}

// --- the bytes -----------------------------------------------------------------------------------------

void connection::start_flush() {
    if (flushing_ || closed_ || failure_ || nghttp2_session_want_write(session_) == 0)
        return;
    flushing_ = true;
    flushed_.clear();
    spawn(spawn_options().name("http/2 flush"), &connection::flush, shared_from_this());
}

task<> connection::flush(std::shared_ptr<connection> self) noexcept {
    std::string out;
    try {
        while (!self->closed_) {
            out.clear();
            const std::uint8_t* bytes = nullptr;
            ssize_t count = 0;
            while (out.size() < send_size && (count = nghttp2_session_mem_send(self->session_, &bytes)) > 0)
                out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
            if (count < 0)
                throw error(std::errc::io_error, NGHTTP2_INTERNAL_ERROR,
                            self->act() + ": " + nghttp2_strerror(static_cast<int>(count)));
            if (out.empty())
                break;
            auto sending = with_timeout(self->options_.stalled(), self->stream_.write_all(io::bytes_of(out)));
            co_await std::move(sending);
        }
    } catch (const canceled&) {
        self->close();
    } catch (...) {
        self->fail(std::current_exception());
        self->close();
    }
    self->flushing_ = false;
    self->flushed_.set();
}

void connection::take(std::span<const std::byte> bytes) {
    const ssize_t outcome =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (thrown_)
        std::rethrow_exception(std::exchange(thrown_, nullptr));
    if (outcome < 0)
        throw error(std::errc::protocol_error, NGHTTP2_PROTOCOL_ERROR,
                    act() + ": " + nghttp2_strerror(static_cast<int>(outcome)));
}

task<> connection::receive_all() {
    std::vector<std::byte> buffer(read_size);
    while (!closed_ && (nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0)) {
        std::size_t count = 0;
        bool quiet = false;
        {
            const deadline patience(options_.idle());
            try {
                count = co_await stream_.read(buffer);
            } catch (const canceled&) {
                if (!patience.ends_here())
                    throw;
                quiet = true;
            }
        }
        if (quiet && !waits_for_peer())
            continue;  // a handler, or a peer's, that takes its time
        if (quiet)
            nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
        else if (count == 0)
            break;
        else
            take(std::span(buffer).first(count));
        start_flush();
        if (quiet)
            break;
    }
}

/// Nothing is under way, or a request whose client says no more.
bool connection::waits_for_peer() const noexcept {
    const auto half = [](const auto& each) { return !each.second->in_ended; };
    return open_.empty() || (server_ && std::ranges::any_of(open_, half));
}

/// Whoever waits in an exchange is told.
void connection::fail(std::exception_ptr why) noexcept {
    if (!failure_)
        failure_ = std::move(why);
    const auto left = std::exchange(open_, {});
    for (const auto& [id, e] : left) {
        e->closed = true;
        e->failure = failure_;
        e->progress.set();
        if (on_over)
            on_over(id);
    }
}

task<> connection::receive(std::shared_ptr<connection> self) {
    std::exception_ptr why;
    std::exception_ptr killed;
    try {
        co_await self->receive_all();
    } catch (const canceled&) {
        killed = std::current_exception();
    } catch (const error& e) {
        why = std::current_exception();
        nghttp2_session_terminate_session(self->session_, e.wire_code());  // the peer is told
        self->start_flush();
    } catch (...) {
        why = std::current_exception();
    }
    if (!why)
        why = std::make_exception_ptr(
            error(std::errc::connection_reset, NGHTTP2_NO_ERROR, self->act() + ": the connection ended"));
    while (!killed && self->flushing_) {  // the goodbye leaves first; a peer that takes nothing ends the flush
        try {
            co_await self->flushed_.wait();
        } catch (const canceled&) {
            killed = std::current_exception();
        }
    }
    self->fail(why);
    self->close();
    if (killed)
        std::rethrow_exception(killed);
}

// --- exchanges -----------------------------------------------------------------------------------------

std::shared_ptr<exchange> connection::request(std::string method, std::string scheme, std::string authority,
                                              std::string target, const http::fields& fields, std::string body) {
    if (failure_)
        std::rethrow_exception(failure_);
    auto e = std::make_shared<exchange>(weak_from_this());
    field_list list;
    list.add(":method", method);
    list.add(":scheme", scheme);
    list.add(":authority", authority);
    list.add(":path", target);
    list.add(fields);
    e->out = std::move(body);
    if (!e->out.empty() && !list.has("content-length"))
        list.add("content-length", std::to_string(e->out.size()));
    const auto pairs = list.pairs();
    const nghttp2_data_provider from = body_of(*e);
    e->id = nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(), e->out.empty() ? nullptr : &from,
                                   nullptr);
    if (e->id < 0)
        throw error(std::errc::connection_refused, NGHTTP2_REFUSED_STREAM,
                    act() + ": no more requests: " + nghttp2_strerror(e->id));
    open_.emplace(e->id, e);
    start_flush();
    return e;
}

void connection::respond(exchange& e, http::response answer, bool head_only) {
    if (e.closed || closed_)
        return;
    field_list list;
    list.add(":status", std::to_string(answer.status));
    list.add(answer.fields);
    if (!list.has("content-length") && http::status_has_body(answer.status))
        list.add("content-length", std::to_string(answer.body.size()));
    e.out = head_only || !http::status_has_body(answer.status) ? std::string() : std::move(answer.body);
    const auto pairs = list.pairs();
    const nghttp2_data_provider from = body_of(e);
    nghttp2_submit_response(session_, e.id, pairs.data(), pairs.size(), e.out.empty() ? nullptr : &from);
    start_flush();
}

void connection::give_up(exchange& e, std::uint32_t code) {
    if (e.closed || closed_)
        return;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, e.id, code);
    start_flush();
}

void connection::consumed(exchange& e, std::size_t count) {
    if (e.closed || closed_)
        return;
    nghttp2_session_consume_stream(session_, e.id, count);
    start_flush();
}

}  // namespace ringlet::http2::detail

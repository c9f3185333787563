#include <ringlet/net/http_client_private.hpp>

#include <ringlet/core/sleep.hpp>

#include <algorithm>
#include <cstring>

namespace ringlet::http {
namespace {

// After so much has been decompressed without a wait the others get their turn.
constexpr std::size_t long_enough = 1024 * 1024;

}  // namespace

incoming::incoming(std::unique_ptr<state> s) : state_(std::move(s)) {}
incoming::incoming(incoming&&) noexcept = default;
incoming& incoming::operator=(incoming&&) noexcept = default;
incoming::~incoming() = default;

const message_head& incoming::head() const { return state_->lease->head(); }
const std::string& incoming::url() const noexcept { return state_->url; }
const std::vector<reply>& incoming::history() const noexcept { return state_->history; }
duration incoming::elapsed() const noexcept { return state_->elapsed; }
const http::fields& incoming::trailers() const { return state_->lease->trailers(); }

task<std::size_t> incoming::read(std::span<std::byte> into) {
    state& s = *state_;
    if (!s.text.empty()) {  // left over by read_line
        const std::size_t count = std::min(into.size(), s.text.size());
        std::memcpy(into.data(), s.text.data(), count);
        s.text.erase(0, count);
        co_return count;
    }
    co_return co_await s.read_or_explain(into);
}

task<std::string> incoming::read_all(std::uint64_t most) {
    state& s = *state_;
    std::string all = std::exchange(s.text, {});
    try {
        co_await s.append_all(all, most);
    } catch (const std::system_error&) {
        detail::rethrow_as_request_error(request_error::stage::exchange, s.method, s.url);
    }
    co_return all;
}

task<std::optional<std::string>> incoming::read_line(std::size_t most) {
    state& s = *state_;
    std::byte buffer[4096];
    std::size_t looked = 0, end;
    while ((end = s.text.find('\n', looked)) == s.text.npos) {
        looked = s.text.size();
        if (looked > most)
            throw request_error(request_error::stage::exchange, s.method, s.url,
                                std::make_error_code(std::errc::message_size),
                                "no end of line within " + std::to_string(most) + " bytes");
        const std::size_t count = co_await s.read_or_explain(buffer);
        if (count == 0) {
            if (s.text.empty())
                co_return std::nullopt;
            co_return std::exchange(s.text, {});
        }
        s.text.append(reinterpret_cast<const char*>(buffer), count);
    }
    std::string line = s.text.substr(0, end);
    s.text.erase(0, end + 1);
    if (line.ends_with('\r'))
        line.pop_back();
    co_return line;
}

task<reply> incoming::read_reply(std::uint64_t most) {
    reply whole;
    if (!take_reply(whole, most))
        co_await rest_of_reply(whole, most);
    state_->url = whole.url;
    co_return whole;
}

/// All of it if nothing has to be waited for: then true, and what need not be copied is gone from here.
bool incoming::take_reply(reply& to, std::uint64_t most) {
    state& s = *state_;
    to.status = status();
    to.reason = reason();
    to.version = version();
    to.fields = fields();
    to.elapsed = s.elapsed;
    to.body = std::exchange(s.text, {});
    try {
        if (!s.take_all(to.body, most))
            return false;
    } catch (const std::system_error&) {
        detail::rethrow_as_request_error(request_error::stage::exchange, s.method, s.url);
    }
    end_reply(to);
    return true;
}

/// Awaitable: what take_reply() has left.
task<> incoming::rest_of_reply(reply& to, std::uint64_t most) {
    state& s = *state_;
    try {
        co_await s.append_all(to.body, most);
    } catch (const std::system_error&) {
        detail::rethrow_as_request_error(request_error::stage::exchange, s.method, s.url);
    }
    end_reply(to);
}

void incoming::end_reply(reply& to) {
    to.url = std::move(state_->url);
    to.trailers = trailers();
    to.history = std::move(state_->history);
}

// --- the body ----------------------------------------------------------------------------------------

task<std::size_t> incoming::state::read(std::span<std::byte> into) {
    for (;;) {
        std::size_t count = 0;
        if (undo) {
            count = undo->read(piece, into);
        } else {
            count = std::min(into.size(), piece.size());
            if (count > 0)
                std::memcpy(into.data(), piece.data(), count);
            piece.remove_prefix(count);
        }
        if (count > 0 || ended || into.empty())
            co_return count;
        piece = co_await lease->next_piece();
        ended = piece.empty();
        if (ended && undo)
            undo->finish();
    }
}

task<std::size_t> incoming::state::read_or_explain(std::span<std::byte> into) {
    try {
        co_return co_await read(into);
    } catch (const std::system_error&) {
        detail::rethrow_as_request_error(request_error::stage::exchange, method, url);
    }
}

/// Without a wait, if all of it has come and it is as it came.
bool incoming::state::take_all(std::string& to, std::uint64_t most_now) {
    if (undo || !piece.empty() || to.size() > most_now)
        return false;
    ended = lease->take_all(to, most_now);
    return ended;
}

task<> incoming::state::append_all(std::string& to, std::uint64_t most_now) {
    const auto too_large = [&] {
        return protocol_error(errc::body_too_large,
                              "http response, body after " + std::to_string(to.size()) + " bytes");
    };
    if (to.size() > most_now)
        throw too_large();
    if (!undo) {
        if (piece.size() > most_now - to.size())
            throw too_large();
        to += std::exchange(piece, {});
        co_await lease->read_all(to, most_now);
        ended = true;
        co_return;
    }
    std::vector<std::byte> buffer(64 * 1024);
    for (std::size_t since = 0;;) {
        const std::size_t count = co_await read(buffer);
        if (count == 0)
            co_return;
        if (count > most_now - to.size())
            throw too_large();
        to.append(reinterpret_cast<const char*>(buffer.data()), count);
        if ((since += count) >= long_enough) {
            since = 0;
            co_await yield();
        }
    }
}

}  // namespace ringlet::http

#include <ringlet/net/http_request.hpp>

#include <ringlet/core/timeout.hpp>
#include <ringlet/net/http_exchange_private.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace ringlet::http {

namespace detail {

task<bool> exchange::next_piece() {
    piece_ = {};
    if (body_failed_)
        throw std::system_error(std::make_error_code(std::errc::io_error),
                                "read the body of " + name_of_request() + ": it has failed before");
    if (over_ != nullptr)
        co_return co_await next_stream_piece();
    while (!body_over_) {
        const step found = reader_.next();
        switch (found.kind) {
            case http::event::body:
                piece_ = found.body_piece;
                body_taken_ += piece_.size();
                continued_ = true;
                co_return true;
            case http::event::done: body_over_ = true; break;
            case http::event::failed: refuse_body(reader_.parser().error(), reader_.parser().error_text()); break;
            default:
                if (!continued_ && !writer_.begun())
                    out_.append("HTTP/1.1 100 Continue\r\n\r\n");
                continued_ = true;
                co_await flush();  // whoever waits for an answer before sending more
                co_await read_body_bytes();
        }
    }
    co_return false;
}

task<> exchange::read_body_bytes() {
    std::size_t count = 0;
    const time_point start = loop::current().now();
    const duration patience = body_patience();
    try {
        count = co_await read_more(after(start, patience), "read the body of a request", patience);
    } catch (const timeout_error&) {
        body_failed_ = last_ = true;
        refusal_ = 408;
        throw;
    } catch (const std::system_error&) {
        body_failed_ = last_ = true;
        throw;
    }
    body_waited_ += loop::current().now() - start;
    if (count == 0) {
        const step end = reader_.parser().try_finish();
        if (end.kind == http::event::failed)
            refuse_body(reader_.parser().error(), reader_.parser().error_text());
    }
}

/// How long to wait for the next bytes of a body.
duration exchange::body_patience() const {
    if (options_.least_rate == 0)
        return options_.body;
    const auto earned = std::chrono::seconds(std::min<std::uint64_t>(body_taken_ / options_.least_rate, 1'000'000));
    return any_duration(options_.body - any_duration(body_waited_ - earned));
}

void exchange::refuse_body(errc e, const std::string& where) {
    body_failed_ = last_ = true;
    refusal_ = answer_status(e);
    throw protocol_error(e, where);
}

}  // namespace detail

const message_head& request::head() const { return exchange_.head(); }
std::string request::peer() const { return exchange_.stream().name(); }
const handler& request::route_answer() const { return *exchange_.match().answer; }
std::string_view request::allowed() const { return exchange_.match().allowed; }
const http::parameters& request::parameters() const { return exchange_.match().parameters; }

std::string request::parameter(std::string_view name) const {
    const auto value = parameters().get(name);
    if (!value)
        throw std::out_of_range("http route: it has no {" + std::string(name) + "}");
    return percent_decode(*value);
}

ringlet::event::awaiter request::stopped() const { return exchange_.stop_asked().wait(); }
const http::fields& request::trailers() const { return exchange_.parser().trailers(); }

std::string_view request::path() const {
    std::string_view path = target();
    if (!path.empty() && path.front() != '/') {
        // RFC 9112 section 3.2.2: a proxy's form, which servers must take too.
        const auto authority = path.find("://");
        if (authority == path.npos)
            return path;  // "*", or the authority of a CONNECT
        const auto start = path.find_first_of("/?", authority + 3);
        path = start == path.npos || path[start] == '?' ? "/" : path.substr(start);
    }
    return path.substr(0, path.find('?'));
}

std::string_view request::query() const {
    const std::string_view all = target();
    const auto mark = all.find('?');
    return mark == all.npos ? std::string_view() : all.substr(mark + 1);
}

task<std::size_t> request::read(std::span<std::byte> into) {
    std::string_view& piece = exchange_.piece();
    if (piece.empty() && !co_await exchange_.next_piece())
        co_return 0;
    const std::size_t count = std::min(into.size(), piece.size());
    if (count > 0)
        std::memcpy(into.data(), piece.data(), count);
    piece.remove_prefix(count);
    co_return count;
}

task<std::string> request::read_all(std::uint64_t most) {
    std::string all;
    const std::uint64_t announced = head().content_length().value_or(0);
    if (announced <= most)
        all.reserve(static_cast<std::size_t>(announced));  // the parser has refused more than its limit
    do {
        const std::string_view piece = std::exchange(exchange_.piece(), {});
        if (announced > most || piece.size() > most - all.size())
            exchange_.refuse_body(errc::body_too_large, "http request, body");
        all.append(piece);
    } while (co_await exchange_.next_piece());
    co_return all;
}

}  // namespace ringlet::http

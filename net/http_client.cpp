#include <ringlet/net/http_client.hpp>

#include <ringlet/core/hub.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/connect.hpp>
#include <ringlet/net/http_idle_private.hpp>
#include <ringlet/net/http_writer.hpp>
#include <ringlet/net/tcp.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace ringlet::http {

namespace detail {

std::unique_ptr<connection> idle_connections::take(const std::string& origin) {
    const auto found = by_origin_.find(origin);
    if (found == by_origin_.end())
        return nullptr;
    std::unique_ptr<connection> c;
    std::vector<entry>& entries = found->second;
    if (loop::current().now() - entries.back().since <= idle_) {
        c = std::move(entries.back().idle);
        entries.pop_back();
        --size_;
    } else {
        size_ -= entries.size();  // the others have waited even longer
        entries.clear();
    }
    if (entries.empty())
        by_origin_.erase(found);
    return c;
}

void idle_connections::put(const std::string& origin, std::unique_ptr<connection> c) {
    if (!c->reusable() || size_ >= in_all_)
        return;
    std::vector<entry>& entries = by_origin_[origin];
    if (entries.size() < per_origin_) {
        entries.push_back({std::move(c), loop::current().now()});
        ++size_;
    }
}

}  // namespace detail

namespace {

using stage = request_error::stage;

/// The deadline of connecting is the client's own.
task<io::any_stream> connect_by_tcp(const net::url& to) {
    if (const auto address = net::address::try_ip(to.host(), to.port()))
        co_return io::any_stream(co_await net::tcp_stream::connect(*address));
    co_return io::any_stream(
        co_await net::connect(std::string(to.host()), to.port(), net::connect_options().timeout(duration::max())));
}

/// Throws request_error for what is no url, or one of a scheme that is not spoken here.
net::url parse(std::string_view method, std::string_view text) {
    std::string reason;
    auto url = net::url::try_parse(text, &reason);
    if (!url)
        throw request_error(stage::url, method, text, std::make_error_code(std::errc::invalid_argument), reason);
    if (url->is_secure())
        throw request_error(stage::url, method, text, std::make_error_code(std::errc::protocol_not_supported),
                            "TLS is not built in yet, only http urls can be fetched");
    if (url->scheme() != "http")
        throw request_error(stage::url, method, text, std::make_error_code(std::errc::protocol_not_supported),
                            "scheme '" + std::string(url->scheme()) + "' is not http");
    return *std::move(url);
}

/// In a handler for std::system_error: the same as an error of this request.
[[noreturn]] void rethrow_as_request_error(stage at, std::string_view method, std::string_view url) {
    try {
        throw;
    } catch (const request_error&) {
        throw;
    } catch (const std::system_error& e) {
        throw request_error(at, method, url, e.code(), e.what());
    }
}

/// The lines that every request gets unless it has its own.
std::string usual_fields(const fields& f, const std::string& user_agent) {
    std::string lines;
    if (!f.contains("accept"))
        lines += "Accept: */*\r\n";
    if (!user_agent.empty() && !f.contains("user-agent"))
        lines.append("User-Agent: ").append(user_agent).append("\r\n");
    return lines;
}

}  // namespace

// --- the client --------------------------------------------------------------------------------------

client::client(const client_options& options)
    : options_(options), idle_(std::make_shared<detail::idle_connections>(
                             options.idle_per_origin, options.idle_in_all, options.idle)) {
    fields().add("User-Agent", options_.user_agent);  // throws when it is no sound value
    if (!options_.connect)
        options_.connect = &connect_by_tcp;
}

client::~client() = default;

std::size_t client::idle() const noexcept { return idle_->size(); }
void client::close_idle() noexcept { idle_->clear(); }

task<response> client::fetch(std::string method, std::string url, request_options options) {
    const net::url to = parse(method, url);
    try {
        std::unique_ptr<connection> c =
            co_await exchange(to, method, options, options.timeouts.value_or(options_.timeouts));
        response whole;
        whole.status = c->head().status();
        whole.reason = c->head().reason();
        whole.fields = c->head().fields();
        whole.body = co_await c->read_all();
        whole.trailers = c->trailers();
        idle_->put(to.origin(), std::move(c));
        co_return whole;
    } catch (const std::system_error&) {
        rethrow_as_request_error(stage::exchange, method, url);
    }
}

task<incoming> client::open(std::string method, std::string url, request_options options) {
    const net::url to = parse(method, url);
    try {
        std::unique_ptr<connection> c =
            co_await exchange(to, method, options, options.timeouts.value_or(options_.timeouts));
        co_return incoming(idle_, to.origin(), std::move(c), method, url);
    } catch (const std::system_error&) {
        rethrow_as_request_error(stage::exchange, method, url);
    }
}

/// Awaitable: the connection on which the head of the response has come.
task<std::unique_ptr<connection>> client::exchange(const net::url& to, const std::string& method,
                                                   const request_options& options, const timeouts& limits) {
    const time_point until = after(loop::current().now(), limits.total);
    std::string head;
    try {
        const body_size size = options.body.empty() ? body_size::none() : body_size::exactly(options.body.size());
        append_request(head, method, to.target(), to.authority(), options.fields, size,
                       usual_fields(options.fields, options_.user_agent));
    } catch (const std::invalid_argument& e) {
        throw request_error(stage::url, method, to.to_string(), std::make_error_code(std::errc::invalid_argument), e.what());
    }

    const bool harmless = is_idempotent(method);
    std::unique_ptr<connection> c = idle_->take(to.origin());
    // What must not be sent twice goes only where somebody surely listens.
    if (c && !harmless && !co_await c->quiet())
        c.reset();
    for (bool reused = c != nullptr;; reused = false) {
        if (!reused)
            c = co_await connect(to, method, limits, until);
        c->set_timeouts(limits, until);
        std::exception_ptr failure;
        bool timed_out = false;
        try {
            co_await c->send(method, head, options.body);
        } catch (const timeout_error&) {
            throw;
        } catch (const std::system_error&) {
            failure = std::current_exception();  // the server may have answered before it closed
        }
        try {
            co_await c->read_head();
            co_return c;
        } catch (const timeout_error&) {
            timed_out = true;
            failure = failure ? failure : std::current_exception();
        } catch (const std::system_error&) {
            failure = failure ? failure : std::current_exception();
        }
        if (!reused || !harmless || timed_out || c->answered())
            std::rethrow_exception(failure);
    }
}

task<std::unique_ptr<connection>> client::connect(const net::url& to, const std::string& method,
                                                  const timeouts& limits, time_point until) {
    const time_point in_time = after(loop::current().now(), limits.connect);
    try {
        deadline limit(std::min(in_time, until));
        try {
            io::any_stream stream = co_await options_.connect(to);
            co_return std::make_unique<connection>(std::move(stream), options_.limits);
        } catch (const canceled&) {
            if (!limit.ends_here())
                throw;
            throw timeout_error("connect " + std::string(to.host()) + ":" + std::to_string(to.port()),
                                until < in_time ? limits.total : limits.connect);
        }
    } catch (const std::system_error&) {
        rethrow_as_request_error(stage::connect, method, to.to_string());
    }
}

client& shared_client() {
    struct service {
        service() : shared(options()) {}
        static client_options options() {
            client_options o;
            o.idle_per_origin = 1024;
            o.idle_in_all = 4096;
            return o;
        }
        client shared;
    };
    return hub().service<service>().shared;
}

// --- a response that is still coming -----------------------------------------------------------------

incoming::incoming(std::shared_ptr<detail::idle_connections> home, std::string origin,
                   std::unique_ptr<connection> c, std::string_view method, std::string_view url)
    : home_(std::move(home)), origin_(std::move(origin)), connection_(std::move(c)), method_(method), url_(url) {}

incoming::incoming(incoming&&) noexcept = default;

incoming::~incoming() {
    if (connection_ && connection_->reusable())
        home_->put(origin_, std::move(connection_));
}

task<std::size_t> incoming::read(std::span<std::byte> into) {
    try {
        if (piece_.empty())
            piece_ = co_await connection_->next_piece();
    } catch (const std::system_error&) {
        rethrow_as_request_error(stage::exchange, method_, url_);
    }
    const std::size_t count = std::min(into.size(), piece_.size());
    if (count > 0)
        std::memcpy(into.data(), piece_.data(), count);
    piece_.remove_prefix(count);
    co_return count;
}

task<std::string> incoming::read_all(std::uint64_t most) {
    try {
        std::string all(std::exchange(piece_, {}));
        all += co_await connection_->read_all(most - std::min<std::uint64_t>(most, all.size()));
        co_return all;
    } catch (const std::system_error&) {
        rethrow_as_request_error(stage::exchange, method_, url_);
    }
}

}  // namespace ringlet::http

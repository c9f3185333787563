#pragma once
// Server-sent events: news for a page as they happen, over one answer that does not end (WHATWG HTML,
// section 9.2, "Server-sent events"). A browser reads it with EventSource and comes back by itself.
//
//     server.get("/news", [](http::request& asked, http::response_writer& out) -> task<> {
//         http::event_stream page(asked, out);
//         for (int n = 1;; ++n) {
//             co_await page.send(http::server_event("number " + std::to_string(n)));
//             co_await sleep_for(1s);
//         }
//     });

#include <ringlet/core/task.hpp>
#include <ringlet/core/time.hpp>
#include <ringlet/net/http_request.hpp>
#include <ringlet/net/http_response_writer.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ringlet::http {

class server_event {
public:
    explicit server_event(std::string data) : data_(std::move(data)) {}
    /// What the page listens for; without, "message".
    server_event& name(std::string text) & {
        name_ = std::move(text);
        return *this;
    }
    server_event&& name(std::string text) && { return std::move(name(std::move(text))); }
    /// What the page says it has seen, when it comes back; "" makes it forget.
    server_event& id(std::string text) & {
        id_ = std::move(text);
        return *this;
    }
    server_event&& id(std::string text) && { return std::move(id(std::move(text))); }
    /// How long the page is to wait before it comes back.
    server_event& retry(any_duration d) & {
        retry_ = d;
        return *this;
    }
    server_event&& retry(any_duration d) && { return std::move(retry(d)); }

    /// Its lines, with the empty one at the end. Throws std::invalid_argument when a name or an id would
    /// break out of its line.
    std::string text() const;

private:
    std::string data_, name_;
    std::optional<std::string> id_;
    std::optional<duration> retry_;
};

class event_stream {
public:
    /// Sets the fields of the answer; the head leaves with the first event.
    event_stream(request& asked, response_writer& out);

    /// The id of the last event that this page has seen, from a connection before; empty: none.
    std::string last_id() const;

    /// Awaitable: done when the peer's side has taken it. Throws when the page is gone.
    task<> send(const server_event& e);

    /// Awaitable: a line that pages ignore. One every 15 seconds or so keeps proxies from closing, and
    /// finds out who is gone.
    task<> keep_alive();

private:
    request& asked_;
    response_writer& out_;
};

}  // namespace ringlet::http

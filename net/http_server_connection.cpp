// A connection of a server: what comes before and after its requests.

#include <ringlet/net/http_server_private.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <ringlet/core/loop.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/core/timeout.hpp>

namespace ringlet::http::detail {
namespace {

constexpr std::string_view http2_sign = http2_preface.substr(0, 16);  // nothing else begins with that line

/// Whether that is how HTTP/2 begins, as far as it has come. Of a "P" alone nobody knows whether it will be a "PUT".
bool could_begin_http2(std::string_view text) noexcept {
    return http2_sign.starts_with(text.substr(0, http2_sign.size()));
}

}  // namespace

server_connection::server_connection(place& where)
    : place_(where), limit_(after(loop::current().now(), where.core().options.idle)), silent_(is_plain()) {
    place_.core().enter(*this);
}

server_connection::~server_connection() {
    give_back();
    place_.core().leave(*this);
}

void server_connection::give_back() noexcept {
    if (busy_)
        place_.core().give_back(std::move(busy_));
}

/// The next request, or the end: handed over as it comes, since a frame would keep a place for what is awaited.
class server_connection::arrival {
public:
    explicit arrival(server_connection& self) : self_(self), coming_(self.place_.stream.receive(first_size)) {}
    bool await_ready() { return coming_.await_ready(); }
    bool await_suspend(std::coroutine_handle<> h) { return coming_.await_suspend(h); }
    void await_resume() {
        try {
            self_.hear(coming_.await_resume());
        } catch (const canceled&) {
            if (!self_.limit_.ends_here())
                throw;
            self_.stage_ = stage::over;
        }
    }

private:
    server_connection& self_;
    io::any_stream::receiving coming_;
};

// An idle connection has this for a frame, so it awaits in two places only: g++ 12 keeps room for each.
task<> server_connection::serve(place where) {
    server_connection self(where);
    try {
        while (self.stage_ != stage::closed) {
            co_await self.go_on();
            if (self.stage_ == stage::waiting)
                co_await arrival(self);
        }
    } catch (const std::system_error&) {
        // The peer is gone, or does not take what it asked for. It knows, and nobody else can act on it.
    }
    where.stream.close();
}

void server_connection::hear(const io::received& first) {
    stage_ = first.empty() ? stage::over : stage::asked;
    if (first.empty())
        return;
    busy_ = place_.core().borrow(place_.stream);
    busy_->put(first.bytes());
}

task<> server_connection::go_on() {
    if (stage_ == stage::fresh)
        return begin();
    if (stage_ == stage::over)
        return say_goodbye();
    if (!std::exchange(knows_protocol_, true) && could_begin_http2(busy_->unread()) && may_be_http2())
        return answer_either();
    return answer();
}

task<> server_connection::answer() {
    server_core& core = place_.core();
    const time_point idle_until = limit_.when();
    if (!co_await busy_->answer(limit_)) {
        silent_ = silent_ || busy_->broken();
        give_back();
        stage_ = stage::over;
        co_return;
    }
    const bool asked = busy_->was_asked();
    std::string answers = core.take_text(busy_->out());
    give_back();
    limit_.restart(after(loop::current().now(), core.options.write));
    try {
        co_await place_.stream.write_all(io::bytes_of(answers));
    } catch (const canceled&) {
        if (!limit_.ends_here())
            throw;
        throw timeout_error("write to " + place_.stream.name(), core.options.write);
    }
    core.give_back(std::move(answers));
    // An empty line now and then is not enough to stay.
    limit_.restart(asked ? after(loop::current().now(), core.options.idle) : idle_until);
    stage_ = core.stopping() ? stage::over : stage::waiting;
}

std::vector<std::string> protocols_of_servers() {
    return has_http2() ? std::vector<std::string>{"h2", "http/1.1"} : std::vector<std::string>{"http/1.1"};
}

void server_connection::report_busy() {
    const auto tell = [](exchange& e) {
        report("http server: " + e.name_of_request() + ": cut short, because the server stops");
    };
    if (busy_ != nullptr)
        tell(*busy_);
    if (many_ != nullptr)
        many_->streams.for_each([&](stream_answer& each) { tell(*each.work); });
}

/// In the clear it must be wanted; whoever encrypts has agreed on what is spoken.
bool server_connection::may_be_http2() const noexcept {
    return has_http2() && (!is_plain() || place_.core().options.http2_in_clear);
}

task<> server_connection::answer_either() {
    std::string first(busy_->unread());
    const time_point idle_until = limit_.when();
    limit_.restart(after(loop::current().now(), place_.core().options.head));
    const bool many = co_await begins_http2(first);
    limit_.restart(many ? never : idle_until);
    if (many) {
        give_back();
        silent_ = true;  // it has a goodbye of its own
        co_await answer_many(first);
        stage_ = stage::over;
    } else {
        busy_->put(io::bytes_of(first));
        co_await answer();
    }
}

task<bool> server_connection::begins_http2(std::string& first) {
    for (;;) {
        if (!could_begin_http2(first))
            co_return false;
        if (first.size() >= http2_sign.size())
            co_return true;
        char next[16];
        std::size_t more = 0;
        try {
            more = co_await place_.stream.read(std::as_writable_bytes(std::span(next)));
        } catch (const canceled&) {
            if (!limit_.ends_here())
                throw;
        }
        if (more == 0)
            co_return false;  // the parser says what is wrong
        first.append(next, more);
    }
}

task<> server_connection::begin() {
    stage_ = stage::waiting;
    bool open = true;
    if (const connection_wrapper& secure = place_.of().secure; secure && !place_.core().stopping()) {
        limit_.restart(after(loop::current().now(), place_.core().options.head));
        try {
            auto wrapping = secure(std::move(place_.stream));
            place_.stream = co_await std::move(wrapping);
        } catch (const canceled&) {
            if (!limit_.ends_here())
                throw;
            open = false;
            silent_ = true;
        }
        limit_.restart(after(loop::current().now(), place_.core().options.idle));
    }
    stage_ = open && !place_.core().stopping() ? stage::waiting : stage::over;
}

/// An encrypted stream that just ends could have been cut by anybody.
task<> server_connection::say_goodbye() {
    stage_ = stage::closed;
    if (silent_)
        co_return;
    limit_.restart(after(loop::current().now(), place_.core().options.linger));
    try {
        co_await place_.stream.shutdown();
    } catch (const canceled&) {
        if (!limit_.ends_here())
            throw;
    }
}

}  // namespace ringlet::http::detail

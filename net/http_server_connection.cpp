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

server_connection::server_connection(server_core& core, io::any_stream& stream,
                                     const connection_wrapper* secure) noexcept
    : core_(core), stream_(stream), secure_(secure), greenlet_(loop::current().running()) {
    core_.enter(*this);
}

server_connection::~server_connection() { core_.leave(*this); }

/// An exchange while there are requests to answer.
class server_connection::lease {
public:
    explicit lease(server_connection& self) : self_(self), borrowed_(self.core_.borrow(self.stream_)) {
        self.busy_ = borrowed_.get();
    }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    ~lease() {
        self_.busy_ = nullptr;
        self_.core_.give_back(std::move(borrowed_));
    }

private:
    server_connection& self_;
    std::unique_ptr<exchange> borrowed_;
};

/// As long as it lives the connection may be closed.
class server_connection::idle_time {
public:
    idle_time(server_connection& self, time_point until) : self_(self) {
        self.limit_.restart(until);
        self.idle_ = &self.limit_;
    }
    idle_time(const idle_time&) = delete;
    idle_time& operator=(const idle_time&) = delete;
    ~idle_time() { self_.idle_ = nullptr; }

private:
    server_connection& self_;
};

task<> server_connection::serve(place where, io::any_stream stream, shared_wrapper secure) {
    server_connection self(where.core(), stream, secure.get());
    try {
        bool open = self.is_plain() || secure == nullptr || co_await self.wrap();
        self.silent_ = self.is_plain() || !open;
        while (open && !self.core_.stopping()) {
            if (self.asked_)
                self.idle_until_ = after(loop::current().now(), self.core_.options.idle);
            std::size_t count = 0;
            try {
                const idle_time now(self, self.idle_until_);
                count = co_await stream.read(self.first_);
            } catch (const canceled&) {
                if (!self.limit_.ends_here())
                    throw;
            }
            open = count > 0 && co_await self.answer(count);
        }
        if (!self.silent_)
            co_await self.say_goodbye();
    } catch (const std::system_error&) {
        // The peer is gone, or does not take what it asked for. It knows, and nobody else can act on it.
    }
    stream.close();
}

task<bool> server_connection::answer(std::size_t count) {
    if (fresh_ && first_[0] == std::byte('P') && may_be_http2() && co_await begins_http2(count)) {
        limit_.restart(never);
        silent_ = true;  // it has a goodbye of its own
        co_await answer_many(count);
        co_return false;
    }
    fresh_ = false;
    std::string answers;
    {
        const lease work(*this);
        if (!co_await busy_->answer(std::span(first_).first(count), count == first_size, limit_)) {
            silent_ = silent_ || busy_->broken();
            co_return false;
        }
        asked_ = busy_->was_asked();
        answers = core_.take_text(busy_->out());
    }
    limit_.restart(after(loop::current().now(), core_.options.write));
    try {
        co_await stream_.write_all(io::bytes_of(answers));
    } catch (const canceled&) {
        if (!limit_.ends_here())
            throw;
        throw timeout_error("write to " + stream_.name(), core_.options.write);
    }
    core_.give_back(std::move(answers));
    co_return true;
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
    busy_streams_.for_each([&](stream_answer& each) { tell(*each.work); });
}

/// In the clear it must be wanted; whoever encrypts has agreed on what is spoken.
bool server_connection::may_be_http2() const noexcept {
    return has_http2() && (!is_plain() || core_.options.http2_in_clear);
}

task<bool> server_connection::begins_http2(std::size_t& count) {
    const std::string_view sign = http2_preface.substr(0, 16);  // nothing else begins with that line
    limit_.restart(after(loop::current().now(), core_.options.head));
    for (;;) {
        const std::string_view so_far(reinterpret_cast<const char*>(first_), std::min(count, sign.size()));
        if (!sign.starts_with(so_far))
            co_return false;
        if (so_far.size() == sign.size())
            co_return true;
        std::size_t more = 0;
        try {
            more = co_await stream_.read(std::span(first_).subspan(count));
        } catch (const canceled&) {
            if (!limit_.ends_here())
                throw;
        }
        if (more == 0)
            co_return false;  // the parser says what is wrong
        count += more;
    }
}

task<bool> server_connection::wrap() {
    try {
        const idle_time now(*this, after(loop::current().now(), core_.options.head));
        auto wrapping = (*secure_)(std::move(stream_));
        stream_ = co_await std::move(wrapping);
        co_return true;
    } catch (const canceled&) {
        if (!limit_.ends_here())
            throw;
    }
    co_return false;
}

/// An encrypted stream that just ends could have been cut by anybody.
task<> server_connection::say_goodbye() {
    limit_.restart(after(loop::current().now(), core_.options.linger));
    try {
        co_await stream_.shutdown();
    } catch (const canceled&) {
        if (!limit_.ends_here())
            throw;
    }
}

}  // namespace ringlet::http::detail

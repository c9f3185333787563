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

task<> server_connection::run() {
    deadline limit(never);  // of what is done at the moment
    try {
        const bool plain = secure_ != nullptr && !*secure_;
        const bool ready = plain || secure_ == nullptr || co_await wrap(limit);
        bool fresh = true, cut_short = false, asked = true;
        time_point idle_until = never;
        while (ready && !core_.stopping()) {
            if (asked)  // an empty line now and then is not enough
                idle_until = after(loop::current().now(), core_.options.idle);
            limit.restart(idle_until);
            std::size_t count = 0;
            idle_ = &limit;
            try {
                count = co_await stream_.read(first_);
            } catch (const canceled&) {
                if (!limit.ends_here())
                    throw;
            }
            idle_ = nullptr;
            if (count == 0)
                break;
            if (fresh && first_[0] == std::byte('P') && may_be_http2() && co_await begins_http2(count, limit)) {
                limit.restart(never);
                co_await answer_many(count);
                co_return;
            }
            fresh = false;
            std::string answers;
            {
                const lease work(*this);
                if (!co_await busy_->answer(std::span(first_).first(count), limit)) {
                    cut_short = busy_->broken();
                    break;
                }
                asked = busy_->was_asked();
                answers = core_.take_text(busy_->out());
            }
            limit.restart(after(loop::current().now(), core_.options.write));
            try {
                co_await stream_.write_all(io::bytes_of(answers));
            } catch (const canceled&) {
                if (!limit.ends_here())
                    throw;
                throw timeout_error("write to " + stream_.name(), core_.options.write);
            }
            core_.give_back(std::move(answers));
        }
        // Whose answer broke off must not take it for whole, so that nobody says it ended.
        if (ready && !plain && !cut_short)
            co_await say_goodbye(limit);
    } catch (const std::system_error&) {
        // The peer is gone, or does not take what it asked for. It knows, and nobody else can act on it.
    }
    stream_.close();
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
    const bool plain = secure_ != nullptr && !*secure_;
    return has_http2() && (!plain || core_.options.http2_in_clear);
}

task<bool> server_connection::begins_http2(std::size_t& count, deadline& limit) {
    const std::string_view sign = http2_preface.substr(0, 16);  // nothing else begins with that line
    limit.restart(after(loop::current().now(), core_.options.head));
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
            if (!limit.ends_here())
                throw;
        }
        if (more == 0)
            co_return false;  // the parser says what is wrong
        count += more;
    }
}

/// Awaitable: false when it took too long, or the server stops.
task<bool> server_connection::wrap(deadline& limit) {
    limit.restart(after(loop::current().now(), core_.options.head));
    idle_ = &limit;
    bool done = false;
    try {
        auto wrapping = (*secure_)(std::move(stream_));
        stream_ = co_await std::move(wrapping);
        done = true;
    } catch (const canceled&) {
        idle_ = nullptr;
        if (!limit.ends_here())
            throw;
    } catch (...) {
        idle_ = nullptr;
        throw;
    }
    idle_ = nullptr;
    co_return done;
}

/// Awaitable: an encrypted stream that just ends could have been cut by anybody.
task<> server_connection::say_goodbye(deadline& limit) {
    limit.restart(after(loop::current().now(), core_.options.linger));
    try {
        co_await stream_.shutdown();
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
    }
}

}  // namespace ringlet::http::detail

// A server's connection that speaks HTTP/2: one greenlet reads, each request has one that answers it.
#include <ringlet/net/http2_session_private.hpp>
#include <ringlet/net/http_server_private.hpp>

#include <ringlet/core/group.hpp>
#include <ringlet/core/scope.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace ringlet::http::detail {
namespace {

// What is read and dropped of a connection that has ended here, so that the peer hears why.
constexpr std::size_t most_lingering = 1024 * 1024;

class serving {
public:
    serving(server_core& core, io::any_stream stream, bool secure, many_answers& busy)
        : core_(core),
          busy_(busy),
          session_(std::make_shared<http2_session>(
              std::move(stream),
              http2_limits{core.options.limits, core.options.streams, core.options.window, core.options.write}, true,
              secure)),
          last_over_(loop::current().now()) {}
    serving(const serving&) = delete;
    serving& operator=(const serving&) = delete;
    ~serving() {
        session_->on_request = nullptr;
        session_->on_closed = nullptr;
        session_->close();
    }

    /// Awaitable: until the connection has ended. Gives the stream back, for a goodbye below HTTP.
    task<> run(std::span<const std::byte> first) {
        const auto body = [&](group& g) -> task<> {
            session_->on_request = [&](std::unique_ptr<session_stream> s) { begin(g, std::move(s)); };
            session_->on_closed = [&](const session_stream& s) { closed(s); };
            std::uint32_t code = NGHTTP2_NO_ERROR;
            try {
                session_->greet();
                session_->take(first);
                co_await read_all();
            } catch (const http2_error& e) {
                code = e.wire_code();
            }
            session_->say_goodbye(code);
            co_await session_->sent();
            session_->fail(std::make_exception_ptr(
                http2_error(std::errc::connection_reset, code, session_->act() + ": the connection ended")));
        };
        co_await with_group(body);
        co_await linger();
    }

private:
    void begin(group& g, std::unique_ptr<session_stream> s) {
        // Who resets what it has asked for has no more work done at a time than who does not.
        if (std::max(running_.size(), started_) >= 2 * core_.options.streams) {
            s->refuse();
            return;
        }
        const std::int32_t id = s->id();
        running_.insert_or_assign(id,
                                  g.spawn(&serving::answer_one, this, std::shared_ptr<session_stream>(std::move(s))));
    }

    /// The peer has given a request up, or is gone.
    void closed(const session_stream& s) {
        const auto at = running_.find(s.id());
        if (at == running_.end() || !s.aborted())
            return;
        at->second.kill();  // one that has not begun never will
        running_.erase(at);
        last_over_ = loop::current().now();
        look_again();
    }

    bool none() const noexcept { return running_.empty() && started_ == 0; }

    task<> answer_one(std::shared_ptr<session_stream> s) {
        struct at_end {
            serving& self;
            std::int32_t id;
            ~at_end() {
                --self.started_;
                self.running_.erase(id);
                self.last_over_ = loop::current().now();
                self.look_again();
            }
        } const leaving{*this, s->id()};
        ++started_;
        stream_answer one(core_, session_->stream());
        busy_.streams.push_back(one);
        co_await one.work->answer(*s);
    }

    /// The one who reads waits for something else from now on, or no longer.
    void look_again() noexcept {
        if (busy_.waiting == nullptr || !none() || reading_->cancelled())
            return;
        if (stopped_)
            reading_->cancel();
        else
            reading_->restart(patience());
    }

    task<> read_all() {
        deadline limit(never);
        reading_ = &limit;
        while (!session_->over()) {
            if (core_.stopping())
                stop();
            if (stopped_ && none())
                co_return;
            limit.restart(patience());
            busy_.waiting = &limit;
            bool more = true, quiet = false;
            try {
                more = co_await session_->read_once();
            } catch (const canceled&) {
                busy_.waiting = nullptr;
                if (!limit.ends_here())
                    throw;
                quiet = true;
            } catch (...) {
                busy_.waiting = nullptr;
                throw;
            }
            busy_.waiting = nullptr;
            if (!more || (quiet && late()))
                co_return;
        }
    }

    /// When the peer must have said something.
    time_point patience() const noexcept {
        time_point until = never;
        if (session_->head_since() != never)
            until = after(session_->head_since(), core_.options.head);
        else if (none())
            until = after(last_over_, core_.options.idle);
        return stopping_ && !stopped_ ? std::min(until, stop_until_) : until;
    }

    bool late() const noexcept {
        const time_point now = loop::current().now();
        if (session_->head_since() != never)
            return now >= after(session_->head_since(), core_.options.head);
        return none() && now >= after(last_over_, core_.options.idle);
    }

    /// The server ends: what is on its way here is still answered, what comes later is refused.
    void stop() {
        const time_point now = loop::current().now();
        if (!std::exchange(stopping_, true)) {
            stop_until_ = after(now, core_.options.linger);
            session_->begin_to_stop();
        } else if (!stopped_ && (session_->stop_heard() || now >= stop_until_)) {
            stopped_ = true;
            session_->stop_taking();
        }
    }

    /// Awaitable: closing with unread bytes would reset the connection, and the goodbye be lost.
    task<> linger() {
        deadline limit(after(loop::current().now(), core_.options.linger));
        std::vector<std::byte> dropped(16 * 1024);
        try {
            co_await session_->stream().shutdown();
            std::size_t count = 1;
            for (std::size_t all = 0; count > 0 && all < most_lingering; all += count)
                count = co_await session_->stream().read(dropped);
        } catch (const canceled&) {
            if (!limit.ends_here())
                throw;
        } catch (const std::system_error&) {}
    }

    server_core& core_;
    many_answers& busy_;
    deadline* reading_ = nullptr;  // the time that he has
    std::shared_ptr<http2_session> session_;
    std::unordered_map<std::int32_t, greenlet<>> running_;
    std::size_t started_ = 0;  // of them, or killed and not yet gone
    time_point last_over_;
    time_point stop_until_{};
    bool stopping_ = false, stopped_ = false;
};

}  // namespace

task<> server_connection::answer_many(std::string_view first) {
    struct noted : many_answers {
        server_connection& self;
        explicit noted(server_connection& s) noexcept : self(s) { s.many_ = this; }
        ~noted() { self.many_ = nullptr; }
    } busy(*this);
    serving all(place_.core(), std::move(place_.stream), !is_plain(), busy);
    co_await all.run(io::bytes_of(first));
}

}  // namespace ringlet::http::detail

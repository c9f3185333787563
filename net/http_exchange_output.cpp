// How answers leave: in the order in which they were made, several at once where possible, each write in
// its time; and how a connection ends so that the last one arrives.

#include <ringlet/net/http_exchange_private.hpp>

#include <ringlet/core/scope.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/core/timeout.hpp>

namespace ringlet::http::detail {
namespace {

// A write has to be done in its time, so that it must be small enough for a slow reader.
constexpr std::size_t most_written_at_once = 256 * 1024;

// What a lingering connection reads and drops at most: some peers never stop sending.
constexpr std::size_t most_lingering = 16 * 1024 * 1024;

}  // namespace

/// Whoever has nothing to send leaves alone what another greenlet of the handler may be sending.
task<> exchange::flush() {
    if (meanwhile_)
        co_await end_meanwhile(false);
    if (out_.empty())
        co_return;
    if (over_ != nullptr) {
        co_await flush_stream(false);
        co_return;
    }
    deadline limit(never);
    co_await flush(limit);
}

/// By the connection itself, in the scope that it has for this.
task<> exchange::flush(deadline& limit) {
    if (meanwhile_)
        return flush_in_turn(limit);
    take_out();
    return send_leaving(limit, tail());
}

task<> exchange::flush_in_turn(deadline& limit) {
    co_await end_meanwhile(false);
    take_out();
    co_await send_leaving(limit, tail());
}

void exchange::take_out() noexcept {
    left_ = left_ || writer_.begun();
    leaving_.swap(out_);
    answer_at_ = 0;
}

void exchange::send_meanwhile() {
    take_out();
    const auto work = [this]() -> task<> {
        deadline limit(never);
        try {
            co_await send_leaving(limit, {});
        } catch (const std::system_error&) {
            // broken_ says it to whoever writes next
        }
    };
    meanwhile_ = spawn(work);
}

/// Awaitable: sends leaving_, and then the tail, as much at a time as a slow reader has the time for.
task<> exchange::send_leaving(deadline& limit, std::string_view tail) {
    const bool with_tail = !tail.empty();
    for (std::string_view rest = leaving_;;) {
        if (rest.empty())
            rest = std::exchange(tail, {});
        if (rest.empty())
            break;
        const std::string_view part = rest.substr(0, most_written_at_once);
        limit.restart(after(loop::current().now(), options_.write));
        try {
            co_await stream_->write_all(io::bytes_of(part));
        } catch (const canceled&) {
            broken_ = true;
            if (!limit.ends_here())
                throw;
            throw timeout_error("write to " + stream_->name(), options_.write);
        } catch (...) {
            broken_ = true;
            throw;
        }
        rest.remove_prefix(part.size());
    }
    limit.restart(never);
    leaving_.clear();
    if (with_tail)
        tail_ = {};
}

/// Awaitable: what is sent in the background needs stream and buffer until it has ended.
task<> exchange::end_meanwhile(bool kill) {
    if (kill) {
        const shield until_it_is_over;
        meanwhile_.kill();
        co_await meanwhile_.join();
    } else {
        co_await meanwhile_.join();
        if (broken_)
            throw std::system_error(std::make_error_code(std::errc::connection_aborted),
                                    "write to " + stream_->name() + ": an earlier write has failed");
    }
    meanwhile_ = {};
}

/// Before a connection is closed that may still bring bytes: closing with unread ones resets it, and
/// the peer would lose the answer that explains why (RFC 9112 section 9.6).
task<> exchange::linger(deadline& limit) {
    const bool quiet = body_over_ && !body_failed_ && reader_.empty() && !head().keep_alive();
    if (quiet || options_.linger <= duration::zero())
        co_return;
    limit.restart(after(loop::current().now(), options_.linger));
    try {
        co_await stream_->shutdown();
        for (std::size_t dropped = 0; dropped < most_lingering;) {
            const std::size_t count = co_await stream_->read(reader_.room());
            if (count == 0)
                break;
            dropped += count;
        }
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
    } catch (const std::system_error&) {}
}

}  // namespace ringlet::http::detail

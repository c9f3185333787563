#include <ringlet/net/tls_stream_private.hpp>

#include <ringlet/core/spawn.hpp>
#include <ringlet/core/timeout.hpp>

#include <algorithm>
#include <stdexcept>

namespace ringlet::tls {
namespace {

/// What is encrypted at once, and waits to be sent.
constexpr std::size_t piece = 64 * 1024;

/// What may wait, unsent, before nothing more is read from the peer: its answers, beside the piece of a writer.
/// If a reader waited for that, two who both send much would wait for each other.
constexpr std::size_t most_unsent = 2 * piece;

/// What the flush keeps between two messages, so that small ones cost no allocation.
constexpr std::size_t idle_capacity = 4 * 1024;

}  // namespace

/// One reader at a time.
class reading {
public:
    explicit reading(stream::state& s) : state_(s) {
        const greenlet_base& me = loop::current().running();
        if (s.reader != nullptr)
            throw std::logic_error("read from " + s.below.name() + ": " + me.name() + " wants to read while " +
                                   s.reader->name() + " already does");
        s.reader = &me;
    }
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;
    ~reading() { state_.reader = nullptr; }

private:
    stream::state& state_;
};

stream::state::state(io::any_stream transport, context with, std::string host)
    : below(std::move(transport)),
      engine(with, std::move(host), below.name()),
      handshake_timeout(with.handshake_timeout()) {}

void stream::state::close() noexcept {
    if (std::exchange(closed, true))
        return;
    below.close();
    progress.set();
}

void stream::state::throw_if_closed(const char* act) const {
    if (closed)
        throw std::system_error(ECANCELED, std::system_category(),
                                std::string(act) + ' ' + below.name() + ": it was closed here");
}

void stream::state::throw_if_unwritable() const {
    throw_if_closed("write to");
    if (write_error)
        std::rethrow_exception(write_error);
    if (shut)
        throw std::system_error(EPIPE, std::system_category(), "write to " + below.name());
}

// --- sending -----------------------------------------------------------------------------------------

void stream::state::start_flush(const std::shared_ptr<state>& self) {
    if (self->end_sent)
        self->engine.out.clear();  // an answer that nobody is to get any more
    if (self->flushing || self->closed || self->end_sent || (self->engine.out.empty() && !self->shut))
        return;
    spawn(spawn_options().name("tls flush"), &state::flush, self);
    self->flushing = true;  // last: without memory there is no flush, and who waited for one would wait for ever
}

task<> stream::state::flush(std::shared_ptr<state> self) noexcept {
    try {
        while (!self->engine.out.empty() && !self->write_error) {
            self->sending.swap(self->engine.out);
            co_await self->below.write_all(self->sending);
            self->sending.clear();
            self->progress.set();
        }
        if (self->shut && !self->closed) {
            co_await self->below.shutdown();
            self->end_sent = true;
        }
        if (self->sending.capacity() <= idle_capacity && self->engine.out.capacity() == 0)
            self->engine.out.swap(self->sending);
    } catch (const canceled&) {
        self->write_error = std::make_exception_ptr(std::system_error(
            ECANCELED, std::system_category(), "write to " + self->below.name() + ": the flush was killed"));
    } catch (...) {
        self->write_error = std::current_exception();
    }
    if (self->write_error)
        self->engine.out.clear();
    self->sending = std::vector<std::byte>();
    if (self->engine.out.empty() && self->engine.out.capacity() > idle_capacity)
        self->engine.out = std::vector<std::byte>();
    self->flushing = false;
    self->progress.set();
}

/// Until no more than that is left to be sent.
task<> stream::state::flushed(std::shared_ptr<state> self, std::size_t most_left) {
    start_flush(self);
    while (!self->closed && !self->write_error && self->flushing &&
           (most_left == 0 || self->engine.out.size() + self->sending.size() > most_left)) {
        self->progress.clear();
        co_await self->progress.wait();
    }
}

task<> stream::state::write(std::shared_ptr<state> self, std::span<const std::byte> from) {
    throw_if_canceled();
    self->throw_if_closed("write to");
    if (from.empty())
        co_return;
    const mutex::guard turn = co_await self->writers.lock();
    if (self->flushing)
        co_await flushed(self, 0);  // what writers have left who gave up must not pile up
    while (!from.empty()) {
        self->throw_if_unwritable();
        const auto now = from.first(std::min(from.size(), piece));
        self->engine.write(now);
        from = from.subspan(now.size());
        co_await flushed(self, 0);
    }
    self->throw_if_closed("write to");
    if (self->write_error)
        std::rethrow_exception(self->write_error);
}

task<> stream::state::shutdown(std::shared_ptr<state> self) {
    throw_if_canceled();
    self->throw_if_closed("shut down");
    const mutex::guard turn = co_await self->writers.lock();
    self->throw_if_closed("shut down");
    if (!std::exchange(self->shut, true) && !self->write_error)
        self->engine.finish();
    co_await flushed(self, 0);
    self->throw_if_closed("shut down");
    if (self->write_error)
        std::rethrow_exception(self->write_error);
}

task<> stream::state::update_keys(std::shared_ptr<state> self) {
    throw_if_canceled();
    const mutex::guard turn = co_await self->writers.lock();
    self->throw_if_unwritable();
    self->engine.update_keys();
    co_await flushed(self, 0);
    self->throw_if_unwritable();
}

// --- receiving ---------------------------------------------------------------------------------------

/// Takes in what the stream below has; false at its end.
task<bool> stream::state::receive() {
    const std::size_t count = co_await below.read(engine.room());
    engine.filled(count);
    co_return count > 0;
}

task<std::size_t> stream::state::read(std::shared_ptr<state> self, std::span<std::byte> into) {
    throw_if_canceled();
    self->throw_if_closed("read from");
    if (into.empty())
        co_return 0;
    const reading turn(*self);
    for (;;) {
        if (self->read_error)
            std::rethrow_exception(self->read_error);
        std::size_t count = 0;
        try {
            count = self->engine.read(into);
        } catch (...) {
            self->read_error = std::current_exception();
        }
        try {
            start_flush(self);
        } catch (...) {
            if (count == 0)
                throw;
            // Without memory the answer (to a key update, say) waits for the next flush. What was read is given now,
            // because the engine has it no more.
        }
        if (count > 0 || self->engine.ended())
            co_return count;
        if (self->read_error)
            continue;
        co_await flushed(self, most_unsent);
        const auto more = co_await as_result(self->receive());
        self->throw_if_closed("read from");
        if (!more)
            (void)more.value();  // throws
        if (!*more)
            self->read_error =
                std::make_exception_ptr(error(errc::truncated, "read from " + self->below.name() +
                                                                   ": the stream was cut off: it ended without a "
                                                                   "close_notify"));
    }
}

// --- the handshake -----------------------------------------------------------------------------------

task<> stream::state::shake(std::shared_ptr<state> self) {
    for (;;) {
        bool done = false;
        std::exception_ptr failed;
        try {
            done = self->engine.handshake();
        } catch (...) {
            failed = std::current_exception();
        }
        if (failed) {
            co_await flushed(self, 0);  // the alert, so that the peer can say why, too
            std::rethrow_exception(failed);
        }
        if (done) {
            start_flush(self);  // a peer that waits for nothing reads session tickets later
            co_return;
        }
        co_await flushed(self, 0);
        if (self->write_error)
            std::rethrow_exception(self->write_error);
        if (!co_await self->receive())
            throw error(errc::closed, "tls handshake with " + self->below.name() +
                                          ": the peer closed the connection during the handshake");
    }
}

task<> stream::state::handshake(std::shared_ptr<state> self) {
    const duration limit = self->handshake_timeout;
    const deadline patience(limit);
    try {
        co_await shake(self);
    } catch (const canceled&) {
        self->close();
        if (!patience.ends_here())
            throw;
        throw timeout_error("tls handshake with " + self->below.name(), limit);
    } catch (...) {
        self->close();
        throw;
    }
}

task<stream> connect(io::any_stream below, std::string host, context with) {
    if (with.for_servers())
        throw std::logic_error("tls::connect was given a context for servers");
    auto state = std::make_shared<stream::state>(std::move(below), std::move(with), std::move(host));
    co_await stream::state::handshake(state);
    co_return stream(std::move(state));
}

task<stream> accept(io::any_stream below, context with) {
    if (!with.for_servers())
        throw std::logic_error("tls::accept was given a context for clients");
    auto state = std::make_shared<stream::state>(std::move(below), std::move(with), std::string());
    co_await stream::state::handshake(state);
    co_return stream(std::move(state));
}

task<stream> connect(std::string host, std::uint16_t port, context with, net::connect_options options) {
    net::tcp_stream below = co_await net::connect(host, port, options);
    co_return co_await connect(io::any_stream(std::move(below)), std::move(host), std::move(with));
}

}  // namespace ringlet::tls

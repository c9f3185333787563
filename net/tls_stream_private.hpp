#pragma once
// What a tls::stream, and everybody who reads or writes it, shares. Encrypted bytes are sent by a
// greenlet of their own, which lives as long as there are some: so a writer that is killed leaves whole
// records behind, and a reader that has to answer (key updates, alerts) does not wait for a peer who
// reads nothing itself.

#include <ringlet/core/event.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/net/tls_engine_private.hpp>
#include <ringlet/net/tls_stream.hpp>

#include <exception>

namespace ringlet::tls {

struct stream::state {
    state(io::any_stream transport, context with, std::string host);

    static task<> handshake(std::shared_ptr<state> self);
    static task<std::size_t> read(std::shared_ptr<state> self, std::span<std::byte> into);
    static task<> write(std::shared_ptr<state> self, std::span<const std::byte> from);
    static task<> shutdown(std::shared_ptr<state> self);
    static task<> update_keys(std::shared_ptr<state> self);
    void close() noexcept;
    /// The handle, once the handshake is complete.
    static stream handle(std::shared_ptr<state> self) { return stream(std::move(self)); }
    static state& of(stream& handle) noexcept { return *handle.state_; }
    std::size_t buffered() const noexcept { return engine.buffered() + sending.capacity(); }

private:
    static task<> shake(std::shared_ptr<state> self);
    static task<> flush(std::shared_ptr<state> self) noexcept;
    static void start_flush(const std::shared_ptr<state>& self);
    static task<> flushed(std::shared_ptr<state> self, std::size_t most_left);
    task<bool> receive();
    void throw_if_closed(const char* act) const;
    void throw_if_unwritable() const;

public:
    io::any_stream below;
    detail::engine engine;
    duration handshake_timeout;

private:
    mutex writers;
    event progress;  // of the flush
    std::vector<std::byte> sending;  // what the flush sends at the moment
    std::exception_ptr read_error;  // nothing can be read any more
    std::exception_ptr write_error;
    const greenlet_base* reader = nullptr;
    bool flushing = false;
    bool shut = false;  // close_notify was written
    bool end_sent = false;  // and is with the stream below, which was shut down too
    bool closed = false;

    friend class reading;
};

}  // namespace ringlet::tls

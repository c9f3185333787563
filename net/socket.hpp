#pragma once
// A connected stream socket on the ring: what tcp_stream and unix_stream are made of. One multishot
// receive feeds every read, so that a read costs no request of its own; sends go out one at a time, in
// the order of asking. The state outlives the handle until the kernel has finished with it: dropping a
// socket cancels, reaps and then closes, in the background.

#include <ringlet/core/frame_pool.hpp>
#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/io/fd.hpp>
#include <ringlet/io/received.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace ringlet::net {

class socket {
    template <class Awaiter, class Byte>
    class asked;

public:
    class read_awaiter;
    class ready_awaiter;
    class receive_awaiter;
    class write_awaiter;

    /// Takes over a connected socket. `name` is what errors call it ("10.0.0.1:443"); when empty, the
    /// address of the peer.
    explicit socket(io::fd connected, std::string name = {});
    socket(socket&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    socket& operator=(socket&& other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~socket();

    /// Awaitable: at least one byte into `into`, as many as have come; 0 at the end of the stream.
    /// Buffers of `direct_size` and more, and of 16 KiB where much comes at a time, are received into without
    /// a copy. `into` must live until then.
    /// A second reader at the same time is refused with std::logic_error that names both. A read that
    /// is cut short by a kill or a timeout loses nothing: the bytes are there for the next one.
    asked<read_awaiter, std::byte> read(std::span<std::byte> into);

    /// Awaitable: until a read would not have to wait. Whoever needs a large buffer can wait without one: then
    /// all who wait share the few that are in use. Counts as a reader.
    asked<ready_awaiter, std::byte> readable();

    /// Awaitable: what comes next, as read() does, in the buffer that it came in; empty at the end of the stream, and
    /// never more than a buffer holds.
    /// For what is looked at once and passed on: what comes while somebody waits is not copied, and they hold no
    /// memory meanwhile. Where the shared buffers are all taken, or not to be had, they wait with `room` bytes, of
    /// which such a buffer is the most.
    asked<receive_awaiter, std::byte> receive(std::size_t room = io::buffer_lender::size);

    /// What is there now, as read() gives it; nothing when that would have to wait.
    std::optional<std::size_t> try_read(std::span<std::byte> into);

    /// Awaitable: sends all of `from`, which must live until then. Several writers take turns. A write
    /// that is cut short may have sent a part. Awaited twice, it sends twice.
    asked<write_awaiter, const std::byte> write_all(std::span<const std::byte> from);

    /// Says that no more will be sent (shutdown(2)); reading goes on.
    void shutdown();

    /// Ends it now: whoever waits on it gets an error that says so, once the descriptor is closed. What
    /// was received and not read is dropped.
    void close() noexcept;

    /// For setsockopt(2) and the like; -1 when closed.
    int native_handle() const noexcept;

    /// What errors call it.
    std::string name() const;

    static constexpr std::size_t direct_size = 64 * 1024;

private:
    struct state;
    state& held() const noexcept {
        check(state_ != nullptr, "a socket was used after it had been moved from");
        return *state_;
    }

    state* state_ = nullptr;
};

namespace detail {

/// What was received while nobody was reading. Most of the time that is nothing, which takes no memory.
class unread_bytes {
public:
    bool empty() const noexcept { return kept_ == nullptr; }
    std::size_t size() const noexcept { return kept_ ? kept_->bytes.size() - kept_->start : 0; }
    void append(std::span<const std::byte> data);
    std::size_t take(std::span<std::byte> into) noexcept;
    void clear() noexcept { kept_.reset(); }

private:
    struct kept : pooled_frame {
        pooled_bytes bytes;
        std::size_t start = 0;
    };
    std::unique_ptr<kept> kept_;
};

}  // namespace detail

struct socket::state : completion, pooled_frame {
    state(io::fd connected, std::string name);

    void refuse_second_reader() const;
    void note_size(std::size_t received) noexcept;
    void start_receive(read_awaiter& reader);
    void receive_into_ring();
    void pause() noexcept;
    void on_received(int res, unsigned flags) noexcept;
    void wake_reader(int outcome) noexcept;
    void next_writer() noexcept;
    write_awaiter& first_writer() noexcept;
    void close() noexcept;
    void close_if_done() noexcept;
    void leave() noexcept {
        if (--users_ == 0 && closed_)
            go_if_done();
    }
    void go_if_done() noexcept;
    bool busy() const noexcept { return armed_ || direct_ || sending_; }
    std::string describe() const;
    std::system_error failure(const char* act, int error) const;

    static void arrived(completion& c, int res, unsigned flags) noexcept;

    // What a silent connection costs is this, so it is packed.
    io::fd fd_;
    int end_ = 1;  // 1: open; 0: the peer has finished; negative: the error
    std::unique_ptr<const std::string> name_;  // if it was given one
    io::buffer_lender* buffers_ = nullptr;
    detail::unread_bytes unread_;
    read_awaiter* reader_ = nullptr;
    list<waiter> writers_;  // it is the turn of the first
    unsigned users_ = 1;  // the handle, and everybody who reads or writes
    bool multishot_ : 1 = true;  // as far as is known
    bool large_ : 1 = false;  // much comes at a time
    bool armed_ : 1 = false;  // a multishot receive is in flight
    bool paused_ : 1 = false;  // and was asked to end
    bool direct_ : 1 = false;  // a receive into the reader's own buffer is in flight
    bool sending_ : 1 = false;  // a send of the first writer is in flight
    bool closed_ : 1 = false;
};

/// A read or a write that is yet to be awaited. It travels into combinators; its awaiter is made where it waits, stays
/// there, may outlive it, and is itself one of the users of the socket's state.
template <class Awaiter, class Byte>
class [[nodiscard]] socket::asked {
public:
    asked(state& s, std::span<Byte> bytes) noexcept : state_(&s), bytes_(bytes) { ++state_->users_; }
    asked(const asked& other) noexcept : asked(*other.state_, other.bytes_) {}
    ~asked() {
        if (state_ != nullptr)
            state_->leave();
    }
    Awaiter operator co_await() const& noexcept {
        ++state_->users_;
        return Awaiter(*state_, bytes_);
    }
    Awaiter operator co_await() && noexcept { return Awaiter(*std::exchange(state_, nullptr), bytes_); }
    using awaiter_stands_alone = void;

private:
    state* state_;
    std::span<Byte> bytes_;
};

class socket::read_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "a read from a socket"; }
    enum class wish : std::uint8_t {
        copy,  // of what has come
        readiness,  // and leave what has come where it is
        buffer,  // with what has come
    };
    read_awaiter(state& s, std::span<std::byte> into, wish for_what = wish::copy) noexcept
        : waiter(source::outside), wish_(for_what), state_(s), into_(into) {}
    read_awaiter(read_awaiter&&) = delete;
    ~read_awaiter() override { state_.leave(); }

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h);
    std::size_t await_resume() const;
    result<std::size_t> await_result() const;

protected:
    int outcome() const;

private:
    friend struct socket::state;
    void abort() noexcept override;
    void on_received(int res) noexcept;
    void take_at_once();
    bool wants_own_receive() const noexcept;
    void receive_directly();
    std::size_t take(io::received& buffer) noexcept;
    std::span<std::byte> make_room(std::size_t size);

    const wish wish_;
    int outcome_ = 0;  // a count, or a negative errno
    state& state_;
    std::span<std::byte> into_;
};

/// A read of nothing, which waits all the same.
class socket::ready_awaiter : public socket::read_awaiter {
public:
    const char* what() const noexcept override { return "something to read from a socket"; }
    ready_awaiter(state& s, std::span<std::byte> none) noexcept : read_awaiter(s, none, wish::readiness) {}
    void await_resume() const { (void)read_awaiter::await_resume(); }
    result<void> await_result() const { return read_awaiter::await_result().error(); }
};

class socket::receive_awaiter : public socket::read_awaiter {
public:
    /// `room` is yet to be made, if need be.
    receive_awaiter(state& s, std::span<std::byte> room) noexcept : read_awaiter(s, room, wish::buffer) {}
    io::received await_resume();
    result<io::received> await_result();

private:
    friend class socket::read_awaiter;
    io::received brought_;
};

class socket::write_awaiter : public waiter, private completion {
public:
    const char* what() const noexcept override { return "a write to a socket"; }
    write_awaiter(state& s, std::span<const std::byte> from) noexcept
        : waiter(source::outside), completion(&sent), state_(s), from_(from) {}
    write_awaiter(write_awaiter&&) = delete;
    ~write_awaiter() override { state_.leave(); }

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h);
    void await_resume() const;
    result<void> await_result() const;

private:
    friend struct socket::state;
    void abort() noexcept override;
    static void sent(completion& c, int res, unsigned flags) noexcept;
    void send_rest();

    state& state_;
    std::span<const std::byte> from_;
    int error_ = 0;
};

inline auto socket::read(std::span<std::byte> into) -> asked<read_awaiter, std::byte> { return {held(), into}; }
inline auto socket::readable() -> asked<ready_awaiter, std::byte> { return {held(), {}}; }
inline auto socket::receive(std::size_t room) -> asked<receive_awaiter, std::byte> {
    return {held(), {static_cast<std::byte*>(nullptr), std::clamp<std::size_t>(room, 1, io::buffer_lender::size)}};
}
inline auto socket::write_all(std::span<const std::byte> from) -> asked<write_awaiter, const std::byte> {
    return {held(), from};
}

}  // namespace ringlet::net

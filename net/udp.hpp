#pragma once
// Datagrams, over UDP or between UNIX sockets. Each send and each receive is one datagram, and an empty
// one is one too. Any number of greenlets may send and receive at once.

#include <ringlet/io/descriptor.hpp>
#include <ringlet/net/address.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

namespace ringlet::net {

/// What came, and from where.
class datagram {
public:
    datagram(std::size_t room, std::size_t full_size, const address& from) noexcept
        : size_(std::min(room, full_size)), full_size_(full_size), from_(from) {}

    /// How much of the buffer it fills.
    std::size_t size() const noexcept { return size_; }
    /// The buffer was too small, and the rest is lost; full_size() tells how large it was.
    bool truncated() const noexcept { return size_ < full_size_; }
    std::size_t full_size() const noexcept { return full_size_; }
    /// Unspecified when the sender is a UNIX socket without a name.
    const address& from() const noexcept { return from_; }

private:
    std::size_t size_;
    std::size_t full_size_;
    address from_;
};

class udp_socket {
public:
    class [[nodiscard]] receive_awaiter;
    class [[nodiscard]] send_awaiter;

    /// At a local address; port 0 takes a free one. Throws std::system_error: "bind 127.0.0.1:53: …".
    static udp_socket bind(const address& local);

    /// At an address that the system chooses, connected to `peer`.
    static udp_socket connected(const address& peer);

    /// From now on only datagrams from `peer` come in, send() goes there, and what the network says of it
    /// (ECONNREFUSED) comes out as an error of the next send or receive. Does not wait.
    void connect(const address& peer);

    /// Awaitable: the next datagram. `into` must live until then.
    receive_awaiter recv_from(std::span<std::byte> into);

    /// Awaitable: until the system has taken the datagram. `from` must live until then.
    send_awaiter send_to(std::span<const std::byte> from, const address& to);
    send_awaiter send_to(std::string_view from, const address& to);

    /// The same to the peer of a connected socket.
    send_awaiter send(std::span<const std::byte> from);
    send_awaiter send(std::string_view from);

    /// Ends it now: whoever waits on it gets an error that says so.
    void close() noexcept { descriptor_.close(); }

    address local_address() const;
    int native_handle() const noexcept { return descriptor_.get(); }
    const std::string& name() const noexcept { return descriptor_.name(); }

private:
    udp_socket(io::fd socket, std::string name) : descriptor_(std::move(socket), std::move(name)) {}

    io::descriptor descriptor_;
};

/// The same between sockets of AF_UNIX.
using unix_datagram_socket = udp_socket;

class udp_socket::receive_awaiter final : public io::descriptor::operation {
public:
    receive_awaiter(const io::descriptor& at, std::span<std::byte> into) noexcept
        : operation(at, "a datagram", "receive at", turn::any), into_(into) {}

    datagram await_resume() const;
    result<datagram> await_result() const;

private:
    void prepare(io_uring_sqe* sqe, int fd) noexcept override;
    datagram received() const;

    std::span<std::byte> into_;
    iovec buffer_{};
    sockaddr_storage from_{};
    msghdr message_{};
};

class udp_socket::send_awaiter final : public io::descriptor::operation {
public:
    /// `to` is unspecified when the socket is connected.
    send_awaiter(const io::descriptor& at, std::span<const std::byte> from, const address& to) noexcept
        : operation(at, "a datagram to be sent", "send to", turn::any), from_(from), to_(to) {}

    void await_resume() const;
    result<void> await_result() const { return error(); }

private:
    void prepare(io_uring_sqe* sqe, int fd) noexcept override;

    std::span<const std::byte> from_;
    address to_;
    iovec buffer_{};
    msghdr message_{};
};

}  // namespace ringlet::net

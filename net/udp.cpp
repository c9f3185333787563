#include <ringlet/net/udp.hpp>

#include <ringlet/io/stream.hpp>
#include <ringlet/net/socket_calls_private.hpp>

namespace ringlet::net {
namespace {

io::fd open_socket(const char* act, const address& where) {
    return io::fd(detail::succeed(io::socket_now(where.family(), SOCK_DGRAM | SOCK_CLOEXEC), act, where));
}

}  // namespace

udp_socket udp_socket::bind(const address& local) {
    io::fd fd = open_socket("bind", local);
    detail::succeed(io::bind_now(fd.get(), local.data(), local.size()), "bind", local);
    std::string name = detail::name_of(fd.get()).to_string();
    return {std::move(fd), std::move(name)};
}

udp_socket udp_socket::connected(const address& peer) {
    udp_socket made(open_socket("connect", peer), peer.to_string());
    made.connect(peer);
    return made;
}

void udp_socket::connect(const address& peer) {
    detail::succeed(io::connect_now(native_handle(), peer.data(), peer.size()), "connect", peer);
}

udp_socket::receive_awaiter udp_socket::recv_from(std::span<std::byte> into) { return {descriptor_, into}; }
udp_socket::send_awaiter udp_socket::send_to(std::span<const std::byte> from, const address& to) {
    return {descriptor_, from, to};
}
udp_socket::send_awaiter udp_socket::send_to(std::string_view from, const address& to) {
    return send_to(io::bytes_of(from), to);
}
udp_socket::send_awaiter udp_socket::send(std::span<const std::byte> from) { return {descriptor_, from, address()}; }
udp_socket::send_awaiter udp_socket::send(std::string_view from) { return send(io::bytes_of(from)); }

address udp_socket::local_address() const { return detail::name_of(native_handle()); }

// --- receiving ---------------------------------------------------------------------------------------

void udp_socket::receive_awaiter::prepare(io_uring_sqe* sqe, int fd) noexcept {
    buffer_ = {into_.data(), into_.size()};
    message_.msg_name = &from_;
    message_.msg_namelen = sizeof from_;
    message_.msg_iov = &buffer_;
    message_.msg_iovlen = 1;
    // With MSG_TRUNC the answer is the true size of the datagram (recv(2)).
    io_uring_prep_recvmsg(sqe, fd, &message_, MSG_TRUNC);
}

datagram udp_socket::receive_awaiter::received() const {
    const bool named = message_.msg_namelen > sizeof(sa_family_t);
    return {into_.size(), static_cast<std::size_t>(outcome()),
            named ? address::from(&from_, message_.msg_namelen) : address()};
}

datagram udp_socket::receive_awaiter::await_resume() const {
    throw_if_failed();
    return received();
}

result<datagram> udp_socket::receive_awaiter::await_result() const {
    if (const std::error_code failed = error())
        return failed;
    return received();
}

// --- sending -----------------------------------------------------------------------------------------

void udp_socket::send_awaiter::prepare(io_uring_sqe* sqe, int fd) noexcept {
    buffer_ = {const_cast<std::byte*>(from_.data()), from_.size()};
    if (to_.family() != AF_UNSPEC) {
        message_.msg_name = const_cast<sockaddr*>(to_.data());
        message_.msg_namelen = to_.size();
    }
    message_.msg_iov = &buffer_;
    message_.msg_iovlen = 1;
    io_uring_prep_sendmsg(sqe, fd, &message_, MSG_NOSIGNAL);
}

void udp_socket::send_awaiter::await_resume() const {
    if (outcome() < 0 && outcome() != -ECANCELED && to_.family() != AF_UNSPEC)
        throw std::system_error(-outcome(), std::system_category(), "send to " + to_.to_string());
    throw_if_failed();
}

}  // namespace ringlet::net

#include <ringlet/net/tcp.hpp>

#include <ringlet/io/ops.hpp>

#include <netinet/tcp.h>

namespace ringlet::net {
namespace {

using name_function = int (*)(int, sockaddr*, socklen_t*) noexcept;

address ask(int fd, name_function which, const char* act) {
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (const int answer = which(fd, reinterpret_cast<sockaddr*>(&storage), &size); answer < 0)
        throw io::failure(act, fd, -answer);
    return address::from(&storage, size);
}

}  // namespace

namespace detail {

task<io::fd> connect_fd(address to) {
    const int made = io::socket_now(to.family(), SOCK_STREAM | SOCK_CLOEXEC);
    if (made < 0)
        throw std::system_error(-made, std::system_category(), "connect " + to.to_string());
    io::fd fd(made);
    if (to.is_ip())
        io::set_option_now(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    const auto connected = co_await as_result(io::connect(fd.get(), to.data(), to.size()));
    if (!connected)
        throw std::system_error(connected.error(), "connect " + to.to_string());
    co_return fd;
}

}  // namespace detail

task<tcp_stream> tcp_stream::connect(address to) {
    co_return tcp_stream(co_await detail::connect_fd(to), to.to_string());
}

address tcp_stream::local_address() const { return ask(native_handle(), &io::getsockname_now, "getsockname"); }
address tcp_stream::peer_address() const { return ask(native_handle(), &io::getpeername_now, "getpeername"); }

result<tcp_stream> tcp_listener::stream_awaiter::await_result() {
    auto fd = accept_awaiter::await_result();
    if (!fd)
        return fd.error();
    return tcp_stream(std::move(*fd));
}

}  // namespace ringlet::net

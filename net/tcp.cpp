#include <ringlet/net/tcp.hpp>

#include <ringlet/io/ops.hpp>

#include <netinet/tcp.h>

namespace ringlet::net {
namespace {

using name_function = int (*)(int, sockaddr*, socklen_t*);

address ask(int fd, name_function which, const char* act) {
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (which(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        throw io::failure(act, fd, errno);
    return address::from(&storage, size);
}

}  // namespace

namespace detail {

task<io::fd> connect_fd(address to) {
    io::fd fd(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd)
        throw std::system_error(errno, std::system_category(), "connect " + to.to_string());
    const int on = 1;
    if (to.is_ip())
        setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto connected = co_await as_result(io::connect(fd.get(), to.data(), to.size()));
    if (!connected)
        throw std::system_error(connected.error(), "connect " + to.to_string());
    co_return fd;
}

}  // namespace detail

task<tcp_stream> tcp_stream::connect(address to) {
    co_return tcp_stream(co_await detail::connect_fd(to), to.to_string());
}

address tcp_stream::local_address() const { return ask(native_handle(), &getsockname, "getsockname"); }
address tcp_stream::peer_address() const { return ask(native_handle(), &getpeername, "getpeername"); }

result<tcp_stream> tcp_listener::stream_awaiter::await_result() {
    auto fd = accept_awaiter::await_result();
    if (!fd)
        return fd.error();
    return tcp_stream(std::move(*fd));
}

}  // namespace ringlet::net

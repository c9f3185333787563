// Echo on Boost.Asio with C++20 coroutines, as its own examples write it.
// Built twice: on epoll, and on io_uring (BOOST_ASIO_HAS_IO_URING and
// BOOST_ASIO_DISABLE_EPOLL).

#include <boost/asio.hpp>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

asio::awaitable<void> echo(tcp::socket peer) {
    try {
        std::array<char, 16 * 1024> data;
        for (;;) {
            const std::size_t size = co_await peer.async_read_some(asio::buffer(data), asio::use_awaitable);
            co_await asio::async_write(peer, asio::buffer(data, size), asio::use_awaitable);
        }
    } catch (const boost::system::system_error&) {
        // The peer is gone, and so is this coroutine.
    }
}

asio::awaitable<void> serve(tcp::acceptor acceptor) {
    for (;;) {
        tcp::socket peer = co_await acceptor.async_accept(asio::use_awaitable);
        peer.set_option(tcp::no_delay(true));
        asio::co_spawn(acceptor.get_executor(), echo(std::move(peer)), asio::detached);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int port = argc == 3 ? std::atoi(argv[2]) : 0;
    asio::io_context context(1);  // One thread only: spares Asio its locks.
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](auto, auto) { context.stop(); });

    const tcp::endpoint address(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port));
    tcp::acceptor acceptor(context, address);
    std::printf("listening on 127.0.0.1:%u\n", unsigned{acceptor.local_endpoint().port()});
    std::fflush(stdout);
    asio::co_spawn(context, serve(std::move(acceptor)), asio::detached);
    context.run();
}

// HTTP hello on Boost.Beast over Asio's C++20 coroutines, as Beast's examples write it.

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

// Formatted once a second.
const char* date() {
    static std::time_t second = 0;
    static char text[32];
    if (const std::time_t now = std::time(nullptr); now != second) {
        second = now;
        std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&now));
    }
    return text;
}

http::response<http::string_body> answer(const http::request<http::string_body>& asked) {
    http::response<http::string_body> made{http::status::ok, asked.version()};
    made.keep_alive(asked.keep_alive());
    made.set(http::field::content_type, "text/plain");
    made.set(http::field::date, date());
    if (asked.target() == "/")
        made.body() = "Hello, World!";
    else
        made.result(http::status::not_found);
    made.prepare_payload();
    return made;
}

asio::awaitable<void> talk(tcp::socket peer) {
    try {
        beast::flat_buffer buffer;
        for (;;) {
            http::request<http::string_body> asked;
            co_await http::async_read(peer, buffer, asked, asio::use_awaitable);
            const auto made = answer(asked);
            co_await http::async_write(peer, made, asio::use_awaitable);
        }
    } catch (const boost::system::system_error&) {
        // The peer is gone.
    }
}

asio::awaitable<void> serve(tcp::acceptor acceptor) {
    for (;;) {
        tcp::socket peer = co_await acceptor.async_accept(asio::use_awaitable);
        peer.set_option(tcp::no_delay(true));
        asio::co_spawn(acceptor.get_executor(), talk(std::move(peer)), asio::detached);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int port = argc == 3 ? std::atoi(argv[2]) : 0;
    asio::io_context context(1);
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](auto, auto) { context.stop(); });
    tcp::acceptor acceptor(context,
                           tcp::endpoint(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port)));
    std::printf("listening on 127.0.0.1:%u\n", unsigned{acceptor.local_endpoint().port()});
    std::fflush(stdout);
    asio::co_spawn(context, serve(std::move(acceptor)), asio::detached);
    context.run();
}

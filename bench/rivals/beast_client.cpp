// A crawler on Boost.Beast over Asio's C++20 coroutines: as many of them as there may be fetches at once,
// each with a connection of its own that it keeps.

#include "../load/fetches.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <deque>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

struct crawl {
    std::size_t left;
    std::size_t bytes = 0;
};

asio::awaitable<void> fetch_some(tcp::socket& server, beast::flat_buffer& buffer, const load::crawl& wanted,
                                 crawl& all) {
    if (!server.is_open()) {
        co_await server.async_connect({asio::ip::address_v4::loopback(), wanted.port}, asio::use_awaitable);
        server.set_option(tcp::no_delay(true));
    }
    http::request<http::empty_body> ask{http::verb::get, wanted.page, 11};
    ask.set(http::field::host, "127.0.0.1");
    ask.set(http::field::user_agent, "beast");
    while (all.left > 0) {
        --all.left;
        co_await http::async_write(server, ask, asio::use_awaitable);
        http::response<http::string_body> page;
        co_await http::async_read(server, buffer, page, asio::use_awaitable);
        all.bytes += page.body().size();
    }
}

void rethrow(std::exception_ptr error) {
    if (error)
        std::rethrow_exception(error);
}

}  // namespace

int main(int argc, char** argv) try {
    const load::crawl wanted = load::parse_crawl(argc, argv);
    asio::io_context context(1);
    std::deque<tcp::socket> servers;
    std::deque<beast::flat_buffer> buffers(wanted.concurrency);
    for (std::size_t i = 0; i < wanted.concurrency; ++i)
        servers.emplace_back(context);
    load::at_each_turn([&](std::size_t fetches) {
        crawl all{fetches};
        for (std::size_t i = 0; i < wanted.concurrency; ++i)
            asio::co_spawn(context, fetch_some(servers[i], buffers[i], wanted, all), rethrow);
        context.restart();
        context.run();
        return all.bytes;
    });
} catch (const std::exception& error) {
    std::fprintf(stderr, "beast_client: %s\n", error.what());
    return 1;
}

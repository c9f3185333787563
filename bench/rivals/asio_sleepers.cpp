// Very many sleepers on Boost.Asio: C++20 coroutines, or stackful ones by asio::spawn (--fibers).

#define BOOST_ASIO_DISABLE_BOOST_COROUTINE  // spawn is on Boost.Context then.
#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include "sleepers.hpp"

#include <chrono>

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

asio::awaitable<void> sleeper(sleepers& all, steady_clock::duration how_long) {
    asio::steady_timer timer(co_await asio::this_coro::executor, how_long);
    co_await timer.async_wait(asio::use_awaitable);
    ++all.awake;
}

}  // namespace

int main(int argc, char** argv) {
    sleepers all(argc, argv);
    const auto how_long =
        std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(all.seconds));
    asio::io_context context(1);
    for (std::size_t i = 0; i < all.count; ++i) {
        if (all.fibers)
            asio::spawn(
                context,
                [&](asio::yield_context yield) {
                    asio::steady_timer timer(context, how_long);
                    timer.async_wait(yield);
                    ++all.awake;
                },
                asio::detached);
        else
            asio::co_spawn(context, sleeper(all, how_long), asio::detached);
    }
    asio::post(context, [&] { all.all_sleep(); });
    context.run();
    all.all_awake();
}

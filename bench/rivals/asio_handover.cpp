// The things of ../handover.cpp on Boost.Asio's C++20 coroutines. Its channel is the queue and, with room
// for one, the mutex; a timer that never expires and is cancelled is the event.

#include "../timing.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/channel.hpp>

namespace asio = boost::asio;
using asio::use_awaitable;
using channel = asio::experimental::channel<void(boost::system::error_code, std::size_t)>;

namespace {

constexpr std::size_t crowd = 1000;

asio::awaitable<void> produce(channel& items, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        co_await items.async_send({}, i, use_awaitable);
}

asio::awaitable<void> consume(channel& items, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        co_await items.async_receive(use_awaitable);
}

asio::awaitable<void> nothing() { co_return; }

asio::awaitable<void> parent(std::size_t n) {
    const auto here = co_await asio::this_coro::executor;
    for (std::size_t i = 0; i < n; ++i)
        co_await asio::co_spawn(here, nothing(), use_awaitable);
}

asio::awaitable<void> lock_and_unlock(channel& one, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        co_await one.async_send({}, i, use_awaitable);
        co_await asio::post(use_awaitable);
        one.try_receive([](auto...) {});
    }
}

asio::awaitable<void> wait_for(asio::steady_timer& event, std::size_t n) {
    boost::system::error_code canceled;
    for (std::size_t i = 0; i < n; ++i)
        co_await event.async_wait(asio::redirect_error(use_awaitable, canceled));
}

asio::awaitable<void> set(asio::steady_timer& event, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        co_await asio::post(use_awaitable);
        event.cancel();
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bench::timing time(argc, argv);
    time.each("queue", 1'000'000, [](std::size_t n) {
        asio::io_context context(1);
        channel items(context, 1);
        asio::co_spawn(context, consume(items, n), asio::detached);
        asio::co_spawn(context, produce(items, n), asio::detached);
        context.run();
    });
    time.each("spawn and join", 1'000'000, [](std::size_t n) {
        asio::io_context context(1);
        asio::co_spawn(context, parent(n), asio::detached);
        context.run();
    });
    time.each("mutex", 500'000, [](std::size_t n) {
        asio::io_context context(1);
        channel one(context, 1);
        for (int i = 0; i < 2; ++i)
            asio::co_spawn(context, lock_and_unlock(one, n / 2), asio::detached);
        context.run();
    });
    time.each("event", 1'000'000, [](std::size_t n) {
        asio::io_context context(1);
        asio::steady_timer event(context, asio::steady_timer::time_point::max());
        for (std::size_t i = 0; i < crowd; ++i)
            asio::co_spawn(context, wait_for(event, n / crowd), asio::detached);
        asio::co_spawn(context, set(event, n / crowd), asio::detached);
        context.run();
    });
}

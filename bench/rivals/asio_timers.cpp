// The things of ../timers.cpp on Boost.Asio: steady_timer with a plain handler, which arming allocates.
// A wait that is cancelled or expired is over when its handler has run, so that is in both.

#include "../timing.hpp"

#include <boost/asio.hpp>

#include <deque>
#include <string>
#include <thread>

namespace asio = boost::asio;

namespace {

std::size_t fired = 0;

void fire(const boost::system::error_code& canceled) { fired += !canceled; }

// Up to a second away. The order is that of ../timers.cpp.
std::chrono::microseconds scattered(std::size_t i) { return std::chrono::microseconds(1 + i * 104'729 % 1'000'003); }

void many(std::size_t count, const std::string& of) {
    asio::io_context context(1);
    std::deque<asio::steady_timer> all;
    for (std::size_t i = 0; i < count; ++i)
        all.emplace_back(context);
    const auto timed = [count, &of](const char* act, auto work) {
        const double start = bench::cpu_ns();
        work();
        bench::timing::say((act + (" " + of)).c_str(), (bench::cpu_ns() - start) / static_cast<double>(count));
    };
    const auto arm = [&](std::chrono::seconds later) {
        const auto now = std::chrono::steady_clock::now() + later;
        for (std::size_t i = 0; i < count; ++i) {
            all[i].expires_at(now + scattered(i));
            all[i].async_wait(fire);
        }
    };
    timed("arm", [&] { arm(std::chrono::hours(1)); });
    timed("cancel", [&] {
        for (auto& each : all)
            each.cancel();
        context.run();
    });
    arm(std::chrono::seconds(-2));  // All are due.
    context.restart();
    timed("fire", [&] { context.run(); });
}

}  // namespace

int main(int argc, char** argv) {
    const bench::timing time(argc, argv);
    {
        asio::io_context context(1);
        std::deque<asio::steady_timer> others;
        for (std::size_t i = 0; i < time.scaled(100'000); ++i) {
            others.emplace_back(context, std::chrono::hours(1) + scattered(i * 7));
            others.back().async_wait(fire);
        }
        asio::steady_timer one(context);
        time.each("arm and cancel one among 100k", 1'000'000, [&](std::size_t n) {
            const auto later = std::chrono::steady_clock::now() + std::chrono::hours(1);
            for (std::size_t i = 0; i < n; ++i) {
                one.expires_at(later + scattered(i));
                one.async_wait(fire);
                one.cancel();
                context.poll();
            }
        });
    }
    many(time.scaled(100'000), "100k");
    many(time.scaled(1'000'000), "1M");
    return fired == time.scaled(100'000) + time.scaled(1'000'000) ? 0 : 1;
}

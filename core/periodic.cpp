#include <ringlet/core/periodic.hpp>

namespace ringlet {

time_point periodic::next(time_point last, duration period, double jitter) {
    const time_point now = loop::current().fresh_now();
    time_point due = after(last, period);
    if (due < now)
        due = last + ((now - last) / period + 1) * period;
    if (jitter > 0) {
        static thread_local std::minstd_rand dice(std::random_device{}());
        const double part = std::uniform_real_distribution(-jitter, jitter)(dice) / 2;
        due = after(due, std::chrono::duration_cast<duration>(period * part));
    }
    return due;
}

void periodic::failed() noexcept {
    report(loop::current().running().name() + ": a periodic call failed: " + describe(std::current_exception()));
}

}  // namespace ringlet

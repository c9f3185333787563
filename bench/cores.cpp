// Between two cores: what it costs to post to a loop that is busy, and how long it takes to wake one that
// sleeps and to be woken by it, beside the same round trip of MSG_RING between two bare rings. Times are
// of the wall clock, since waiting is the thing; the threads are pinned to the first and the last core
// that the process may use. Prints what every micro bench does.

#include "raw/ring.hpp"

#include <ringlet/core/callback.hpp>
#include <ringlet/core/cores.hpp>
#include <ringlet/core/event.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

using namespace ringlet;

namespace {

using wall = std::chrono::steady_clock;

double ns_since(wall::time_point start) {
    return std::chrono::duration<double, std::nano>(wall::now() - start).count();
}

void pin(bool to_first) {
    cpu_set_t all;
    CPU_ZERO(&all);
    sched_getaffinity(0, sizeof all, &all);
    int chosen = -1;
    for (int core = 0; core < CPU_SETSIZE; ++core)
        if (CPU_ISSET(core, &all) && (chosen < 0 || !to_first))
            chosen = core;
    CPU_ZERO(&all);
    CPU_SET(chosen, &all);
    pthread_setaffinity_np(pthread_self(), sizeof all, &all);
}

// Another thread with a loop, whose name is known here.
class neighbour {
public:
    neighbour()
        : thread_([this] {
              pin(false);
              run([this] {
                  loop_ = this_loop();
                  event over;
                  over_ = &over;
                  ready_.store(true);
                  await(over.wait());
              });
          }) {
        while (!ready_.load())
            std::this_thread::yield();
    }
    ~neighbour() {
        add_callback(loop_, [this] { over_->set(); });
        await(yield());  // what wakes it leaves with the next turn of this loop
        thread_.join();
    }
    neighbour(const neighbour&) = delete;
    neighbour& operator=(const neighbour&) = delete;

    const loop_ref& where() const { return loop_; }

private:
    loop_ref loop_;
    event* over_ = nullptr;
    std::atomic<bool> ready_{false};
    std::thread thread_;
};

// A letter that goes back as soon as it is opened over there.
struct there_and_back : letter {
    there_and_back(const loop_ref& there, const loop_ref& here) : letter(&open), to(there), home(here) {}

    static void open(letter& l) noexcept {
        auto& self = static_cast<there_and_back&>(l);
        if (self.home.is_here())
            self.arrived.set();
        else
            self.home.post(self);
    }

    loop_ref to, home;
    event arrived;
};

double round_trip(const neighbour& other, std::size_t times) {
    there_and_back traveller(other.where(), this_loop());
    const auto start = wall::now();
    for (std::size_t i = 0; i < times; ++i) {
        traveller.arrived.clear();
        traveller.to.post(traveller);
        await(traveller.arrived.wait());
    }
    return ns_since(start) / static_cast<double>(times);
}

// Posts to a loop that never sleeps, because a greenlet of its own keeps it busy.
double post_to_busy(const neighbour& other, std::size_t times) {
    std::atomic<bool> stop{false};
    std::atomic<bool> busy{false};
    add_callback(other.where(), [&] {
        while (!stop.load(std::memory_order_relaxed)) {
            busy.store(true, std::memory_order_relaxed);
            await(yield());
        }
        busy.store(false);
    });
    while (!busy.load())
        await(yield());
    std::atomic<std::size_t> opened{0};
    struct counted : letter {
        explicit counted(std::atomic<std::size_t>& c) : letter(&open), count(c) {}
        static void open(letter& l) noexcept {
            static_cast<counted&>(l).count.fetch_add(1, std::memory_order_relaxed);
        }
        std::atomic<std::size_t>& count;
    };
    std::vector<std::unique_ptr<counted>> letters;
    for (std::size_t i = 0; i < times; ++i)
        letters.push_back(std::make_unique<counted>(opened));
    const auto start = wall::now();
    for (const auto& each : letters)
        other.where().post(*each);
    const double took = ns_since(start) / static_cast<double>(times);
    while (opened.load() < times)
        await(yield());
    stop.store(true);
    while (busy.load())
        await(yield());
    return took;
}

// Two bare rings, each on its thread, that send one message to and fro.
class bare_rings {
public:
    bare_rings() {
        thread_ = std::thread([this] {
            pin(false);
            raw::ring theirs(64);
            their_fd_.store(theirs.get()->ring_fd);
            while (my_fd_.load() < 0)
                std::this_thread::yield();
            for (bool over = false; !over;) {
                theirs.turn();
                theirs.drain([&](const io_uring_cqe& cqe) {
                    if (cqe.user_data == 1)
                        send(theirs, my_fd_.load(), 1);
                    else if (cqe.user_data == 2)
                        over = true;
                });
            }
        });
        my_fd_.store(mine_.get()->ring_fd);
        while (their_fd_.load() < 0)
            std::this_thread::yield();
    }
    ~bare_rings() {
        send(mine_, their_fd_.load(), 2);
        io_uring_submit(mine_.get());
        thread_.join();
    }
    bare_rings(const bare_rings&) = delete;
    bare_rings& operator=(const bare_rings&) = delete;

    double round_trip(std::size_t times) {
        const auto start = wall::now();
        for (std::size_t i = 0; i < times; ++i) {
            send(mine_, their_fd_.load(), 1);
            for (bool back = false; !back;) {
                mine_.turn();
                mine_.drain([&](const io_uring_cqe& cqe) { back = back || cqe.user_data == 1; });
            }
        }
        return ns_since(start) / static_cast<double>(times);
    }

private:
    // Its own completion is for nobody, and not wanted on success.
    static void send(raw::ring& from, int to, std::uint64_t what) {
        io_uring_sqe* sqe = from.next_sqe();
        io_uring_prep_msg_ring(sqe, to, 0, what, 0);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = 0;
    }

    raw::ring mine_{64};
    std::atomic<int> my_fd_{-1};
    std::atomic<int> their_fd_{-1};
    std::thread thread_;
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const bool tiny = argc > 1 && std::strcmp(argv[1], "--tiny") == 0;
    const std::size_t trips = tiny ? 20 : 5000;
    pin(true);
    run([&] {
        neighbour other;
        bare_rings bare;
        std::vector<double> ours, theirs, ratio, post;
        for (int round = 0; round < (tiny ? 1 : 9); ++round) {
            ours.push_back(round_trip(other, trips));
            theirs.push_back(bare.round_trip(trips));
            ratio.push_back(ours.back() / theirs.back());
            post.push_back(post_to_busy(other, 20 * trips));
        }
        std::printf(
            "{\"name\": \"wake a sleeping loop and be woken by it\", \"ns\": %.1f, \"baseline\": "
            "\"MSG_RING round trip of bare rings\", \"baseline_ns\": %.1f, \"ratio\": %.3f}\n",
            median(ours), median(theirs), median(ratio));
        std::printf("{\"name\": \"post to a busy loop\", \"ns\": %.1f}\n", median(post));
    });
}

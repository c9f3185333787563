// Every call of the gevent face that waits, killed at every step: nothing may be left behind, and what
// was not taken must still be there.

#include "support/sweep.hpp"

#include <ringlet/core/gevent.hpp>

#include <gmock/gmock.h>

namespace gevent_sweep_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::counted;

/// Ends the helpers of a story, whatever became of it.
class helpers {
public:
    ~helpers() {
        const ringlet::shield until_over;
        for (const auto& g : all_)
            g.kill(false);
        for (const auto& g : all_)
            g.join();
    }
    template <class Fn>
    auto operator()(Fn fn) {
        const auto g = gevent::spawn(std::move(fn));
        all_.push_back(g);
        return g;
    }

private:
    std::vector<AnyGreenlet> all_;
};

/// EXPECT_THROW would swallow the kill.
template <class E, class Fn>
bool throws(Fn fn) {
    try {
        fn();
        return false;
    } catch (const E&) {
        return true;
    }
}

class sweeps : public story::counting {};

TEST_F(sweeps, queues_and_channels) {
    EXPECT_GT(story::sweep([] {
                  const Queue<counted> q(1);
                  const Channel<counted> c;
                  helpers help;
                  help([=] {
                      for (int i = 0; i < 3; ++i) {
                          q.put(counted(i));
                          gevent::sleep(1);
                      }
                      EXPECT_EQ(c.get().value, 7);
                  });
                  for (int i = 0; i < 3; ++i) {
                      EXPECT_EQ(q.get().value, i);
                      q.task_done();
                  }
                  EXPECT_TRUE(throws<Empty>([&] { q.get(1); }));
                  q.join();
                  c.put(counted(7));
                  q.put(counted(8));
                  EXPECT_TRUE(throws<Full>([&] { q.put(counted(9), true, 1); }));
              }),
              5u);
}

TEST_F(sweeps, locks) {
    const Semaphore s;
    const RLock lock;
    const Condition condition(lock);
    EXPECT_GT(story::sweep([&] {
                  {
                      helpers help;
                      help([&] {
                          gevent::with(s, [] { gevent::sleep(1); });
                          gevent::with(condition, [&] { condition.notify(); });
                      });
                      gevent::sleep(0.5);
                      gevent::with(condition, [&] {
                          EXPECT_TRUE(condition.wait(5));
                          gevent::with(s, [] { gevent::sleep(1); });
                      });
                      EXPECT_TRUE(s.acquire());
                      struct release {
                          const Semaphore& held;
                          ~release() { held.release(); }
                      } const at_exit{s};
                      EXPECT_FALSE(s.acquire(true, 1));
                  }
                  EXPECT_EQ(s.counter(), 1u);
                  EXPECT_FALSE(lock.locked());
              }),
              3u);
    EXPECT_EQ(s.counter(), 1u);
    EXPECT_FALSE(lock.locked());
}

TEST_F(sweeps, events_results_and_waits_for_several) {
    EXPECT_GT(story::sweep([] {
                  const Event e;
                  const AsyncResult<counted> r;
                  helpers help;
                  const auto g = help([=] {
                      gevent::sleep(1);
                      e.set();
                      gevent::sleep(1);
                      r.set(counted(1));
                  });
                  EXPECT_TRUE(e.wait(5));
                  EXPECT_EQ(r.get().value, 1);
                  g.get();
                  g.join();
                  EXPECT_EQ(gevent::wait({e, r, g}, 5).size(), 3u);
                  const auto late = help([] { gevent::sleep(2); });
                  EXPECT_EQ(gevent::joinall({g, late}).size(), 2u);
                  EXPECT_TRUE(gevent::joinall({help([] { gevent::sleep(50); })}, 1).empty());
              }),
              4u);
}

TEST_F(sweeps, kills_and_timeouts) {
    EXPECT_GT(story::sweep([] {
                  helpers help;
                  const auto stubborn = help([kept = counted(1)] {
                      try {
                          gevent::sleep(10);
                      } catch (const GreenletExit&) {
                          gevent::sleep(1);
                      }
                  });
                  gevent::sleep(1);
                  stubborn.kill();
                  const auto mild = help([] { gevent::sleep(10); });
                  gevent::sleep(0);
                  gevent::killall({mild, stubborn});
                  EXPECT_FALSE(gevent::with(Timeout(1, false), [] { gevent::sleep(10); }));
                  EXPECT_EQ(gevent::with_timeout(
                                1,
                                [] {
                                    gevent::sleep(10);
                                    return 1;
                                },
                                2),
                            2);
                  gevent::idle();
              }),
              4u);
}

TEST_F(sweeps, pools) {
    EXPECT_GT(story::sweep([] {
                  Pool pool(2);
                  struct kill_all {
                      Pool& pool;
                      ~kill_all() {
                          const ringlet::shield until_over;
                          pool.kill();
                      }
                  } const at_exit{pool};
                  const auto work = [](int n) {
                      gevent::sleep(n);
                      return n;
                  };
                  // Whoever dies in a map leaves its greenlets to themselves, as in gevent.
                  const auto mapping = pool.map_async(work, std::vector{1, 2, 3});
                  struct kill_mapping {
                      const AnyGreenlet mapping;
                      ~kill_mapping() {
                          const ringlet::shield until_over;
                          mapping.kill();
                      }
                  } const before{mapping};
                  EXPECT_EQ(mapping.get().size(), 3u);
                  pool.spawn(work, 1);
                  EXPECT_GE(pool.wait_available(), 1u);
                  EXPECT_TRUE(pool.join());
                  EXPECT_EQ(pool.apply(work, 1), 1);
              }),
              4u);
}

TEST_F(sweeps, results_one_by_one_and_thread_pools) {
    EXPECT_GT(story::sweep([] {
                  Pool pool(2);
                  struct kill_all {
                      Pool& pool;
                      ~kill_all() {
                          const ringlet::shield until_over;
                          pool.kill();
                      }
                  } const at_exit{pool};
                  const auto work = [](int n) {
                      gevent::sleep(n);
                      return n;
                  };
                  int sum = 0;
                  for (const int n : pool.imap_unordered_sized(1, work, std::vector{3, 1, 2}))
                      sum += n;
                  for (const int n : pool.imap_sized(2, work, std::vector{3, 1, 2}))
                      sum += n;
                  EXPECT_EQ(sum, 12);
                  const ThreadPool threads(1);
                  struct join_threads {  // they finish what they do, whoever asked
                      const ThreadPool& threads;
                      ~join_threads() {
                          const ringlet::shield until_over;
                          threads.join();
                      }
                  } const at_the_end{threads};
                  EXPECT_EQ(threads.apply([](int n) { return n; }, 5), 5);
                  EXPECT_EQ(threads.spawn([](int n) { return counted(n); }, 6).get().value, 6);
              }),
              4u);
}

TEST_F(sweeps, iterations_over_what_becomes_ready) {
    EXPECT_GT(story::sweep([] {
                  const Queue<counted> q;
                  const Semaphore s(0);
                  const JoinableQueue<int> jobs(None, {1});
                  helpers help;
                  const auto g = help([=] {
                      gevent::sleep(1);
                      s.release();
                      gevent::sleep(1);
                      q.put(counted(1));
                      jobs.task_done();
                  });
                  int ready = 0;
                  for (const Waitable& each : gevent::iwait({s, g}, 10))
                      ready += each.ready();
                  EXPECT_EQ(ready, 2);
                  EXPECT_EQ(s.wait(), 1u);
                  EXPECT_EQ(q.peek().value, 1);
                  EXPECT_TRUE(jobs.join(5));
                  const Event never;
                  EXPECT_FALSE(never.wait(0));
                  Group group({help([] { gevent::sleep(1); })});
                  EXPECT_TRUE(group.join());
              }),
              3u);
}

}  // namespace gevent_sweep_test

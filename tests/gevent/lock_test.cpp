// gevent.lock and threading's Condition: the behaviours of test__semaphore and test__lock.

#include "support/allocations.hpp"
#include "support/gevent_world.hpp"

#include <mutex>

namespace gevent_lock_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::thrown_by;
using testing::ElementsAre;
using testing::SizeIs;

class lock_face : public story::gevent_program {};

TEST_F(lock_face, acquire_says_whether_it_got_one) {
    const Semaphore s(0);
    EXPECT_FALSE(s.acquire(true, 0.1));
    EXPECT_NEAR(now(), 0.1, 0.01);
    EXPECT_FALSE(s.acquire(false));
    EXPECT_TRUE(s.locked());
    EXPECT_EQ(s.release(), 1u);
    EXPECT_FALSE(s.locked());
    EXPECT_TRUE(s.acquire());
    EXPECT_EQ(s.counter(), 0u);
}

TEST_F(lock_face, who_gave_up_takes_none) {
    const Semaphore s(0);
    const auto gives_up = gevent::spawn([s] { return s.acquire(true, 0.1); });
    const auto waits = gevent::spawn([s] { return s.acquire(); });
    gevent::sleep(0.2);
    s.release();
    EXPECT_FALSE(gives_up.get());
    EXPECT_TRUE(waits.get());
    EXPECT_EQ(s.counter(), 0u);
}

TEST_F(lock_face, each_release_calls_those_who_are_linked) {
    const Semaphore s;
    s.rawlink([this](const Semaphore&) { print("a"); });
    s.release();
    s.rawlink([this](const Semaphore&) { print("b"); });
    s.release();
    gevent::sleep(0.001);
    EXPECT_THAT(printed, ElementsAre("a", "b"));
}

TEST_F(lock_face, waiting_for_one_takes_none) {
    const Semaphore s(1);
    EXPECT_THAT(gevent::wait({s}), SizeIs(1));
    EXPECT_EQ(s.wait(), 1u);
    EXPECT_TRUE(s.acquire());
    EXPECT_EQ(s.wait(0.1), 0u);
    const auto waiter = gevent::spawn([s] { return s.wait(); });
    gevent::sleep(0);
    s.release();
    EXPECT_EQ(waiter.get(), 1u);
}

// gevent's issue 1487: two that take turns and a third that only wants it once.
TEST_F(lock_face, nobody_is_starved) {
    const Semaphore sem;
    bool quit = false;
    std::function<void()> acquire_then_spawn, release_then_spawn;
    acquire_then_spawn = [&] {
        if (quit)
            return;
        sem.acquire();
        gevent::spawn(release_then_spawn).join();
    };
    release_then_spawn = [&] {
        sem.release();
        if (quit)
            return;
        gevent::spawn(acquire_then_spawn).join();
    };
    const auto one = gevent::spawn(acquire_then_spawn), two = gevent::spawn(acquire_then_spawn);
    const auto exits = gevent::spawn([&] {
        sem.acquire();
        quit = true;
    });
    EXPECT_THROW(gevent::joinall({one, two, exits}), LoopExit);
    EXPECT_TRUE(exits.dead());
    EXPECT_TRUE(two.dead());
    EXPECT_FALSE(one.dead());
    sem.release();
    gevent::killall({one, two, exits});
    gevent::idle();
}

TEST_F(lock_face, there_is_no_semaphore_of_less_than_none) {
    EXPECT_THROW(Semaphore(-1), std::invalid_argument);
    EXPECT_THROW(BoundedSemaphore(-1), std::invalid_argument);
    EXPECT_TRUE(Semaphore(0).locked());
    EXPECT_EQ(Semaphore(std::size_t(7)).counter(), 7u);
}

TEST_F(lock_face, a_bounded_one_refuses_what_was_not_taken) {
    const BoundedSemaphore s(1);
    EXPECT_THROW(s.release(), std::logic_error);
    s.acquire();
    s.release();
    EXPECT_EQ(s.counter(), 1u);
    const DummySemaphore dummy;
    EXPECT_TRUE(dummy.acquire() && dummy.acquire(true, 1));
}

TEST_F(lock_face, with_releases_whatever_happens) {
    const Semaphore s;
    EXPECT_EQ(gevent::with(s, [&] { return s.locked(); }), true);
    EXPECT_THROW(gevent::with(s, [] { throw 1; }), int);
    EXPECT_FALSE(s.locked());
    {
        const std::lock_guard held(s);
        EXPECT_TRUE(s.locked());
    }
    EXPECT_FALSE(s.locked());
}

TEST_F(lock_face, with_throws_what_the_release_throws_unless_its_body_has_thrown) {
    const RLock lock;
    EXPECT_EQ(thrown_by([&] { gevent::with(lock, [&] { lock.release(); }); }),
              "RLock: released by main, which does not hold it");
    EXPECT_FALSE(lock.locked());
    const BoundedSemaphore s;
    EXPECT_THROW(gevent::with(s, [&] { return s.release(); }), std::invalid_argument);
    const auto fails = [&] {
        s.release();
        throw std::out_of_range("its own");
    };
    EXPECT_EQ(thrown_by([&] { gevent::with(s, fails); }), "its own");
    EXPECT_EQ(s.counter(), 1u);
}

TEST_F(lock_face, an_rlock_belongs_to_its_greenlet) {
    const RLock lock;
    EXPECT_TRUE(lock.acquire());
    EXPECT_TRUE(lock.acquire());
    const auto other = gevent::spawn([lock] {
        EXPECT_THROW(lock.release(), std::runtime_error);
        EXPECT_FALSE(lock.acquire(false));
        EXPECT_FALSE(lock.acquire(true, 0.1));
        return gevent::with(lock, [&] { return lock.acquire(); });
    });
    gevent::sleep(1);
    lock.release();
    EXPECT_TRUE(lock.locked());
    lock.release();
    EXPECT_TRUE(other.get());
    EXPECT_TRUE(lock.locked()) << "the other acquired twice and released once";
    EXPECT_THROW(lock.release(), std::runtime_error);
}

TEST_F(lock_face, who_waits_for_one_keeps_it) {
    std::optional<Semaphore> semaphore(std::in_place, 0);
    std::optional<RLock> lock(std::in_place);
    std::optional<Condition> condition(std::in_place);
    lock->acquire();
    const auto takes = gevent::spawn([&] { return semaphore->acquire(); });
    const auto locks = gevent::spawn([&] { return lock->acquire(); });
    const auto waits = gevent::spawn([&] {
        condition->acquire();
        return condition->wait(5);
    });
    gevent::sleep(1);
    semaphore->release();
    lock->release();
    condition->acquire();
    condition->notify();
    condition->release();
    semaphore.reset();
    lock.reset();
    condition.reset();
    EXPECT_TRUE(takes.get());
    EXPECT_TRUE(locks.get());
    EXPECT_TRUE(waits.get());
}

TEST_F(lock_face, with_gives_back_what_it_took_even_if_the_name_means_another_now) {
    std::map<int, RLock> locks;
    const RLock first = locks[1];
    gevent::with(locks[1], [&] { locks[1] = RLock(); });
    EXPECT_FALSE(first.locked());
}

TEST_F(lock_face, who_waits_for_a_condition_to_hold_keeps_it) {
    std::optional<Condition> named(std::in_place);
    const Condition condition = *named;
    bool holds = false;
    const auto waits = gevent::spawn(
        [&] { return gevent::with(condition, [&] { return named->wait_for([&] { return holds; }); }); });
    gevent::sleep(0);
    named.emplace();
    gevent::with(condition, [&] { condition.notify(); });
    gevent::sleep(0);
    holds = true;
    gevent::with(condition, [&] { condition.notify(); });
    EXPECT_TRUE(waits.get(5));
}

TEST_F(lock_face, a_condition_wakes_whom_it_should) {
    const Condition condition;
    const auto waiter = [&](std::string name) {
        return gevent::spawn([this, condition, name] {
            gevent::with(condition, [&] { print(name + (condition.wait(5) ? " notified" : " late")); });
        });
    };
    const auto a = waiter("a"), b = waiter("b"), c = waiter("c"), d = waiter("d");
    gevent::sleep(0);
    gevent::with(condition, [&] { condition.notify(); });
    gevent::sleep(1);
    EXPECT_THAT(printed, ElementsAre("a notified"));
    gevent::with(condition, [&] { condition.notify(2); });
    gevent::joinall({a, b, c, d});
    EXPECT_THAT(printed, ElementsAre("a notified", "b notified", "c notified", "d late"));
    EXPECT_THROW(condition.wait(), std::runtime_error);
    EXPECT_THROW(condition.notify(), std::runtime_error);
}

TEST_F(lock_face, a_notification_that_comes_when_time_is_up_is_not_lost) {
    const Condition condition;
    const auto notify = [&] {
        gevent::sleep(1);
        gevent::with(condition, [&] { condition.notify(); });
    };
    const auto late = [&] { return gevent::with(condition, [&] { return condition.wait(1); }); };
    gevent::spawn(notify);
    const auto first = gevent::spawn(late), second = gevent::spawn(late);
    EXPECT_TRUE(first.get());
    EXPECT_FALSE(second.get());
    EXPECT_NEAR(now(), 1, 0.01);

    gevent::spawn(notify);
    const auto cut_short =
        gevent::spawn([&] { gevent::with(condition, [&] { gevent::with(Timeout(1), [&] { condition.wait(); }); }); });
    const auto next = gevent::spawn([&] { return gevent::with(condition, [&] { return condition.wait(5); }); });
    EXPECT_THROW(cut_short.get(), Timeout);
    EXPECT_TRUE(next.get()) << "it goes to the next";
    EXPECT_NEAR(now(), 2, 0.01);
}

TEST_F(lock_face, wait_for_waits_until_it_is_so) {
    const Condition condition;
    int n = 0;
    const auto waiter = gevent::spawn(
        [&] { return gevent::with(condition, [&] { return condition.wait_for([&] { return n >= 2; }); }); });
    const auto hopeless = gevent::spawn(
        [&] { return gevent::with(condition, [&] { return condition.wait_for([&] { return n >= 9; }, 10); }); });
    for (int i = 0; i < 2; ++i) {
        gevent::sleep(1);
        gevent::with(condition, [&] {
            ++n;
            condition.notify_all();
        });
    }
    EXPECT_TRUE(waiter.get());
    EXPECT_FALSE(hopeless.get());
    EXPECT_NEAR(now(), 10, 0.1);
}

TEST_F(lock_face, a_condition_wait_that_is_killed_still_takes_the_lock) {
    const RLock lock;
    const Condition condition(lock);
    const auto waiter = gevent::spawn([&] { gevent::with(condition, [&] { condition.wait(); }); });
    gevent::sleep(0);
    lock.acquire();
    waiter.kill(false);
    gevent::sleep(1);
    EXPECT_FALSE(waiter.dead());
    lock.release();
    waiter.join();
    EXPECT_TRUE(waiter.successful());
    EXPECT_FALSE(lock.locked());
}

// --- without memory ----------------------------------------------------------------------------------

/// False if there was no memory for it.
bool done_without_memory(const std::function<void()>& what) {
    const story::no_kept_frames taken;
    const story::memory_for nothing(0);
    try {
        what();
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

TEST_F(lock_face, a_release_takes_no_memory) {
    const BoundedSemaphore s;
    s.acquire();
    const auto waiter = gevent::spawn([s] { return s.acquire(true, 10); });
    gevent::sleep(0.001);
    EXPECT_TRUE(done_without_memory([&] { s.release(); }));
    EXPECT_TRUE(waiter.get());
    EXPECT_LT(now(), 1);
}

TEST_F(lock_face, the_last_release_of_an_rlock_takes_no_memory) {
    const RLock lock;
    lock.acquire();
    lock.acquire();
    const auto waiter = gevent::spawn([lock] { return lock.acquire(true, 10); });
    gevent::sleep(0.001);
    lock.release();
    EXPECT_TRUE(done_without_memory([&] { lock.release(); }));
    EXPECT_TRUE(waiter.get());
    EXPECT_LT(now(), 1);
}

TEST_F(lock_face, a_notification_takes_no_memory) {
    const Condition condition;
    const auto waiter = gevent::spawn([&] { return gevent::with(condition, [&] { return condition.wait(10); }); });
    gevent::sleep(0.001);
    condition.acquire();
    EXPECT_TRUE(done_without_memory([&] { condition.notify(); }));
    condition.release();
    EXPECT_TRUE(waiter.get());
    EXPECT_LT(now(), 1);
}

TEST_F(lock_face, a_notification_that_comes_with_a_kill_goes_to_the_next_without_memory_too) {
    const Condition condition;
    const char* ended = "";
    const auto killed = gevent::spawn([&] {
        const std::lock_guard held(condition);
        try {
            condition.wait();
        } catch (const GreenletExit&) {
            ended = "killed";
        } catch (const std::bad_alloc&) {
            ended = "no memory";
        }
    });
    const auto next = gevent::spawn([&] { return gevent::with(condition, [&] { return condition.wait(10); }); });
    const auto director = gevent::spawn([&] {
        condition.acquire();
        killed.kill(false);
        condition.notify();
        gevent::sleep(0.001);  // it is woken, and waits for the lock
        condition.release();
        const story::no_kept_frames taken;
        const story::memory_for nothing(0);
        for (int laps = 0; laps < 3; ++laps)
            gevent::sleep(0);
    });
    director.join();
    EXPECT_STREQ(ended, "killed");
    EXPECT_TRUE(next.get());
    EXPECT_LT(now(), 1);
}

TEST_F(lock_face, a_condition_wait_ends_with_the_lock_however_little_memory_there_is) {
    bool waited = false;
    for (std::size_t allocations = 0; !waited; ++allocations) {
        const Condition condition;
        condition.acquire();
        const auto other = gevent::spawn([&] {
            condition.acquire();
            condition.notify();
            for (int laps = 0; laps < 3; ++laps)
                gevent::sleep(0);  // whoever was notified waits for the lock meanwhile
            condition.release();
        });
        gevent::sleep(0.001);
        {
            const story::no_kept_frames taken;
            const story::memory_for little(allocations);
            try {
                waited = condition.wait();
            } catch (const std::bad_alloc&) {}
        }
        EXPECT_EQ(thrown_by([&] { condition.release(); }), "nothing") << "with " << allocations << " allocations";
        other.join();
    }
}

TEST_F(lock_face, a_condition_wait_that_finds_no_memory_keeps_the_lock_and_no_place_in_the_line) {
    // Its place in the line takes one, and to wait takes another.
    for (std::size_t allocations = 0; allocations < 2; ++allocations) {
        const Condition condition;
        condition.acquire();
        const auto next = gevent::spawn([&] { return gevent::with(condition, [&] { return condition.wait(5); }); });
        gevent::sleep(0.001);  // it waits for the lock
        bool waited = true;
        {
            const story::no_kept_frames taken;
            const story::memory_for little(allocations);
            try {
                waited = condition.wait(1);
            } catch (const std::bad_alloc&) {
                waited = false;
            }
        }
        EXPECT_FALSE(waited);
        ASSERT_EQ(thrown_by([&] { condition.release(); }), "nothing") << "with " << allocations << " allocations";
        gevent::sleep(0.001);
        gevent::with(condition, [&] { condition.notify(); });
        EXPECT_TRUE(next.get()) << "with " << allocations << " allocations";
    }
}

TEST_F(lock_face, a_main_program_whose_wait_finds_no_memory_can_wait_again) {
    const Semaphore s(0);
    const auto releases = gevent::spawn_later(1, [s] { s.release(); });
    if (!done_without_memory([&] { s.acquire(); })) {
        EXPECT_EQ(thrown_by([&] { s.acquire(); }), "nothing");
    }
    EXPECT_TRUE(releases.ready());
}

}  // namespace gevent_lock_test

// gevent.queue: the behaviours of test__queue.

#include "support/allocations.hpp"
#include "support/gevent_world.hpp"

namespace gevent_queue_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::counted;
using story::thrown_by;
using testing::ElementsAre;

class queue_face : public story::gevent_program {};

TEST_F(queue_face, what_is_put_first_comes_first) {
    const Queue<std::string> q;
    EXPECT_TRUE(q.empty());
    q.put("hi");
    q.put("there");
    EXPECT_EQ(q.qsize(), 2u);
    EXPECT_EQ(q.peek(), "hi");
    EXPECT_EQ(q.get(), "hi");
    EXPECT_EQ(q.get(), "there");
    EXPECT_EQ(Queue<int>(None, {1, 2}).get(), 1);
}

TEST_F(queue_face, waiting_for_what_never_comes_is_a_loop_exit) {
    const Queue<int> q;
    EXPECT_THROW(q.get(), LoopExit);
    EXPECT_THROW(q.peek(), LoopExit);
    EXPECT_THROW(Queue<int>(1, {1}).put(2), LoopExit);
}

TEST_F(queue_face, a_getter_waits_for_a_putter) {
    const Queue<std::string> q;
    const auto getter = gevent::spawn([q] {
        std::string got;
        gevent::with(Timeout(0.1), [&] { got = q.get(); });
        return got;
    });
    gevent::sleep(0.01);
    q.put("hi2");
    gevent::sleep(0.01);
    EXPECT_EQ(getter.get(0), "hi2");
}

TEST_F(queue_face, a_full_queue_makes_putters_wait) {
    const Queue<char> q(2);
    std::string done;
    const auto putter = gevent::spawn([&] {
        for (const char c : {'a', 'b', 'c'}) {
            q.put(c);
            done += c;
        }
    });
    gevent::sleep(0);
    EXPECT_EQ(done, "ab");
    EXPECT_TRUE(q.full());
    EXPECT_EQ(q.get(), 'a');
    gevent::sleep(0);
    EXPECT_EQ(done, "abc");
    EXPECT_EQ(q.get(), 'b');
    EXPECT_EQ(q.get(), 'c');
    putter.get(0);
}

TEST_F(queue_face, calls_that_must_not_wait_fail) {
    const Queue<int> q(1);
    EXPECT_THROW(q.get_nowait(), Empty);
    EXPECT_THROW(q.get(false), Empty);
    EXPECT_THROW(q.peek_nowait(), Empty);
    q.put_nowait(2);
    EXPECT_THROW(q.put_nowait(3), Full);
    EXPECT_THROW(q.put(3, false), Full);
    EXPECT_EQ(q.get_nowait(), 2);
}

TEST_F(queue_face, timed_calls_fail_when_time_is_up) {
    const Queue<int> q(1);
    EXPECT_THROW(q.get(0.1), Empty);
    EXPECT_THROW(q.peek(true, 0.1), Empty);
    EXPECT_NEAR(now(), 0.2, 0.01);
    q.put(1);
    EXPECT_THROW(q.put(2, true, 0.1), Full);
    EXPECT_EQ(q.get(0), 1);
    EXPECT_THROW(q.get(0), Empty);
    EXPECT_EQ(q.qsize(), 0u) << "who gave up put nothing in";
}

TEST_F(queue_face, many_who_wait_all_get_theirs) {
    const Queue<int> q;
    std::vector<Greenlet<int>> getters;
    for (int i = 0; i < 4; ++i)
        getters.push_back(gevent::spawn([q] { return q.get(); }));
    gevent::sleep(0.01);
    q.put(1);
    EXPECT_EQ(getters[0].get(), 1);
    q.put(2);
    EXPECT_EQ(getters[1].get(), 2);
    q.put(3);
    q.put(4);
    EXPECT_EQ(getters[2].get(), 3);
    EXPECT_EQ(getters[3].get(), 4);
}

TEST_F(queue_face, who_was_cut_short_takes_nothing_and_the_next_is_served) {
    const Queue<std::string> q;
    const auto cut_short = [q] {
        return thrown_by([&] { gevent::with(Timeout(0, std::runtime_error("timed out")), [&] { q.get(); }); });
    };
    const auto dying = gevent::spawn(cut_short);
    const auto waiting = gevent::spawn([q] { return q.get(); });
    gevent::sleep(0.1);
    q.put("hi");
    EXPECT_EQ(dying.get(), "timed out");
    EXPECT_EQ(waiting.get(), "hi");
    const auto a = gevent::spawn(cut_short), b = gevent::spawn(cut_short);
    gevent::sleep(0.1);
    q.put("sent");
    EXPECT_EQ(a.get(), "timed out");
    EXPECT_EQ(b.get(), "timed out");
    EXPECT_EQ(q.get(), "sent");
}

TEST_F(queue_face, a_putter_that_has_died_has_put) {
    const Queue<std::string> q;
    gevent::spawn([q] { q.put("sent"); });
    EXPECT_EQ(q.get(), "sent");
}

TEST_F(queue_face, peeking_leaves_the_item) {
    const Queue<int> q;
    const auto peeker = gevent::spawn([q] { return q.peek(); });
    gevent::sleep(0);
    q.put(1);
    EXPECT_EQ(peeker.get(), 1);
    EXPECT_EQ(q.peek(), 1);
    EXPECT_EQ(q.qsize(), 1u);
}

TEST_F(queue_face, an_iteration_ends_at_stop_iteration) {
    const Queue<int> q(None, {1, 2});
    gevent::spawn_later(0.1, [q] {
        q.put(3);
        q.put(StopIteration);
    });
    std::vector<int> all;
    for (const int i : q)
        all.push_back(i);
    EXPECT_THAT(all, ElementsAre(1, 2, 3));
    q.put(StopIteration);
    EXPECT_THROW(q.get(), stop_iteration);
}

TEST_F(queue_face, an_iteration_goes_on_with_the_queue_it_began_with) {
    std::map<int, Queue<int>> jobs;
    jobs[1].put(1);
    jobs[1].put(2);
    jobs[1].put(StopIteration);
    std::vector<int> all;
    for (const int job : jobs[1]) {
        all.push_back(job);
        jobs[1] = Queue<int>(None, {7});
        jobs[1].put(StopIteration);
    }
    EXPECT_THAT(all, ElementsAre(1, 2));
}

TEST_F(queue_face, lifo_gives_the_youngest_and_priority_the_smallest) {
    const LifoQueue<int> lifo(None, {1, 2, 3});
    EXPECT_EQ(lifo.peek(), 3);
    EXPECT_EQ(lifo.get(), 3);
    const PriorityQueue<std::pair<int, std::string>> smallest;
    smallest.put({2, "b"});
    smallest.put({1, "z"});
    smallest.put({2, "a"});
    EXPECT_EQ(smallest.peek().second, "z");
    std::string order;
    for (int i = 0; i < 3; ++i)
        order += smallest.get().second;
    EXPECT_EQ(order, "zab");
}

TEST_F(queue_face, join_waits_until_every_task_is_done) {
    const JoinableQueue<int> q;
    EXPECT_TRUE(q.join());
    for (int i = 0; i < 10; ++i)
        q.put(i);
    EXPECT_FALSE(q.join(0.1));
    int sum = 0;
    for (int i = 0; i < 3; ++i)
        gevent::spawn([&, q] {
            for (;;) {
                sum += q.get();
                gevent::sleep(0.01);
                q.task_done();
            }
        });
    EXPECT_TRUE(q.join());
    EXPECT_EQ(sum, 45);
    EXPECT_EQ(q.unfinished_tasks(), 0u);
    EXPECT_THROW(q.task_done(), std::invalid_argument);
}

TEST_F(queue_face, after_a_shutdown_nothing_is_put_and_the_rest_is_got) {
    const Queue<char> q;
    q.put('L');
    q.put('O');
    q.shutdown();
    EXPECT_THROW(q.put('E'), ShutDown);
    EXPECT_THROW(q.put_nowait('W'), ShutDown);
    EXPECT_EQ(q.get(), 'L');
    EXPECT_EQ(q.get(), 'O');
    EXPECT_THROW(q.get(), ShutDown);
    EXPECT_THROW(q.get_nowait(), ShutDown);
    EXPECT_THROW(q.get(true, 1), ShutDown);
    q.task_done();
    q.task_done();
    EXPECT_TRUE(q.join());
}

TEST_F(queue_face, an_immediate_shutdown_throws_away_and_ends_every_wait) {
    const Queue<char> full(1, {'x'}), empty;
    const auto putter = gevent::spawn([full] { full.put('y'); });
    const auto getter = gevent::spawn([empty] { empty.get(); });
    const auto joiner = gevent::spawn([full] { return full.join(); });
    gevent::sleep(0);
    full.shutdown(true);
    empty.shutdown(true);
    EXPECT_THROW(putter.get(), ShutDown);
    EXPECT_THROW(getter.get(), ShutDown);
    EXPECT_TRUE(joiner.get());
    EXPECT_THROW(full.get(), ShutDown);
    EXPECT_THROW(full.task_done(), std::invalid_argument);
}

TEST_F(queue_face, an_immediate_shutdown_leaves_what_was_taken_to_be_done) {
    const Queue<int> q(None, {1, 2, 3});
    EXPECT_EQ(q.get(), 1);
    const auto joiner = gevent::spawn([q] { return q.join(); });
    gevent::sleep(0);
    q.shutdown(true);
    EXPECT_EQ(q.unfinished_tasks(), 1u);
    gevent::sleep(0);
    EXPECT_FALSE(joiner.ready());
    q.task_done();
    EXPECT_TRUE(joiner.get());
    EXPECT_THROW(q.task_done(), std::invalid_argument);
}

TEST_F(queue_face, an_item_that_an_immediate_shutdown_throws_away_finds_the_queue_empty) {
    struct asks {
        explicit asks(Queue<asks>& q, std::vector<std::size_t>& what) : queue(&q), sizes(&what) {}
        asks(asks&& other) noexcept : queue(std::exchange(other.queue, nullptr)), sizes(other.sizes) {}
        asks& operator=(asks&&) = default;
        ~asks() {
            if (queue != nullptr)
                sizes->push_back(queue->qsize());
        }
        Queue<asks>* queue;
        std::vector<std::size_t>* sizes;
    };
    std::vector<std::size_t> sizes;
    Queue<asks> q;
    q.put(asks(q, sizes));
    q.put(asks(q, sizes));
    q.shutdown(true);
    EXPECT_THAT(sizes, ElementsAre(0, 0));
}

TEST_F(queue_face, what_waits_to_be_put_fails_at_a_shutdown_be_it_the_end_of_an_iteration) {
    const Queue<int> full(1, {1});
    const auto putter = gevent::spawn([full] { full.put(2); });
    const auto last = gevent::spawn([full] { full.put(StopIteration); });
    gevent::sleep(0);
    full.shutdown();
    EXPECT_THROW(putter.get(), ShutDown);
    EXPECT_THROW(last.get(), ShutDown);
    EXPECT_EQ(full.get(), 1);
    EXPECT_EQ(full.next(), std::nullopt);
}

TEST_F(queue_face, what_keeps_an_item_from_being_put_or_given_is_thrown_where_it_waits) {
    struct incomparable {
        bool operator()(int a, int b) const {
            return a == 13 || b == 13 ? throw std::domain_error("bad luck") : a < b;
        }
    };
    const PriorityQueue<int, incomparable> q(2, {1, 2});
    const auto unlucky = gevent::spawn([q] { q.put(13); });
    const auto next = gevent::spawn([q] { q.put(3); });
    gevent::sleep(0);
    EXPECT_EQ(q.get(), 1);
    EXPECT_EQ(thrown_by([&] { unlucky.get(); }), "bad luck");
    next.get();
    EXPECT_EQ(q.get(), 2);
    EXPECT_EQ(q.get(), 3);
    EXPECT_TRUE(q.empty());
}

TEST_F(queue_face, a_put_that_finds_no_memory_has_put_nothing) {
    bool put = false;
    for (std::size_t allocations = 0; !put; ++allocations) {
        const Queue<int> q;
        const auto getter = gevent::spawn([q] { return q.get(10); });
        gevent::sleep(0.001);
        {
            const story::no_kept_frames taken;
            const story::memory_for little(allocations);
            try {
                q.put(1);
                put = true;
            } catch (const std::bad_alloc&) {}
        }
        EXPECT_EQ(q.qsize(), put ? 1u : 0u) << "with " << allocations << " allocations";
        if (!put)
            q.put(2);
        EXPECT_EQ(getter.get(), put ? 1 : 2) << "with " << allocations << " allocations";
    }
}

TEST_F(queue_face, a_channel_holds_nothing) {
    const Channel<std::string> c;
    EXPECT_TRUE(c.empty() && c.full());
    EXPECT_THROW(c.get_nowait(), Empty);
    EXPECT_THROW(c.put_nowait("x"), Full);
    EXPECT_THROW(c.get(0.1), Empty);
    EXPECT_THROW(c.put("x", true, 0.1), Full);
    EXPECT_EQ(c.balance(), 0);
    const auto getter = gevent::spawn([&] {
        print(c.get());
        print(c.get());
    });
    print("sending");
    c.put("hello");
    print("sent hello");
    c.put("world");
    print("sent world");
    EXPECT_THAT(printed, ElementsAre("sending", "hello", "sent hello", "world", "sent world"));
    getter.get();
}

TEST_F(queue_face, a_putter_that_was_served_does_not_wait_any_more_for_a_channel) {
    const Channel<int> c;
    gevent::spawn([c] { c.put(1); });
    EXPECT_EQ(c.get(), 1);
    EXPECT_EQ(c.balance(), 0) << "before the putter runs";
}

TEST_F(queue_face, a_channel_serves_in_order_and_counts_who_waits) {
    const Channel<int> c;
    for (int i = 0; i < 3; ++i)
        gevent::spawn([c, i] { c.put(i); });
    gevent::sleep(0);
    EXPECT_EQ(c.balance(), 3);
    EXPECT_EQ(c.get(), 0);
    EXPECT_EQ(c.get_nowait(), 1) << "a putter waits";
    EXPECT_EQ(c.get(1), 2);
    for (int i = 0; i < 2; ++i)
        gevent::spawn([&, c, i] { print(std::to_string(i) + " got " + std::to_string(c.get())); });
    gevent::sleep(0);
    EXPECT_EQ(c.balance(), -2);
    c.put(7);
    c.put(8);
    EXPECT_THAT(printed, ElementsAre("0 got 7", "1 got 8"));
}

TEST_F(queue_face, an_item_that_cannot_be_moved_through_a_channel_is_an_error_of_the_getter) {
    struct sticks {
        explicit sticks(const bool& is_stuck) : stuck(&is_stuck) {}
        sticks(const sticks& other) : stuck(other.stuck) {
            if (*stuck)
                throw std::length_error("stuck");
        }
        const bool* stuck;
    };
    bool stuck = false;
    const Channel<sticks> c;
    const auto putter = gevent::spawn([&] { c.put(sticks(stuck)); });
    gevent::sleep(0);
    stuck = true;
    EXPECT_EQ(thrown_by([&] { c.get(); }), "stuck");
    putter.get();
}

TEST_F(queue_face, a_channel_ends_an_iteration) {
    const Channel<int> c;
    gevent::spawn([c] {
        c.put(1);
        c.put(StopIteration);
    });
    std::vector<int> all;
    for (const int i : c)
        all.push_back(i);
    EXPECT_THAT(all, ElementsAre(1));
}

TEST_F(queue_face, items_that_cannot_be_copied_pass_through) {
    const Queue<std::unique_ptr<int>> q(1);
    const Channel<std::unique_ptr<int>> c;
    gevent::spawn([q, c] {
        for (int i = 0; i < 3; ++i)
            q.put(std::make_unique<int>(i));
        c.put(std::make_unique<int>(9));
    });
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(*q.get(), i);
    EXPECT_EQ(*c.get(), 9);
}

}  // namespace gevent_queue_test

// The same as ported_test.cpp for queues, channels, groups and pools.

#include "support/gevent_world.hpp"

namespace gevent_ported_pools_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;

struct KeyError {
    int key;
};

std::vector<int> list_of(const Imap<int>& results) {
    std::vector<int> all;
    for (const int x : results)
        all.push_back(x);
    return all;
}

class ported_pools : public story::gevent_program {};

TEST_F(ported_pools, imap_gives_errors_in_their_place_and_goes_on) {
    const Pool pool(2);
    const auto work = [this](int n) {
        say("run", n);
        gevent::sleep(0.01 * (n % 3) + 0.001 * n);
        if (n == 3)
            throw KeyError{n};
        return n;
    };
    const auto drain = [this](const auto& results) {
        for (;;)
            try {
                const auto x = results.next();
                if (!x)
                    return say("stop");
                say("got", *x);
            } catch (const KeyError& e) {
                say("key", e.key);
            }
    };
    const std::vector<int> items{0, 1, 2, 3, 4, 5};
    drain(pool.imap(work, items));
    drain(pool.imap_unordered_sized(1, work, items));
    EXPECT_EQ(said, R"(
run 0
run 1
got 0
run 2
got 1
run 3
run 4
got 2
key 3
run 5
got 4
got 5
stop
run 0
run 1
got 0
run 2
got 1
run 3
key 3
run 4
got 2
run 5
got 4
got 5
stop
)");
}

TEST_F(ported_pools, who_spawns_into_a_full_pool_waits_for_two_to_end) {
    const Pool pool(2);
    const auto work = [this](int n) {
        say("in", n);
        gevent::sleep(0.01);
        say("out", n);
    };
    for (int i = 0; i < 4; ++i) {
        pool.spawn(work, i);
        say("spawned", i, pool.free_count(), pool.full());
    }
    say("available", pool.wait_available());
    pool.apply_async(work, std::tuple(10), [this] { say("callback"); });
    pool.join();
    gevent::sleep(0.05);
    EXPECT_EQ(said, R"(
spawned 0 1 False
spawned 1 0 True
in 0
in 1
out 0
out 1
spawned 2 1 False
spawned 3 0 True
in 2
in 3
out 2
out 3
available 2
in 10
out 10
callback
)");
}

TEST_F(ported_pools, calls_that_do_not_wait_queue_up_before_a_pool_of_one) {
    const Pool pool(1);
    const auto work = [this](int n) {
        say("run", n);
        gevent::sleep(0.001);
        return n;
    };
    for (int i = 0; i < 3; ++i) {
        pool.apply_async(work, std::tuple(i), [this](int v) { say("callback", v); });
        say("queued", i);
    }
    const auto all = pool.map_async(work, std::vector{10, 11});
    say("map");
    say(all.get());
    pool.join();
    say(pool.apply([&](int n) { return pool.apply(work, n); }, 5));
    EXPECT_EQ(said, R"(
queued 0
queued 1
queued 2
map
run 0
callback 0
run 1
callback 1
run 2
callback 2
run 10
run 11
[10, 11]
run 5
5
)");
}

TEST_F(ported_pools, a_group_applies_maps_and_kills) {
    const Group group;
    const auto work = [this](int n) {
        say("begin", n);
        gevent::sleep(0.01 * n);
        say("end", n);
        return n * 10;
    };
    group.apply_async(work, std::tuple(1), [this](int v) { say("callback", v); });
    group.map_async(work, std::vector{1, 2}, [this](const auto& all) { say("all", all); });
    say(group.apply(work, 1));
    say(list_of(group.imap_unordered(work, std::vector{3, 2, 0})));
    const std::vector<Greenlet<int>> two{group.spawn(work, 9), group.spawn(work, 9)};
    gevent::sleep(0);
    group.killone(two[0]);
    say(group.size());
    group.kill();
    say(group.size(), two[1].dead());
    EXPECT_EQ(said, R"(
begin 1
begin 1
begin 1
begin 2
end 1
end 1
end 1
callback 10
10
begin 3
begin 2
begin 0
end 0
end 2
all [10, 20]
end 2
end 3
[0, 20, 30]
begin 9
begin 9
1
0 True
)");
}

TEST_F(ported_pools, getters_peekers_and_putters_are_served_as_they_came) {
    const Queue<int> q;
    const auto get = [&](int n) { say("got", n, q.get()); };
    const auto peek = [&](int n) { say("peeked", n, q.peek()); };
    std::vector<Greenlet<>> all{gevent::spawn(peek, 0), gevent::spawn(get, 1), gevent::spawn(peek, 2)};
    gevent::sleep(0);
    q.put(5);
    gevent::sleep(0);
    q.put(6);
    gevent::joinall(all);
    say(q.qsize());

    const Queue<int> small(1);
    const auto put = [&](int n) {
        small.put(n);
        say("put", n);
    };
    all = {gevent::spawn(put, 0), gevent::spawn(put, 1), gevent::spawn(put, 2), gevent::spawn(put, 3)};
    gevent::sleep(0);
    all[2].kill();
    say("main gets", small.get());
    gevent::sleep(0);
    say("main gets", small.get());
    say("main gets", small.get());
    EXPECT_EQ(said, R"(
peeked 0 5
got 1 5
peeked 2 6
1
put 0
main gets 0
put 1
main gets 1
put 3
main gets 3
)");
}

TEST_F(ported_pools, a_channel_counts_who_waits_and_serves_who_came_first) {
    const Channel<int> c;
    const auto put = [&](int n) {
        say("putting", n);
        c.put(n);
        say("put", n);
    };
    const auto get = [&](std::string name) {
        say("getting", name);
        say("got", name, c.get());
    };
    std::vector<Greenlet<>> all{gevent::spawn(put, 1), gevent::spawn(put, 2), gevent::spawn(get, "a")};
    gevent::sleep(0);
    gevent::sleep(0);
    say("balance", c.balance());
    all.push_back(gevent::spawn(get, "b"));
    all.push_back(gevent::spawn(get, "c"));
    gevent::sleep(0);
    gevent::sleep(0);
    say("balance", c.balance());
    c.put_nowait(9);
    say("put at once");
    gevent::joinall(all);
    EXPECT_EQ(said, R"(
putting 1
putting 2
getting a
got a 1
put 1
balance 1
getting b
getting c
got b 2
put 2
balance -1
got c 9
put at once
)");
}

}  // namespace gevent_ported_pools_test

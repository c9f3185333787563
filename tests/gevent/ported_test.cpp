// Programs written in Python, run by gevent 22.10, and ported line by line: they print the same. These are
// about greenlets, events, results and waits; ported_pools_test.cpp has queues and pools.

#include "support/gevent_world.hpp"

namespace gevent_ported_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;

struct Mine {
    std::string what;
};

struct finally {
    std::function<void()> block;
    ~finally() { block(); }
};

class ported : public story::gevent_program {};

TEST_F(ported, the_killer_of_many_goes_on_before_their_links) {
    const auto sleeper = [this](int n) {
        const finally last{[&] { say("finally", n); }};
        try {
            gevent::sleep(10);
        } catch (const GreenletExit&) {
            say("exit", n);
            throw;
        }
    };
    std::vector<Greenlet<>> all{gevent::spawn(sleeper, 0), gevent::spawn(sleeper, 1)};
    for (int i = 0; i < 2; ++i) {
        all[static_cast<std::size_t>(i)].link([this, i](const auto& g) { say("link", i, g.successful()); });
        all[static_cast<std::size_t>(i)].link_value([this, i](const auto&) { say("value", i); });
        all[static_cast<std::size_t>(i)].link_exception([this, i](const auto&) { say("exception", i); });
        all[static_cast<std::size_t>(i)].rawlink([this, i](const auto&) { say("raw", i); });
    }
    gevent::sleep(0);
    gevent::killall(all);
    say("killed");
    gevent::sleep(0);
    say("after");
    EXPECT_EQ(said, R"(
exit 0
finally 0
exit 1
finally 1
killed
link 0 True
value 0
raw 0
link 1 True
value 1
raw 1
after
)");
}

TEST_F(ported, kills_with_exceptions_come_one_by_one_to_who_catches_them) {
    const auto tough = [this](int n) -> std::string {
        for (;;)
            try {
                gevent::sleep(1);
            } catch (const Mine& e) {
                say(n, "mine", e.what);
            } catch (const GreenletExit&) {
                say(n, "exit");
                return "v";
            }
    };
    auto g = gevent::spawn(tough, 1);
    gevent::sleep(0);
    g.kill(Mine{"1"}, false);
    g.kill(Mine{"2"}, false);
    gevent::sleep(0);
    say("--");
    g.kill(Mine{"3"}, true, 0.01);
    say("still", g.dead());
    g.kill();
    say(*g.value(), g.successful());

    const auto killer = [this](AnyGreenlet victim) {
        say("killing");
        victim.kill();
        say("killed it");
    };
    g = gevent::spawn(tough, 2);
    gevent::sleep(0);
    g.link([this](const auto& dead) { say("link", *dead.value()); });
    gevent::joinall({gevent::spawn(killer, g), gevent::spawn(killer, g), g});
    EXPECT_EQ(said, R"(
1 mine 1
1 mine 2
--
1 mine 3
still False
1 exit
v True
killing
killing
2 exit
killed it
killed it
link v
)");
}

TEST_F(ported, links_joiners_and_what_they_spawn_take_turns) {
    const auto g = gevent::spawn([this] { say("g"); });
    const auto join = [&](int n) {
        g.join();
        say("joined", n);
    };
    const auto a = gevent::spawn(join, 1);
    g.link([this](const auto&) {
        say("link 1");
        gevent::sleep(0);
        say("link 1 again");
    });
    g.link([this](const auto&) {
        say("link 2");
        gevent::spawn([this] { say("spawned"); });
        say("link 2 ends");
    });
    const auto b = gevent::spawn(join, 2);
    gevent::sleep(0);
    g.link([this](const auto&) { say("late link"); });
    for (int i = 1; i < 4; ++i) {
        say("main", i);
        gevent::sleep(0);
    }
    EXPECT_EQ(said, R"(
g
joined 1
joined 2
main 1
link 1
link 2
link 2 ends
late link
main 2
link 1 again
spawned
main 3
)");
}

TEST_F(ported, an_event_that_is_set_and_cleared_has_told_everybody) {
    const Event e;
    const auto wait_twice = [&](int n) {
        say("wait", n, e.wait());
        say("set?", e.is_set());
        say("again", n, e.wait(0.01));
    };
    std::vector<Greenlet<>> all;
    for (int i = 0; i < 2; ++i)
        all.push_back(gevent::spawn(wait_twice, i));
    gevent::sleep(0);
    e.set();
    e.clear();
    say("cleared");
    gevent::sleep(0);
    e.set();
    say("second");
    gevent::joinall(all);
    EXPECT_EQ(said, R"(
cleared
wait 0 True
set? False
wait 1 True
set? False
second
again 0 True
again 1 True
)");
}

TEST_F(ported, a_result_tells_getters_and_links_in_the_order_of_their_coming) {
    const AsyncResult<std::string> result;
    const auto get = [&](int n) {
        const std::string x = result.get();
        say("get", n, x);
    };
    std::vector<Greenlet<>> all{gevent::spawn(get, 0), gevent::spawn(get, 1)};
    gevent::sleep(0);
    result.rawlink([this](const auto& r) { say("raw 1", *r.value()); });
    all.push_back(gevent::spawn(get, 2));
    gevent::sleep(0);
    result.rawlink([this](const auto& r) { say("raw 2", *r.value()); });
    result.set("x");
    say("set");
    result.rawlink([this](const auto& r) { say("raw 3", *r.value()); });
    gevent::joinall(all);
    EXPECT_EQ(said, R"(
set
get 0 x
get 1 x
raw 1 x
get 2 x
raw 2 x
raw 3 x
)");
}

TEST_F(ported, iwait_gives_things_of_every_kind_as_they_come) {
    const Event early, late;
    const Semaphore permits(0);
    const AsyncResult<int> result;
    const auto g = gevent::spawn([&] {
        gevent::sleep(0.01);
        early.set();
        say("early is set");
        permits.release();
        say("released");
        gevent::sleep(0.01);
        result.set(5);
        late.set();
        say("both are set");
    });
    const auto name = [&](const Waitable& w) {
        return w == Waitable(early)     ? "early"
               : w == Waitable(late)    ? "late"
               : w == Waitable(g)       ? "greenlet"
               : w == Waitable(permits) ? "permits"
                                        : "result";
    };
    for (const Waitable& ready : gevent::iwait({late, early, permits, result, g}))
        say("iwait", name(ready));
    late.clear();
    say(gevent::wait({late, early, permits}, None, 2).size());
    for (const Waitable& ready : gevent::wait({late, early, permits}, 0.01))
        say("wait", name(ready));
    EXPECT_EQ(said, R"(
early is set
released
iwait early
iwait permits
both are set
iwait result
iwait late
iwait greenlet
2
wait early
wait permits
)");
}

TEST_F(ported, who_waits_for_a_permit_and_who_takes_one_are_told_in_their_order) {
    const Semaphore s(0);
    s.rawlink([this](const auto& free) { say("raw", free.counter()); });
    const auto look = [&](int n) { say("wait", n, s.wait()); };
    const auto take = [&](int n) {
        s.acquire();
        say("acquired", n);
    };
    const std::vector<Greenlet<>> all{gevent::spawn(look, 0), gevent::spawn(take, 1), gevent::spawn(look, 2),
                                      gevent::spawn(take, 3)};
    gevent::sleep(0);
    s.release();
    say("released");
    gevent::sleep(0);
    say("-");
    s.release();
    gevent::joinall(all);
    EXPECT_EQ(said, R"(
released
raw 1
wait 0 1
acquired 1
-
wait 2 1
acquired 3
)");
}

}  // namespace gevent_ported_test

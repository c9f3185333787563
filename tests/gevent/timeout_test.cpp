// gevent.Timeout: the behaviours of test__timeout and test__api_timeout.

#include "support/gevent_world.hpp"
#include "support/story.hpp"

#include <ringlet/core/timeout.hpp>

namespace gevent_timeout_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using namespace std::literals;
using story::thrown_by;

class timeouts : public story::gevent_program {
protected:
    /// Which timeout ends a long sleep.
    static Timeout fired() {
        try {
            gevent::sleep(1000);
        } catch (const Timeout& t) {
            return t;
        }
        ADD_FAILURE() << "none did";
        return Timeout();
    }
};

TEST_F(timeouts, one_that_is_too_long_to_count_never_comes) {
    for (const interval forever : {interval(std::chrono::hours::max()), interval(std::chrono::years(1'000'000)),
                                   interval(std::chrono::duration<double>(1e300)), interval(1e300)})
        EXPECT_TRUE(forever.infinite());
    EXPECT_TRUE(interval(std::chrono::hours::min()).length() == 0s);
    EXPECT_TRUE(interval(24h).length() == 24h && interval(1500ms).length() == 1500ms);
    EXPECT_TRUE(interval(std::chrono::duration<double>(1.5)).length() == 1500ms);
    const auto sleeper = gevent::spawn([] { gevent::sleep(std::chrono::hours::max()); });
    EXPECT_FALSE(sleeper.join(1'000'000));
    sleeper.kill();
}

TEST_F(timeouts, the_one_that_fires_is_the_one_thrown_and_can_be_started_again) {
    Timeout t(0.01);
    EXPECT_FALSE(t.pending());
    for (int i = 0; i < 2; ++i) {
        t.start();
        EXPECT_TRUE(t.pending());
        EXPECT_THROW(t.start(), std::logic_error);
        EXPECT_EQ(fired(), t);
        EXPECT_FALSE(t.pending());
    }
    EXPECT_NEAR(now(), 0.02, 0.001);
    t.close();
    EXPECT_THROW(t.start(), std::logic_error) << "closed for good";
    EXPECT_FALSE(t.pending());
}

TEST_F(timeouts, start_new_starts_one_that_is_given_unless_it_is_pending) {
    Timeout t(1);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(Timeout::start_new(t), t);
        EXPECT_TRUE(t.pending());
        gevent::sleep(0.4);
    }
    EXPECT_EQ(fired(), t);
    EXPECT_NEAR(now(), 1, 0.001);
}

TEST_F(timeouts, says_what_it_is) {
    EXPECT_EQ(Timeout(0.1).str(), "0.1 seconds");
    EXPECT_EQ(Timeout(1).str(), "1 second");
    EXPECT_EQ(Timeout(-1).str(), "-1 seconds");
    EXPECT_EQ(Timeout(1 / 3.).str(), "0.3333333333333333 seconds");
    EXPECT_EQ(Timeout(1234567).str(), "1234567 seconds");
    EXPECT_EQ(Timeout(1e-5).str(), "1e-05 seconds");
    EXPECT_EQ(Timeout(1500ms).str(), "1.5 seconds");
    EXPECT_EQ(Timeout(5, false).str(), "5 seconds (silent)");
    EXPECT_EQ(Timeout(5, "XXX").str(), "5 seconds: XXX");
    EXPECT_EQ(Timeout().str(), "");
}

TEST_F(timeouts, thrown_by_hand_it_is_itself) {
    const Timeout t;
    try {
        throw t;
    } catch (const Timeout& caught) {
        EXPECT_EQ(caught, t);
        EXPECT_FALSE(caught.pending());
    }
}

TEST_F(timeouts, a_block_that_ends_in_time_cancels_it) {
    Timeout t(0.2);
    EXPECT_TRUE(gevent::with(t, [&] {
        EXPECT_TRUE(t.pending());
        gevent::sleep(0.1);
    }));
    EXPECT_FALSE(t.pending());
    gevent::sleep(1);
}

TEST_F(timeouts, a_block_that_does_not_end_is_left_by_the_exception) {
    Timeout t(0.1);
    EXPECT_EQ(thrown_by([&] { gevent::with(t, [] { gevent::sleep(1); }); }), "Timeout: 0.1 seconds");
    EXPECT_EQ(thrown_by([] {
                  gevent::with(Timeout(0.1, std::out_of_range("takes way too long")), [] { gevent::sleep(1); });
              }),
              "takes way too long");
}

TEST_F(timeouts, cancelled_inside_the_block_it_does_not_fire) {
    Timeout t(0.1);
    EXPECT_TRUE(gevent::with(t, [&] {
        t.cancel();
        gevent::sleep(1);
    }));
}

TEST_F(timeouts, the_silent_one_ends_the_block_and_nothing_else) {
    EXPECT_FALSE(gevent::with(Timeout(0.1, false), [] { gevent::sleep(1); }));
    EXPECT_NEAR(now(), 0.1, 0.01);
    Timeout by_hand(0.1, false);
    by_hand.start();
    EXPECT_EQ(fired(), by_hand) << "without the block it is thrown like any other";
}

TEST_F(timeouts, none_never_fires) {
    EXPECT_TRUE(gevent::with(Timeout(None), [] { gevent::sleep(1000); }));
    Timeout t;
    t.start();
    EXPECT_FALSE(t.pending());
    EXPECT_TRUE(gevent::with(Timeout(std::optional<double>()), [] { gevent::sleep(1000); }));
}

TEST_F(timeouts, zero_fires_before_the_next_wait_ends) {
    EXPECT_EQ(thrown_by([] { gevent::with(Timeout(0), [] { gevent::sleep(0.1); }); }), "Timeout: 0 seconds");
    EXPECT_NEAR(now(), 0, 0.001);
    EXPECT_TRUE(gevent::with(Timeout(0), [] {}));
    EXPECT_TRUE(gevent::with(Timeout(0), [] { gevent::sleep(0); })) << "sleep(0) only passes the turn on";
}

TEST_F(timeouts, nested_ones_are_told_apart) {
    EXPECT_FALSE(gevent::with(Timeout(0.1, false), [] {
        gevent::with(Timeout(10, false), [] { gevent::sleep(1000); });
        ADD_FAILURE() << "the inner block swallowed the outer timeout";
    }));

    Timeout outer(0.1), inner(10);
    gevent::with(outer, [&] {
        gevent::with(inner, [&] {
            EXPECT_EQ(fired(), outer);
            EXPECT_FALSE(outer.pending());
            EXPECT_TRUE(inner.pending());
        });
        EXPECT_FALSE(inner.pending());
    });

    Timeout late(10), soon(0.1);
    gevent::with(late, [&] {
        gevent::with(soon, [&] { EXPECT_EQ(fired(), soon); });
        EXPECT_TRUE(late.pending());
    });
    EXPECT_FALSE(late.pending());
}

TEST_F(timeouts, of_two_at_the_same_time_the_first_started_is_thrown) {
    Timeout a(1), b(1);
    EXPECT_FALSE(gevent::with(Timeout(1, false), [&] { gevent::with(b, [] { gevent::sleep(10); }); }));
    gevent::sleep(10);  // b was closed on the way out, and is not thrown any more
    gevent::with(a, [&] { EXPECT_EQ(fired(), a); });
}

// Of two that come at the same time the second finds its greenlet on its way out already.
TEST_F(timeouts, with_timeout_leaves_none_behind) {
    const auto slow = [] {
        gevent::sleep(10);
        return 3;
    };
    EXPECT_EQ(gevent::with_timeout(1, [&] { return gevent::with_timeout(1, slow, 4); }, 5), 5);
    gevent::sleep(10);
    EXPECT_EQ(gevent::with_timeout(1, [&] { return gevent::with_timeout(1, slow); }, 5), 5);
    gevent::sleep(10);
}

TEST_F(timeouts, one_that_was_too_late_to_end_the_wait_goes_with_its_last_handle) {
    const auto too_late = [](auto start) {
        EXPECT_FALSE(gevent::with(Timeout(1, false), [&] {
            [[maybe_unused]] const auto handle = start();
            gevent::sleep(10);
        }));
    };
    too_late([] { return Timeout::start_new(1); });
    gevent::sleep(10);

    Timeout kept;
    too_late([&] { return kept = Timeout::start_new(1); });
    EXPECT_EQ(fired(), kept);

    too_late([&] { return kept = Timeout::start_new(1); });
    kept = Timeout();
    gevent::sleep(10);

    too_late([] {
        Timeout(1).start();
        return 0;
    });
    EXPECT_EQ(thrown_by([] { gevent::sleep(10); }), "Timeout: 1 second") << "it needs no handle";
}

TEST_F(timeouts, one_that_came_too_late_may_find_its_greenlet_over) {
    Timeout kept;
    const auto g = gevent::spawn([&] {
        return gevent::with(Timeout(1, false), [&] {
            kept = Timeout::start_new(1);
            gevent::sleep(10);
        });
    });
    EXPECT_FALSE(g.get());
    kept = Timeout();
    gevent::sleep(10);
}

TEST_F(timeouts, who_dies_of_one_is_reported_with_what_it_says) {
    gevent::spawn([] { gevent::with(Timeout(5, "no answer"), [] { gevent::sleep(10); }); }).join();
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_THAT(reports[0], testing::HasSubstr("asked for: ringlet::gevent::Timeout: 5 seconds: no answer\n"));
}

TEST_F(timeouts, of_the_callers_and_the_limit_of_a_wait_at_the_same_time_the_callers_is_thrown) {
    const auto limited = [](auto wait) { return thrown_by([&] { gevent::with(Timeout(1), wait); }); };
    EXPECT_EQ(limited([] { Event().wait(1); }), "Timeout: 1 second");
    EXPECT_EQ(limited([] { Queue<int>().get(1); }), "Timeout: 1 second");
    EXPECT_EQ(limited([] { gevent::spawn([] { gevent::sleep(10); }).join(1); }), "Timeout: 1 second");
    gevent::sleep(100);
    EXPECT_EQ(limited([] { EXPECT_FALSE(Event().wait(0.5)); }), "nothing");
}

TEST_F(timeouts, come_after_the_sleep_that_ends_at_the_same_moment) {
    EXPECT_TRUE(gevent::with(Timeout(1, false), [] { gevent::sleep(1); }));
    EXPECT_EQ(gevent::with_timeout(1, [] { return Event().wait(1) ? "set" : "not set"; }, "timeout"), "timeout"s);
    gevent::sleep(10);
}

TEST_F(timeouts, strike_in_the_greenlet_that_started_them) {
    const auto g = gevent::spawn([] {
        Timeout t = Timeout::start_new(1);
        return fired() == t;
    });
    gevent::sleep(5);
    EXPECT_TRUE(g.get());
}

TEST_F(timeouts, one_started_as_a_temporary_fires_without_a_handle) {
    Timeout(0.1).start();
    EXPECT_EQ(thrown_by([] { gevent::sleep(0.2); }), "Timeout: 0.1 seconds");
    Timeout(0.1, std::out_of_range("too late")).start();
    EXPECT_EQ(thrown_by([] { gevent::sleep(0.2); }), "too late");
    { const Timeout t = Timeout::start_new(0.1); }
    gevent::sleep(1);  // the last handle cancelled it
}

TEST_F(timeouts, one_started_as_a_temporary_goes_when_its_greenlet_is_over) {
    const auto its_exception = std::make_shared<int>();
    gevent::spawn([&] { Timeout(5, its_exception).start(); });
    gevent::sleep(10);
    EXPECT_EQ(its_exception.use_count(), 1);
}

TEST(timeouts_at_the_end, one_started_as_a_temporary_goes_with_its_loop) {
    const auto its_exception = std::make_shared<int>();
    story::in_virtual_time([&] { Timeout(5, its_exception).start(); });
    EXPECT_EQ(its_exception.use_count(), 1);
    story::in_virtual_time([&]() -> ringlet::task<> {
        Timeout(5, its_exception).start();
        Timeout(6, its_exception).start();
        Timeout cancelled(7, its_exception);
        std::move(cancelled).start();
        EXPECT_TRUE(cancelled.pending());
        cancelled.cancel();
        EXPECT_FALSE(cancelled.pending());
        co_await ringlet::sleep_for(1s);
    });
    EXPECT_EQ(its_exception.use_count(), 1);
}

TEST_F(timeouts, pass_through_handlers_for_errors_and_through_deadlines_of_the_core) {
    EXPECT_EQ(thrown_by([] {
                  gevent::with(Timeout(1), [] {
                      try {
                          ringlet::with_timeout(5s, [] { gevent::sleep(10); });
                      } catch (const std::exception&) {
                          ADD_FAILURE();
                      }
                  });
              }),
              "Timeout: 1 second");
    EXPECT_THROW(gevent::with(Timeout(5), [] { ringlet::with_timeout(1s, [] { gevent::sleep(10); }); }),
                 ringlet::timeout_error);
}

TEST_F(timeouts, with_timeout_gives_the_result_or_the_default_or_throws) {
    const auto slow = [] {
        gevent::sleep(1);
        return 3;
    };
    EXPECT_EQ(gevent::with_timeout(2, slow), 3);
    EXPECT_EQ(gevent::with_timeout(2, slow, 4), 3);
    EXPECT_EQ(gevent::with_timeout(0.1, slow, 4), 4);
    EXPECT_EQ(thrown_by([&] { gevent::with_timeout(0.1, slow); }), "Timeout: 0.1 seconds");
    EXPECT_EQ(gevent::with_timeout(0.1, [] { gevent::sleep(1); }, "late"), "late");
    EXPECT_EQ(gevent::with_timeout(2, [] { gevent::sleep(1); }, "late"), std::nullopt);
    EXPECT_EQ(thrown_by([&] { gevent::with(Timeout(0.1), [&] { gevent::with_timeout(0.5, slow, 4); }); }),
              "Timeout: 0.1 seconds")
        << "not its own";
}

TEST_F(timeouts, a_wait_that_was_served_in_time_keeps_what_it_got) {
    const Queue<int> q;
    const auto getter = gevent::spawn([&] {
        Timeout t = Timeout::start_new(1);
        const int got = q.get();
        t.close();
        gevent::sleep(5);
        return got;
    });
    const auto putter = gevent::spawn_later(1, [&] { q.put(7); });
    gevent::sleep(10);
    if (getter.exception())
        EXPECT_EQ(q.get(), 7) << "the item must be with one of them";
    else
        EXPECT_EQ(getter.get(), 7);
}

}  // namespace gevent_timeout_test

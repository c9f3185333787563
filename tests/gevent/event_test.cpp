// gevent.event: Event and AsyncResult; the behaviours of test__event.

#include "support/allocations.hpp"
#include "support/gevent_world.hpp"

namespace gevent_event_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::thrown_by;
using testing::ElementsAre;
using testing::SizeIs;

class event_face : public story::gevent_program {};

TEST_F(event_face, wait_says_whether_it_was_set_in_time) {
    const Event e;
    EXPECT_FALSE(e.wait(0.1));
    EXPECT_NEAR(now(), 0.1, 0.01);
    gevent::spawn_later(0.1, [e] { e.set(); });
    EXPECT_TRUE(e.wait(1));
    EXPECT_TRUE(e.wait());
    EXPECT_TRUE(e.is_set() && e.isSet() && e.ready());
    e.clear();
    EXPECT_FALSE(e.ready());
}

TEST_F(event_face, set_and_cleared_at_once_it_has_still_told_everybody) {
    const Event e;
    std::vector<Greenlet<bool>> waiters;
    for (int i = 0; i < 1000; ++i)
        waiters.push_back(gevent::spawn([e] { return e.wait(10); }));
    gevent::sleep(0.001);
    e.set();
    e.clear();
    for (const auto& g : waiters)
        EXPECT_TRUE(g.get());
}

TEST_F(event_face, to_tell_those_who_wait_takes_no_memory) {
    const Event e;
    const AsyncResult<int> result;
    const auto first = gevent::spawn([e] { return e.wait(10); });
    const auto second = gevent::spawn([result] { return result.get(10); });
    gevent::sleep(0.001);
    {
        const story::no_kept_frames taken;
        const story::memory_for nothing(0);
        EXPECT_NO_THROW(e.set());
        EXPECT_NO_THROW(result.set(7));
    }
    EXPECT_TRUE(first.get());
    EXPECT_EQ(second.get(), 7);
    EXPECT_LT(now(), 1);
}

TEST_F(event_face, who_is_told_can_clear_it_and_wait_again) {
    const Event e;
    const auto waiter = gevent::spawn([&] {
        const auto setter = gevent::spawn([e] { e.set(); });
        EXPECT_TRUE(e.wait());
        EXPECT_TRUE(e.ready());
        setter.join();
        e.clear();
        const auto ready = gevent::wait({e}, 0.01);
        EXPECT_THAT(ready, SizeIs(0));
    });
    waiter.get();
}

TEST_F(event_face, a_linked_function_is_called_once) {
    const Event e;
    int called = 0, not_called = 0;
    e.rawlink([&](const Event& which) {
        EXPECT_EQ(which, e);
        ++called;
    });
    EXPECT_TRUE(e.unlink(e.rawlink([&](const Event&) { ++not_called; })));
    EXPECT_FALSE(e.unlink(77));
    e.set();
    gevent::sleep(0);
    e.clear();
    e.set();
    gevent::sleep(0);
    EXPECT_EQ(called, 1);
    EXPECT_EQ(not_called, 0);
    e.rawlink([&](const Event&) { ++called; });
    gevent::sleep(0);
    EXPECT_EQ(called, 2) << "it is set already";
}

TEST_F(event_face, an_event_lives_as_long_as_somebody_waits_for_it) {
    auto e = std::make_unique<Event>();
    const auto waiter = gevent::spawn([copy = *e] { return copy.wait(1); });
    gevent::sleep(0);
    e.reset();
    EXPECT_FALSE(waiter.get());
}

TEST_F(event_face, a_result_is_what_was_set) {
    const AsyncResult<int> result;
    EXPECT_FALSE(result.ready());
    EXPECT_FALSE(result.value());
    EXPECT_EQ(thrown_by([&] { result.get(false); }), "Timeout: ");
    EXPECT_EQ(thrown_by([&] { result.get_nowait(); }), "Timeout: ");
    EXPECT_EQ(thrown_by([&] { result.get(0.1); }), "Timeout: 0.1 seconds");
    EXPECT_FALSE(result.wait(0.1));
    const auto waiter = gevent::spawn([&] { return result.get(); });
    const auto other = gevent::spawn([&] { return *result.wait(); });
    gevent::sleep(0);
    result.set(5);
    EXPECT_EQ(waiter.get(), 5);
    EXPECT_EQ(other.get(), 5);
    EXPECT_TRUE(result.ready() && result.successful() && result.done());
    EXPECT_EQ(result.value(), 5);
    EXPECT_EQ(result.result(), 5);
    EXPECT_FALSE(result.exception());
}

TEST_F(event_face, an_exception_that_was_set_comes_out_of_get_but_not_of_wait) {
    const AsyncResult<int> result;
    const auto waiter = gevent::spawn([&] { return thrown_by([&] { result.get(); }); });
    gevent::sleep(0);
    result.set_exception(std::out_of_range("x"));
    EXPECT_EQ(waiter.get(), "x");
    EXPECT_FALSE(result.wait());
    EXPECT_TRUE(result.ready());
    EXPECT_FALSE(result.successful());
    EXPECT_TRUE(result.exception());
}

TEST_F(event_face, a_timeout_of_the_caller_ends_get) {
    const AsyncResult<> result;
    gevent::spawn_later(0.5, [&] { result.set(); });
    EXPECT_EQ(thrown_by([&] { gevent::with(Timeout(0, std::out_of_range("interrupted")), [&] { result.get(); }); }),
              "interrupted");
    EXPECT_EQ(gevent::with_timeout(
                  0.1,
                  [&] {
                      result.get();
                      return 1;
                  },
                  2),
              2);
    result.get();
    EXPECT_NEAR(now(), 0.5, 0.01);
}

TEST_F(event_face, results_are_targets_of_links) {
    const auto g = gevent::spawn([] { return 1; });
    const AsyncResult<int> any, value, error;
    g.link(any);
    g.link_value(value);
    g.link_exception(error);
    EXPECT_EQ(any.get(), 1);
    EXPECT_EQ(value.get(), 1);
    EXPECT_FALSE(error.wait(0.1));
    EXPECT_FALSE(error.ready());

    const auto fails = gevent::spawn([]() -> int { throw std::out_of_range("x"); });
    const AsyncResult<int> any2, value2, error2;
    fails.link(any2);
    fails.link_value(value2);
    fails.link_exception(error2);
    EXPECT_EQ(thrown_by([&] { any2.get(); }), "x");
    EXPECT_EQ(thrown_by([&] { error2.get(); }), "x");
    EXPECT_FALSE(value2.wait(0.1));

    const auto killed = gevent::spawn([] {
        gevent::sleep(10);
        return 1;
    });
    const AsyncResult<int> number;
    const AsyncResult<> nothing;
    killed.link(number);
    killed.link(nothing);
    killed.kill();
    EXPECT_THROW(number.get(), ringlet::greenlet_killed);
    nothing.get();
}

TEST_F(event_face, what_nobody_names_any_more_still_tells_whom_it_promised) {
    {
        const AsyncResult<int> result;
        result.rawlink([this](const auto& r) { print("result " + std::to_string(*r.value())); });
        result.set(5);
        const Event event;
        event.rawlink([this](const auto&) { print("event"); });
        event.set();
    }
    gevent::sleep(0);
    EXPECT_THAT(printed, ElementsAre("result 5", "event"));
}

TEST_F(event_face, what_is_set_while_the_program_ends_calls_no_linked_function) {
    const Event event;
    const AsyncResult<int> result;
    const Semaphore semaphore(0);
    event.rawlink([](const auto&) { ADD_FAILURE() << "by the event"; });
    result.rawlink([](const auto&) { ADD_FAILURE() << "by the result"; });
    semaphore.rawlink([](const auto&) { ADD_FAILURE() << "by the semaphore"; });
    gevent::spawn([=] {
        struct last_words {
            Event event;
            AsyncResult<int> result;
            Semaphore semaphore;
            ~last_words() {
                event.set();
                result.set(1);
                semaphore.release();
            }
        } const spoken{event, result, semaphore};
        gevent::sleep(10);
    });
    gevent::sleep(0);
}

TEST_F(event_face, what_a_wait_gave_outlives_the_result) {
    auto result = std::make_unique<AsyncResult<std::string>>();
    const auto waiter = gevent::spawn([&] {
        const auto& text = result->wait();
        result.reset();
        gevent::sleep(0);
        return text.value();
    });
    gevent::sleep(0);
    result->set("longer than what fits into a string by itself");
    EXPECT_EQ(waiter.get(), "longer than what fits into a string by itself");
}

TEST_F(event_face, a_wait_of_no_time_is_told_by_who_is_ready) {
    const Event event;
    gevent::spawn([&] { event.set(); });
    EXPECT_TRUE(event.wait(0));
    event.clear();
    EXPECT_FALSE(event.wait(0));
    EXPECT_EQ(now(), 0);
}

/// Events and results that are set one after another, ten milliseconds apart.
class event_senders : public event_face {
protected:
    static std::vector<Waitable> set_one_after_another() {
        std::vector<Waitable> all;
        std::vector<Event> events(5);
        std::vector<AsyncResult<>> results(5);
        all.insert(all.end(), events.begin(), events.end());
        all.insert(all.end(), results.begin(), results.end());
        gevent::spawn([events, results] {
            for (std::size_t i = 0; i < 5; ++i) {
                gevent::sleep(0.01);
                events[i].set();
                gevent::sleep(0.01);
                results[i].set();
            }
        });
        return all;
    }
};

TEST_F(event_senders, wait_gives_those_that_came_in_time_in_their_order) {
    auto all = set_one_after_another();
    const auto some = gevent::wait(all, 0.055);
    EXPECT_THAT(some, SizeIs(5));
    EXPECT_TRUE(some[0] == all[0] && some[1] == all[5] && some[2] == all[1]);
    EXPECT_THAT(gevent::wait(all), SizeIs(10));
}

TEST_F(event_senders, wait_is_content_with_a_count) {
    const auto all = set_one_after_another();
    EXPECT_THAT(gevent::wait(all, None, 1), SizeIs(1));
    EXPECT_NEAR(now(), 0.01, 0.001);
    EXPECT_THAT(gevent::wait(all, None, 2), SizeIs(2));
    EXPECT_NEAR(now(), 0.02, 0.001);
    EXPECT_THAT(gevent::wait(all, None, 100), SizeIs(10));
}

TEST_F(event_face, a_result_that_cannot_be_copied_from_its_greenlet_is_an_error) {
    struct refuses {
        refuses() = default;
        refuses(refuses&&) = default;
        refuses(const refuses&) { throw std::length_error("no copy"); }
    };
    const AsyncResult<refuses> result;
    gevent::spawn([] { return refuses(); }).link(result);
    EXPECT_EQ(story::thrown_by([&] { result.get(); }), "no copy");
    EXPECT_FALSE(result.successful());
}

TEST_F(event_face, whoever_waits_needs_no_handle_of_its_own) {
    std::map<int, AsyncResult<std::string>> expected;
    const auto reader = gevent::spawn([&] { return expected[1].get(); });
    const auto late = gevent::spawn([&] { return expected[2].get(1); });
    const std::string text = "longer than what fits into a string by itself";
    gevent::sleep(0);
    const AsyncResult<std::string> kept = std::exchange(expected[1], {});
    expected.clear();
    kept.set(text);
    EXPECT_EQ(reader.get(), text);
    EXPECT_THROW(late.get(), Timeout);

    const auto waiter = gevent::spawn([&] { return expected[3].wait(1).value_or("nothing"); });
    gevent::sleep(0);
    expected.clear();
    EXPECT_EQ(waiter.get(), "nothing");

    std::map<int, Greenlet<std::string>> workers;
    workers[1] = gevent::spawn([&] { return gevent::sleep(1), text; });
    const auto joiner = gevent::spawn([&] { return workers[1].get(); });
    gevent::sleep(0.5);
    workers.clear();
    EXPECT_EQ(joiner.get(), text);
}

}  // namespace gevent_event_test

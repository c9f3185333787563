// HTTP/2 behind http::client and http::server: both at the two ends of memory streams, in virtual time.

#include "support/client_world.hpp"
#include "support/http2_frames.hpp"
#include "support/http_world.hpp"
#include "support/stream_stories.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/http_events.hpp>

#include <gmock/gmock.h>

#include <algorithm>

namespace net_http2_test {

using namespace story;
using namespace ringlet;
using testing::ElementsAre;
using testing::HasSubstr;

/// A client and the server that all its connections lead to.
template <class Story>
void with_server(Story tell, const http::server_options& served = {}, http::client_options asking = {}) {
    in_virtual_time([&]() -> task<> {
        http::server server(served);
        add_pages(server);
        world w(by_http2(std::move(asking)));
        co_await with_group([&](group& g) -> task<> {
            g.spawn(serve_all, std::ref(w), std::ref(server), std::ref(g));
            co_await tell(w, server);
            w.client.close_idle();
            g.cancel();
        });
    });
}

std::string page(std::string_view path) { return "http://h" + std::string(path); }

// --- as over HTTP/1.1 --------------------------------------------------------------------------------

TEST(http2, pages_come_with_status_fields_body_and_version) {
    with_server([](world& w, http::server&) -> task<> {
        const http::reply r = co_await w.client.get(page("/some/page?x=y"));
        EXPECT_EQ(r.status, 200);
        EXPECT_EQ(r.version, 20);
        EXPECT_EQ(r.body, "GET /some/page");
        EXPECT_EQ(r.fields.get("content-length"), "14");
        EXPECT_TRUE(r.fields.contains("date"));
        EXPECT_FALSE(r.fields.contains("connection"));
        const http::reply made = co_await w.client.get(page("/length"));
        EXPECT_EQ(made.status, 201);
        EXPECT_EQ(made.fields.get("x-a"), "b");
        EXPECT_EQ(made.body, "abcdef");
        const http::reply head = co_await w.client.head(page("/large"));
        EXPECT_EQ(head.fields.get("content-length"), "1048576");
        EXPECT_EQ(head.body, "");
        EXPECT_EQ((co_await w.client.get(page("/large"))).body, std::string(1 << 20, 'x'));
        EXPECT_EQ(w.connections, 1u);
    });
}

TEST(http2, bodies_go_up_whole_and_in_pieces_and_trailers_come_down) {
    with_server(
        [](world& w, http::server&) -> task<> {
            const std::string much = numbered_bytes(900'000);
            EXPECT_EQ((co_await w.client.post(page("/echo"), "a little")).body, "a little");
            EXPECT_EQ((co_await w.client.put(page("/echo"), much)).body, much);
            for (const bool announced : {true, false}) {
                auto sent = std::make_shared<std::size_t>(0);
                const auto next = [=](std::span<std::byte> into) -> task<std::size_t> {
                    const std::string piece =
                        numbered_bytes(std::min<std::size_t>({into.size(), 777, 50'000 - *sent}), *sent);
                    std::copy(piece.begin(), piece.end(), reinterpret_cast<char*>(into.data()));
                    *sent += piece.size();
                    co_return piece.size();
                };
                auto body =
                    http::request_body::from(next, announced ? std::optional<std::uint64_t>(50'000) : std::nullopt);
                EXPECT_EQ((co_await w.client.post(page("/echo"), std::move(body))).body, numbered_bytes(50'000));
            }
            const http::reply pieces = co_await w.client.get(page("/pieces"));
            EXPECT_EQ(pieces.body, "onetwo");
            EXPECT_EQ(pieces.trailers.get("sum"), "6");
            EXPECT_EQ((co_await w.client.post(page("/blocks"), "from a fiber")).body, "from a fiber");
        },
        {}, {});
}

TEST(http2, a_body_goes_up_although_the_server_says_nothing_before_its_end) {
    http::server_options patient;
    patient.window = 16 << 20;  // so that it need not say that there is room again
    with_server(
        [](world& w, http::server&) -> task<> {
            const std::string much = numbered_bytes(400'000);
            (void)co_await w.client.get(page("/some"));  // by now it has said all about itself
            const time_point start = loop::current().now();
            EXPECT_EQ((co_await w.client.put(page("/echo"), much)).body, much);
            EXPECT_EQ(since(start), "0 s") << "it has waited for a word of the server";
        },
        patient, {});
}

TEST(http2, an_expectation_is_answered_before_the_body_comes) {
    with_server([](world& w, http::server&) -> task<> {
        http::request_options o;
        o.fields = {{"Expect", "100-continue"}, {"Connection", "close"}, {"TE", "gzip"}};
        EXPECT_EQ((co_await w.client.post(page("/echo"), std::string(100'000, 'x'), o)).body.size(), 100'000u);
        EXPECT_EQ((co_await w.client.post(page("/echo"), "again", o)).body, "again");
        EXPECT_EQ(w.connections, 1u);
    });
}

TEST(http2, handlers_that_fail_late_or_early_cost_their_request_only) {
    heard_reports heard;
    with_server([](world& w, http::server&) -> task<> {
        EXPECT_EQ((co_await w.client.get(page("/throws"))).status, 500);
        EXPECT_NE(co_await error_from(w.client.get(page("/breaks"))), "");
        EXPECT_NE(co_await error_from(w.client.get(page("/short"))), "");
        const http::reply ignored = co_await w.client.put(page("/ignore"), std::string(900'000, 'x'));
        EXPECT_EQ(ignored.body, "ignored");
        EXPECT_EQ((co_await w.client.put(page("/echo"), std::string(1 << 21, 'x'))).status, 413);
        EXPECT_EQ((co_await w.client.get(page("/"))).body, "GET /");
        EXPECT_EQ(w.connections, 1u);
    });
}

TEST(http2, a_head_that_is_too_large_to_be_sent_costs_no_time_and_is_told) {
    const heard_reports heard;
    with_server([](world& w, http::server& server) -> task<> {
        server.get("/huge", [](http::request&, http::response_writer& out) -> task<> {
            out.set("X-Huge", std::string(300'000, 'x'));
            co_await out.write("and a body");
        });
        const time_point start = loop::current().now();
        EXPECT_THAT(co_await error_from(w.client.get(page("/huge"))), HasSubstr("the stream was reset"));
        EXPECT_EQ(since(start), "0 s");
        EXPECT_EQ((co_await w.client.get(page("/"))).body, "GET /");
        EXPECT_EQ(w.connections, 1u);
    });
    EXPECT_THAT(heard.all, ElementsAre(HasSubstr("too large to be sent")));
}

TEST(http2, redirects_and_cookies_work) {
    with_server([](world& w, http::server& server) -> task<> {
        server.get("/set", [](http::request&) -> task<http::response> {
            http::response r(302);
            r.fields.add("Location", "/show");
            r.fields.add("Set-Cookie", "a=1");
            r.fields.add("Set-Cookie", "b=2");
            co_return r;
        });
        server.get("/show", [](http::request& asked) -> task<http::response> {
            co_return std::string(asked.get("host").value_or("")) + " " +
                std::string(asked.get("cookie").value_or(""));
        });
        const http::reply r = co_await w.client.get(page("/set"));
        EXPECT_EQ(r.body, "h a=1; b=2");
        EXPECT_EQ(r.history.size(), 1u);
        EXPECT_EQ(r.history[0].version, 20);
    });
}

TEST(http2, events_arrive_one_by_one_as_they_happen) {
    with_server([](world& w, http::server& server) -> task<> {
        server.get("/news", [](http::request& asked, http::response_writer& out) -> task<> {
            http::event_stream news(asked, out);
            for (int n = 1; n <= 3; ++n) {
                co_await news.send(http::server_event(std::to_string(n)));
                co_await sleep_for(1s);
            }
        });
        const time_point start = loop::current().now();
        http::incoming in = co_await w.client.open("GET", page("/news"));
        std::vector<std::string> lines;
        while (auto line = co_await in.read_line())
            if (!line->empty())
                lines.push_back(*line + " after " + since(start));
        EXPECT_THAT(lines, ElementsAre("data: 1 after 0 s", "data: 2 after 1 s", "data: 3 after 2 s"));
    });
}

// --- many at once ------------------------------------------------------------------------------------

TEST(http2, many_requests_share_one_connection_and_are_answered_in_any_order) {
    with_server([](world& w, http::server& server) -> task<> {
        server.get("/after/{ms}", [](http::request& asked) -> task<http::response> {
            co_await sleep_for(1ms * std::stoi(asked.parameter("ms")));
            co_return asked.parameter("ms");
        });
        std::vector<int> order;
        const auto one = [&](int ms) -> task<> {
            EXPECT_EQ((co_await w.client.get(page("/after/" + std::to_string(ms)))).body, std::to_string(ms));
            order.push_back(ms);
        };
        std::vector<task<>> all_of_them;
        for (int ms = 50; ms > 0; --ms)
            all_of_them.push_back(one(ms));
        co_await all(std::move(all_of_them));
        EXPECT_TRUE(std::ranges::is_sorted(order));
        EXPECT_EQ(w.connections, 1u);
        EXPECT_EQ(w.client.idle(), 1u);
        EXPECT_EQ(w.client.in_use(), 0u);
    });
}

TEST(http2, more_connections_are_made_only_where_one_is_full) {
    http::server_options three;
    three.streams = 3;
    with_server(
        [](world& w, http::server&) -> task<> {
            (void)co_await w.client.get(page("/"));  // by now the limit is known
            std::vector<task<http::reply>> asked;
            for (int i = 0; i < 8; ++i)
                asked.push_back(w.client.get(page("/slow")));
            const time_point start = loop::current().now();
            EXPECT_EQ((co_await all(std::move(asked))).size(), 8u);
            EXPECT_EQ(w.connections, 3u);
            EXPECT_EQ(since(start), "1 s");
        },
        three);
    http::client_options one;
    one.per_origin = 1;
    with_server(
        [](world& w, http::server&) -> task<> {
            (void)co_await w.client.get(page("/"));
            std::vector<task<http::reply>> asked;
            for (int i = 0; i < 8; ++i)
                asked.push_back(w.client.get(page("/slow")));
            const time_point start = loop::current().now();
            EXPECT_EQ((co_await all(std::move(asked))).size(), 8u);
            EXPECT_EQ(w.connections, 1u);
            EXPECT_EQ(since(start), "3 s") << "three at a time";
        },
        three, one);
}

TEST(http2, all_answers_are_whole_however_little_leaves_at_a_time) {
    in_virtual_time([]() -> task<> {
        http::server server;
        add_pages(server);
        http::client_options o = by_http2();
        group* all_of_them = nullptr;
        o.connect = [&](const net::url&) -> task<io::any_stream> {
            auto [near, far] = io::duplex(1000);
            auto serving = server.serve_stream(io::any_stream(std::move(far)));
            all_of_them->spawn([](task<> work) -> task<> { co_await std::move(work); }, std::move(serving));
            co_return io::any_stream(std::move(near));
        };
        http::client client(o);
        co_await with_group([&](group& g) -> task<> {
            all_of_them = &g;
            std::vector<task<http::reply>> asked;
            for (int i = 0; i < 60; ++i)
                asked.push_back(i % 3 == 0   ? client.get(page("/large"))
                                : i % 3 == 1 ? client.get(page("/some/page"))
                                             : client.head(page("/large")));
            const auto replies = co_await all(std::move(asked));
            for (std::size_t i = 0; i < replies.size(); ++i)
                EXPECT_EQ(replies[i].body.size(), i % 3 == 0 ? 1u << 20 : i % 3 == 1 ? 14u : 0u);
            client.close_idle();
        });
    });
}

TEST(http2, a_body_that_nobody_reads_holds_up_nobody_else) {
    with_server([](world& w, http::server&) -> task<> {
        http::incoming large = co_await w.client.open("GET", page("/large"));
        for (int i = 0; i < 5; ++i)
            EXPECT_EQ((co_await w.client.get(page("/"))).body, "GET /");
        EXPECT_EQ((co_await large.read_all()).size(), std::size_t(1) << 20);
        { http::incoming left = co_await w.client.open("GET", page("/large")); }
        EXPECT_EQ((co_await w.client.get(page("/"))).body, "GET /");
        EXPECT_EQ(w.connections, 1u);
    });
}

TEST(http2, a_request_that_is_given_up_has_its_handler_killed_and_no_other) {
    with_server([](world& w, http::server& server) -> task<> {
        int ended = 0;
        server.get("/for/ever", [&](http::request&) -> task<http::response> {
            struct at_end {
                int& count;
                ~at_end() { ++count; }
            } const guard{ended};
            co_await sleep_for(1h);
            co_return "too late";
        });
        const auto other = spawn([&] { return w.client.get(page("/slow")); });
        EXPECT_THAT(co_await error_from(with_timeout(500ms, w.client.get(page("/for/ever")))),
                    HasSubstr("timed out"));
        EXPECT_EQ((co_await other.get()).body, "slow");
        EXPECT_EQ(ended, 1);
        EXPECT_EQ(w.connections, 1u);
    });
}

TEST(http2, each_phase_has_its_time) {
    with_server([](world& w, http::server& server) -> task<> {
        server.get("/stops", [](http::request&, http::response_writer& out) -> task<> {
            co_await out.write("some");
            co_await sleep_for(1h);
        });
        http::request_options o;
        o.timeouts.emplace();
        o.timeouts->first_byte = 300ms;
        EXPECT_THAT(co_await error_from(w.client.get(page("/slow"), o)),
                    HasSubstr("wait for the response from memory:left: timed out after 300 ms"));
        o.timeouts->between_bytes = 200ms;
        EXPECT_THAT(co_await error_from(w.client.get(page("/stops"), o)), HasSubstr("timed out after 200 ms"));
        o.timeouts->total = 100ms;
        EXPECT_THAT(co_await error_from(w.client.get(page("/stops"), o)), HasSubstr("timed out after 100 ms"));
        EXPECT_EQ(w.connections, 1u);
    });
}

TEST(http2, a_connection_that_says_nothing_for_the_time_of_a_request_is_not_used_again) {
    in_virtual_time([]() -> task<> {
        world w(by_http2());
        const auto serving = spawn([&]() -> task<> {
            auto lost = co_await w.accept();
            co_await say(lost, h2::server_begins);
            auto second = co_await w.accept();
            co_await say(second, h2::server_begins);
            (void)co_await read_some(second);
            co_await say(second, h2::frame(h2::headers, h2::end_headers | h2::end_stream, 1, "\x88"));
            co_await sleep_for(1s);
        });
        http::request_options o;
        o.timeouts.emplace();
        o.timeouts->first_byte = 1s;
        EXPECT_NE(co_await error_from(w.client.get(page("/"), o)), "");  // brings the server's settings
        EXPECT_NE(co_await error_from(w.client.get(page("/"), o)), "");
        EXPECT_EQ((co_await w.client.get(page("/"))).status, 200);
        EXPECT_EQ(w.connections, 2u);
        co_await serving.join();
    });
}

TEST(http2, an_idle_connection_is_used_until_it_is_too_old) {
    with_server([](world& w, http::server&) -> task<> {
        for (const duration pause : {0s, 20s, 31s, 0s}) {
            co_await sleep_for(pause);
            (void)co_await w.client.get(page("/"));
        }
        EXPECT_EQ(w.connections, 2u);
    });
}

// --- the end of a server -----------------------------------------------------------------------------

TEST(http2, a_server_that_stops_finishes_what_runs_and_refuses_nothing_on_its_way) {
    with_server([](world& w, http::server& server) -> task<> {
        (void)co_await w.client.get(page("/"));
        const auto slow = spawn([&] { return w.client.get(page("/slow")); });
        co_await sleep_for(10ms);
        const auto stopping = spawn([&] { return server.stop(5s); });
        EXPECT_EQ((co_await slow.get()).body, "slow");
        EXPECT_EQ(co_await stopping.get(), 0u);
        EXPECT_EQ(server.connections(), 0u);
    });
}

TEST(http2, a_server_that_stops_tells_whom_it_cut) {
    heard_reports heard;
    with_server([](world& w, http::server& server) -> task<> {
        server.get("/for/ever", [](http::request&) -> task<http::response> {
            co_await sleep_for(1h);
            co_return "";
        });
        const auto asked = spawn([&] { return error_from(w.client.get(page("/for/ever"))); });
        co_await sleep_for(10ms);
        EXPECT_EQ(co_await server.stop(1s), 1u);
        EXPECT_NE(co_await asked.get(), "");
    });
    EXPECT_THAT(heard.all, ElementsAre(HasSubstr("GET /for/ever from")));
}

TEST(http2, leaves_nothing_behind_whenever_it_is_killed) {
    const std::size_t moments = sweep([]() -> task<> {
        http::server server;
        add_pages(server);
        world w(by_http2());
        co_await with_group([&](group& g) -> task<> {
            g.spawn(serve_all, std::ref(w), std::ref(server), std::ref(g));
            const auto ask = [&](std::string path) -> task<> {
                EXPECT_EQ((co_await w.client.put(page(path), std::string(70'000, 'x'))).status, 200);
            };
            auto both = all(ask("/echo"), ask("/ignore"));
            co_await std::move(both);
            EXPECT_EQ((co_await w.client.get(page("/pieces"))).body, "onetwo");
            w.client.close_idle();
            g.cancel();
        });
    });
    EXPECT_GT(moments, 20u);
}

}  // namespace net_http2_test

// HTTP/2 behind http::client and http::server: both at the two ends of memory streams, in virtual time, and
// each of them with a peer that says frames of its own making.

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

namespace story {

using namespace ringlet;
using testing::ElementsAre;
using testing::HasSubstr;

http::client_options by_http2(http::client_options o = {}) {
    o.http2 = http::http2_use::demanded;
    return o;
}

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

/// How long ago that was, without what the simulated network takes.
std::string since(time_point start) {
    return to_string(std::chrono::floor<std::chrono::seconds>(loop::current().now() - start));
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

// --- servers that say what the story wants -----------------------------------------------------------

const std::string ok_head = h2::frame(h2::headers, h2::end_headers, 1, "\x88");
const std::string ok_end = h2::frame(h2::data, h2::end_stream, 1, "hello");

/// What a client makes of a connection on which this is said after its request; and how many it made.
struct outcome {
    std::string said;
    std::size_t connections = 0;
};
outcome ask(const std::string& method, std::vector<std::string> texts) {
    return in_virtual_time([&]() -> task<outcome> {
        http::client_options o;
        o.limits.body = 1000;
        world w(by_http2(o));
        const auto serving = spawn([&]() -> task<> {
            for (const std::string& text : texts) {
                auto end = co_await w.accept();
                co_await say(end, h2::server_begins);
                std::string heard;
                while (heard.find("\x84") == heard.npos) {  // ":path: /"
                    std::string some = co_await read_some(end);
                    if (some.empty())
                        break;
                    heard += some;
                }
                co_await say(end, text);
                co_await end.shutdown();
                std::string rest;
                co_await read_to_end(end, rest);
            }
        });
        outcome came;
        try {
            const http::reply r = co_await w.client.fetch(method, "http://h/");
            came.said = std::to_string(r.status) + " " + r.body;
        } catch (const http::request_error& e) {
            came.said = e.what();
        }
        came.connections = w.connections;
        serving.kill();
        co_await serving.join();
        co_return came;
    });
}

TEST(http2_client, answers_are_judged) {
    using namespace h2;
    const std::string fields = frame(headers, end_headers, 1, "\x88" + block({{"content-length", "7"}}));
    EXPECT_EQ(ask("GET", {ok_head + ok_end}).said, "200 hello");
    EXPECT_EQ(ask("GET", {frame(headers, end_headers, 1, block({{":status", "103"}})) + ok_head + ok_end}).said,
              "200 hello");
    EXPECT_EQ(
        ask("HEAD", {frame(headers, end_headers | end_stream, 1, "\x88" + block({{"content-length", "7000"}}))}).said,
        "200 ");
    EXPECT_THAT(ask("POST", {fields + ok_end}).said, HasSubstr("PROTOCOL_ERROR")) << "two bytes are missing";
    EXPECT_THAT(ask("GET", {frame(headers, end_headers, 1, "\x88" + block({{"Bad", "x"}}))}).said,
                HasSubstr("GET http://h/: "));
    EXPECT_THAT(ask("GET", {ok_head + frame(data, end_stream, 1, std::string(2000, 'x'))}).said, HasSubstr("body"));
    EXPECT_THAT(ask("POST", {ok_head + frame(data, 0, 1, "hel")}).said, HasSubstr("the connection ended"));
    EXPECT_THAT(ask("POST", {frame(reset, 0, 1, number(2))}).said, HasSubstr("the stream was reset: INTERNAL_ERROR"));
    EXPECT_THAT(ask("POST", {std::string("\xff\xff\xff\0\0\0\0\0\1", 9)}).said, HasSubstr("http/2 with memory:left"));
    EXPECT_THAT(ask("POST", {"HTTP/1.1 200 OK\r\n\r\n"}).said, HasSubstr("http/2 with memory:left"));
    EXPECT_THAT(ask("POST", {""}).said, HasSubstr("the connection ended"));
}

TEST(http2_client, what_the_server_did_not_touch_is_sent_again_whatever_it_is) {
    using namespace h2;
    const std::string refused = frame(reset, 0, 1, number(7));
    const std::string gone = frame(goaway, 0, 0, number(0) + number(0));
    for (const std::string& no : {refused, gone}) {
        const outcome came = ask("POST", {no, ok_head + ok_end});
        EXPECT_EQ(came.said, "200 hello");
        EXPECT_EQ(came.connections, 2u);
    }
    EXPECT_THAT(ask("POST", {refused, refused, refused, refused, refused}).said, HasSubstr("REFUSED_STREAM"));
    EXPECT_EQ(ask("POST", {frame(goaway, 0, 0, number(1) + number(0)) + ok_head + ok_end}).said, "200 hello")
        << "this one it still answers";
}

TEST(http2_client, a_connection_that_ended_while_idle_is_replaced) {
    for (const char* method : {"GET", "POST"})
        in_virtual_time([&]() -> task<> {
            world w(by_http2());
            const auto serving = spawn([&]() -> task<> {
                for (int i = 0; i < 2; ++i) {
                    auto end = co_await w.accept();
                    co_await say(end, h2::server_begins);
                    (void)co_await read_some(end);
                    co_await say(end, ok_head + ok_end);
                    co_await sleep_for(1s);
                }
            });
            for (int i = 0; i < 2; ++i) {
                EXPECT_EQ((co_await w.client.fetch(method, "http://h/")).body, "hello");
                co_await sleep_for(2s);
            }
            EXPECT_EQ(w.connections, 2u);
            co_await serving.join();
        });
}

TEST(http2_client, many_that_cannot_connect_are_told_at_the_same_time) {
    in_virtual_time([]() -> task<> {
        http::client_options o = by_http2();
        o.connect = [](const net::url&) -> task<io::any_stream> {
            co_await sleep_for(1h);
            co_return io::any_stream();
        };
        http::client client(o);
        std::vector<task<std::string>> asked;
        for (int i = 0; i < 20; ++i)
            asked.push_back(error_from(client.get("http://h/")));
        const time_point start = loop::current().now();
        for (const std::string& error : co_await all(std::move(asked)))
            EXPECT_THAT(error, HasSubstr("timed out after 10 s"));
        EXPECT_EQ(since(start), "20 s") << "one alone, and then all the others";
        EXPECT_EQ(client.in_use(), 0u);
    });
}

// --- clients that say what the story wants -----------------------------------------------------------

/// The frames that a server says to this, until it closes; then it is asked whether it still serves.
std::vector<h2::received> told(const std::string& bytes, const http::server_options& options = {},
                               bool finish = false) {
    std::vector<h2::received> frames;
    in_virtual_time([&]() -> task<> {
        http::server server(options);
        add_pages(server);
        visit peer(server, 1 << 20);
        const auto talk = spawn([&]() -> task<> {
            try {
                co_await peer.say(bytes);
                if (finish)
                    co_await peer.leave();
            } catch (const std::system_error&) {}
        });
        std::string heard;
        try {
            co_await read_to_end(peer.end, heard);
        } catch (const std::system_error&) {}
        peer.end.close();
        co_await talk.join();
        co_await peer.serving.join();
        EXPECT_EQ(server.connections(), 0u);
        frames = h2::take_frames(heard);
    });
    return frames;
}

/// "1 RST_STREAM 1", "GOAWAY 11": what went wrong, in the order in which it was said.
std::vector<std::string> complaints(const std::vector<h2::received>& frames) {
    std::vector<std::string> all;
    const auto code = [](const std::string& p, std::size_t at) {
        return std::to_string(static_cast<unsigned char>(p.at(at + 3)));
    };
    for (const h2::received& f : frames)
        if (f.type == h2::reset)
            all.push_back(std::to_string(f.stream) + " RST_STREAM " + code(f.payload, 0));
        else if (f.type == h2::goaway && code(f.payload, 4) != "0")
            all.push_back("GOAWAY " + code(f.payload, 4));
    return all;
}

/// The status of each answer, as far as it is in the static table of HPACK.
std::vector<std::string> answers_of(const std::vector<h2::received>& frames) {
    static const char* const names[] = {"200", "204", "206", "304", "400", "404", "500"};
    std::vector<std::string> all;
    for (const h2::received& f : frames)
        if (f.type == h2::headers) {
            const auto first = static_cast<unsigned char>(f.payload.at(0));
            all.push_back(first >= 0x88 && first <= 0x8e ? names[first - 0x88] : "other");
        }
    return all;
}

std::string wrong(const std::vector<std::pair<std::string, std::string>>& fields, std::uint32_t stream = 1) {
    return h2::client_begins + h2::frame(h2::headers, h2::end_headers | h2::end_stream, stream, h2::block(fields)) +
           h2::request(stream + 2);
}

TEST(http2_server, what_is_malformed_is_an_error_of_its_stream_and_the_next_is_served) {
    using fields = std::vector<std::pair<std::string, std::string>>;
    const fields good = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}};
    const auto with = [&](std::string name, std::string value) {
        fields all = good;
        all.emplace_back(std::move(name), std::move(value));
        return all;
    };
    const std::vector<fields> malformed = {
        with("connection", "close"),
        with("transfer-encoding", "chunked"),
        with("upgrade", "h2c"),
        with("te", "gzip"),
        with(":authority", "twice"),
        {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}},
        {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a b"}},
        with("Upper", "x"),
        with(":late", "x"),
        with("x", "a\nb"),
        with("bad name", "x"),
        with(":path", "/twice"),
        {{":method", "GET"}, {":scheme", "http"}},
        {{":method", "GET"}, {":scheme", "http"}, {":path", ""}},
        {{"x", "first"}, {":method", "GET"}, {":scheme", "http"}, {":path", "/"}},
        with("content-length", "7")};
    for (const fields& each : malformed) {
        SCOPED_TRACE(each.back().first + ": " + each.back().second);
        const auto said = told(wrong(each));
        EXPECT_THAT(complaints(said), ElementsAre("1 RST_STREAM 1"));
        EXPECT_THAT(answers_of(said), ElementsAre("200"));
    }
    EXPECT_THAT(answers_of(told(wrong(with("host", "other")))), ElementsAre("400", "200"));
    EXPECT_THAT(answers_of(told(wrong(with("host", "h")))), ElementsAre("200", "200"));
}

TEST(http2_server, bodies_must_have_the_length_they_announce) {
    using namespace h2;
    const std::string head = request(1, "POST", "/echo", {{"content-length", "3"}}, false);
    EXPECT_THAT(answers_of(told(client_begins + head + frame(data, end_stream, 1, "abc"))), ElementsAre("200"));
    for (const char* body : {"ab", "abcd"})
        EXPECT_THAT(complaints(told(client_begins + head + frame(data, end_stream, 1, body))),
                    ElementsAre("1 RST_STREAM 1"));
}

TEST(http2_server, heads_that_are_too_large_are_answered_and_bombs_are_not) {
    using namespace h2;
    std::string many = request(1).substr(0), large;
    std::vector<std::pair<std::string, std::string>> lines;
    for (int i = 0; i < 101; ++i)
        lines.emplace_back("x" + std::to_string(i), "y");
    const auto said = told(client_begins + request(1, "GET", "/", lines) + request(3));
    EXPECT_THAT(answers_of(said), ElementsAre("other", "200")) << "431";
    // One field of 4 KB in the table, and then references to it, a byte each.
    std::string bomb = "\x82\x86\x84" + std::string("\x40\x01x\x7f\x81\x1e", 6) + std::string(4000, 'x') +
                       std::string(10'000, '\xbe');
    EXPECT_THAT(complaints(told(client_begins + frame(headers, end_headers | end_stream, 1, bomb))),
                ElementsAre("GOAWAY 11"));
    std::string flood = client_begins + frame(headers, end_stream, 1, "\x82\x86\x84");
    for (int i = 0; i < 10'000; ++i)
        flood += frame(continuation, 0, 1, block({{"x", "y"}}));
    EXPECT_EQ(complaints(told(flood)).size(), 1u) << "CONTINUATION without end";
}

/// CVE-2023-44487, and others who want nothing but to be a burden.
TEST(http2_server, floods_are_sent_away) {
    using namespace h2;
    std::string resets = client_begins, pings = client_begins,
                nothing = client_begins + request(1, "POST", "/echo", {}, false);
    std::string churn = client_begins, asked = client_begins, changes = client_begins;
    for (std::uint32_t i = 0; i < 3000; ++i) {
        resets += request(2 * i + 1, "GET", "/slow") + frame(reset, 0, 2 * i + 1, number(8));
        pings += frame(ping, 0, 0, "12345678");
        nothing += frame(data, 0, 1);
        churn += frame(priority, 0, 2 * i + 1, number(0) + "x");
        changes += frame(settings, 0, 0, std::string("\0\4", 2) + number(70'000));
    }
    for (std::uint32_t i = 0; i < 100; ++i)
        asked += request(2 * i + 1, "GET", "/slow");
    for (const std::string* flood : {&resets, &pings, &nothing, &churn, &changes}) {
        SCOPED_TRACE(flood->size());
        EXPECT_THAT(complaints(told(*flood)), testing::Contains("GOAWAY 11"));
    }
    EXPECT_EQ(answers_of(told(asked)).size(), 100u) << "as many as are allowed";
    EXPECT_THAT(complaints(told(asked + request(201))), ElementsAre("GOAWAY 1")) << "and one more than that";
}

TEST(http2_server, silent_peers_are_not_waited_for) {
    using namespace h2;
    EXPECT_THAT(complaints(told(client_begins)), ElementsAre());
    (void)told(preface);
    (void)told("PRI");
    (void)told(preface.substr(0, 20));
    (void)told(client_begins + frame(headers, 0, 1, "\x82\x86\x84"));  // and no more of it
    const auto half = told(client_begins + request(1, "POST", "/echo", {}, false) + frame(data, 0, 1, "abc"));
    EXPECT_THAT(answers_of(half), ElementsAre("other")) << "408";
    EXPECT_NE(told(client_begins + request(1), {}, true).size(), 0u) << "who shuts down gets the answer";
}

TEST(http2_server, a_window_that_stays_shut_costs_its_stream_and_its_time) {
    using namespace h2;
    const std::string shut =
        preface + frame(settings, 0, 0, std::string("\0\4", 2) + number(0)) + frame(settings, ack, 0);
    const auto said = told(shut + request(1, "GET", "/large") + request(3, "GET", "/slow") + request(5, "HEAD", "/"));
    EXPECT_THAT(answers_of(said), ElementsAre("200", "200", "200"));
    EXPECT_THAT(complaints(said), ElementsAre("1 RST_STREAM 2", "3 RST_STREAM 2"));
}

TEST(http2_server, nonsense_ends_the_connection) {
    using namespace h2;
    EXPECT_EQ(complaints(told(preface + numbered_bytes(100'000))).size(), 1u);
    EXPECT_EQ(complaints(told(client_begins + std::string("\xff\xff\xff\0\0\0\0\0\1", 9))).size(), 1u);
    EXPECT_EQ(complaints(told(client_begins + frame(data, 0, 0, "x"))).size(), 1u);
    EXPECT_EQ(complaints(told(client_begins + request(2))).size(), 1u);
    EXPECT_EQ(complaints(told(client_begins + frame(window, 0, 0, number(0)))).size(), 1u);
}

TEST(http2_server, in_the_clear_it_is_spoken_only_if_that_is_wanted) {
    for (const bool wanted : {true, false})
        run([&]() -> task<> {
            http::server_options o;
            o.http2_in_clear = wanted;
            o.linger = 10ms;
            http::server server(o);
            add_pages(server);
            const net::address where = server.start(net::address::loopback(0));
            http::client client(by_http2());
            const std::string url = "http://" + where.to_string() + "/";
            if (wanted)
                EXPECT_EQ((co_await client.get(url)).version, 20);
            else
                EXPECT_NE(co_await error_from(client.get(url)), "");
            http::client old;
            EXPECT_EQ((co_await old.get(url)).version, 11);
            client.close_idle();
            old.close_idle();
            co_await server.stop(1s);
        });
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

}  // namespace story

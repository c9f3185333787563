// How a WebSocket ends: goodbyes of handlers, peers and servers, sends that were cut short, and death at any moment.

#include "support/sweep.hpp"
#include "support/websocket_world.hpp"

#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

#include <malloc.h>

namespace net_websocket_end_test {

using namespace ringlet;
using namespace story;
using namespace story::ws;

TEST(websocket_end, a_handler_that_returns_or_throws_says_goodbye) {
    const heard_reports reports;
    in_virtual_time([]() -> task<> {
        http::server server;
        server.get("/", http::websockets(
                            [](http::websocket& peer, http::request&) {  // on a fiber
                                const std::optional<http::message> heard = await(peer.receive());
                                if (heard->data == "throw")
                                    throw std::runtime_error("boom");
                                if (heard->data == "open")
                                    throw std::system_error(ENOENT, std::system_category(), "open x");
                            },
                            patient()));
        for (const std::string word : {"leave", "throw", "open"}) {
            visit v(server);
            co_await v.say(handshake + "\r\n" + frame(text, word));
            co_await v.hear_until("\r\n\r\n");
            const std::string goodbye = from_server(bye, close_frame(word == "leave" ? 1000 : 1011));
            EXPECT_EQ(co_await v.hear_until(goodbye), goodbye);
            co_await v.say(frame(bye, close_frame(1000)));
            EXPECT_EQ(co_await v.hear(), "");
        }
    });
    const std::string from = "http server: GET / from memory:right: ";
    EXPECT_THAT(reports.all, testing::ElementsAre(from + "std::runtime_error: boom",
                                                  from + "std::system_error: open x: No such file or directory"));
}

TEST(websocket_end, what_the_peer_does_wrong_is_no_mistake_of_the_handler) {
    const heard_reports reports;
    for (const std::string& wrong : {frame(begin, "half"), frame(bye, "x"), frame(text, "\xff"), std::string()})
        in_virtual_time([&]() -> task<> {
            echoing world;
            visit v(world.server);
            co_await v.say(handshake + "\r\n" + wrong);
            if (wrong.empty())
                v.end.reset();
            else
                co_await v.leave();
            (void)co_await as_result(v.hear());
            co_await v.serving.join();
        });
    in_virtual_time([]() -> task<> {
        echoing world;
        visit v(world.server);
        co_await v.say(handshake + "\r\n");  // and no word more, nor an answer to a ping
        (void)co_await as_result(v.hear());
        co_await v.serving.join();
    });
    EXPECT_THAT(reports.all, testing::ElementsAre());
}

TEST(websocket_end, a_server_that_stops_tells_its_peers) {
    in_virtual_time([]() -> task<> {
        echoing world;
        http::websocket peer = co_await world.connect();
        co_await peer.send("hello");
        EXPECT_EQ((co_await peer.receive())->data, "hello");
        co_await settle();
        const greenlet<std::size_t> stopping = spawn([&] { return world.server.stop(20s); });
        EXPECT_FALSE(co_await peer.receive());
        EXPECT_EQ(peer.peer_close_code(), http::close_code::going_away);
        { const http::websocket gone = std::move(peer); }
        EXPECT_EQ(co_await stopping.get(), 0u) << "nobody had to be cut";
    });
}

TEST(websocket_end, a_server_that_stops_tells_also_those_whose_handler_does_something_else) {
    in_virtual_time([]() -> task<> {
        http::server server;
        const auto dozes = [](http::websocket& peer, http::request&) -> task<> {
            while (co_await peer.receive())
                co_await sleep_for(2s);
        };
        server.get("/", http::websockets(dozes, patient()));
        auto [near, far] = io::duplex();
        const auto serving = spawn([&, end = std::move(far)]() mutable -> task<> {
            co_await server.serve_stream(io::any_stream(std::move(end)));
        });
        auto started = http::start_websocket(io::any_stream(std::move(near)), "a", "/", patient());
        http::websocket peer = co_await std::move(started);
        co_await peer.send("hello");
        co_await settle();
        const time_point start = loop::current().now();
        const greenlet<std::size_t> stopping = spawn([&] { return server.stop(20s); });
        EXPECT_FALSE(co_await peer.receive());
        EXPECT_EQ(peer.peer_close_code(), http::close_code::going_away);
        EXPECT_LT(loop::current().now() - start, 3s);
        { const http::websocket gone = std::move(peer); }
        EXPECT_EQ(co_await stopping.get(), 0u) << "nobody had to be cut";
        co_await serving.join();
    });
}

TEST(websocket_end, the_time_that_a_server_has_for_a_request_ends_with_the_handshake) {
    const heard_reports reports;
    in_virtual_time([]() -> task<> {
        http::server_options options;
        options.request = 5s;
        http::server server(options);
        server.get("/", http::websockets(&echo, patient()));
        auto [near, far] = io::duplex();
        const auto serving = spawn([&, end = std::move(far)]() mutable -> task<> {
            co_await server.serve_stream(io::any_stream(std::move(end)));
        });
        auto started = http::start_websocket(io::any_stream(std::move(near)), "a", "/", patient());
        http::websocket peer = co_await std::move(started);
        co_await sleep_for(20s);
        co_await peer.send("still there");
        EXPECT_EQ((co_await peer.receive())->data, "still there");
        co_await peer.close();
        co_await serving.join();
    });
    EXPECT_THAT(reports.all, testing::ElementsAre());
}

TEST(websocket_end, who_is_killed_before_a_byte_of_it_has_left_cuts_nothing_short) {
    in_virtual_time([]() -> task<> {
        echoing world;
        http::websocket peer = co_await world.connect(patient(), 200);
        greenlet<> second;
        const auto first = spawn([&]() -> task<> {
            co_await peer.send(std::string(1000, 'a'));
            second.kill();  // it has its turn now, and has not noticed yet
        });
        second = spawn([&]() -> task<> { co_await peer.send("never"); });
        EXPECT_EQ((co_await peer.receive())->data, std::string(1000, 'a'));
        co_await first.get();
        co_await second.join();
        co_await peer.send("after");
        EXPECT_EQ((co_await peer.receive())->data, "after");
        co_await peer.close();
    });
}

TEST(websocket_end, nothing_can_be_sent_after_the_goodbye) {
    in_virtual_time([]() -> task<> {
        echoing world;
        http::websocket peer = co_await world.connect();
        co_await peer.close();
        co_await peer.close();
        EXPECT_FALSE(co_await peer.receive());
        try {
            co_await peer.send("late");
            ADD_FAILURE();
        } catch (const http::websocket_error& e) {
            EXPECT_STREQ(e.what(),
                         "websocket with memory:left: it is closed already: Software caused connection abort");
        }
    });
}

TEST(websocket_end, closing_does_not_wait_for_who_has_gone) {
    in_virtual_time([]() -> task<> {
        auto [near, far] = io::duplex();
        http::websocket peer(io::any_stream(std::move(near)), http::websocket::side::client, patient());
        const auto receiving = spawn([&] { return peer.receive(); });
        co_await settle();
        const auto closing = spawn([&] { return peer.close(); });
        co_await settle();
        const time_point start = loop::current().now();
        far.reset();
        co_await closing.join();
        EXPECT_EQ(loop::current().now(), start);
        EXPECT_FALSE(co_await as_result(receiving.get()));
    });
}

TEST(websocket_end, a_server_that_masks_is_refused) {
    in_virtual_time([]() -> task<> {
        auto [near, far] = io::duplex();
        http::websocket peer(io::any_stream(std::move(near)), http::websocket::side::client, patient());
        co_await far.write_all(io::bytes_of(frame(text, "x")));
        try {
            (void)co_await peer.receive();
            ADD_FAILURE();
        } catch (const http::websocket_error& e) {
            EXPECT_EQ(e.close_code(), http::close_code::protocol_error);
        }
    });
}

TEST(websocket_end, closing_while_somebody_else_receives) {
    in_virtual_time([]() -> task<> {
        echoing world;
        http::websocket peer = co_await world.connect();
        const auto reader = spawn([&]() -> task<> { EXPECT_FALSE(co_await peer.receive()); });
        co_await settle();
        co_await peer.close();
        co_await reader.get();
        co_await world.serving.get();
    });
}

TEST(websocket_end, a_send_that_was_cut_short_ends_it) {
    in_virtual_time([]() -> task<> {
        http::server server;
        server.get("/", http::websockets([](http::websocket&, http::request&) -> task<> { co_await sleep_for(1h); },
                                         patient()));
        auto [near, far] = io::duplex(1000);
        const auto serving = spawn([](task<> t) -> task<> { co_await std::move(t); },
                                   server.serve_stream(io::any_stream(std::move(far))));
        auto started = http::start_websocket(io::any_stream(std::move(near)), "a", "/", patient());
        http::websocket peer = co_await std::move(started);
        const std::string large(100'000, 'x');
        EXPECT_FALSE(co_await as_result(with_timeout(1s, peer.send(large))));
        EXPECT_FALSE(co_await as_result(peer.send("more"))) << "half a frame has left";
    });
}

/// Seen by malloc itself; sanitizers have another, which says nothing.
TEST(websocket_end, after_a_send_that_was_cut_short_pings_cost_nothing) {
    in_virtual_time([]() -> task<> {
        const auto in_use = [] {
            const struct mallinfo2 all = ::mallinfo2();
            return all.uordblks + all.hblkhd;
        };
        std::size_t before = 0, after = 0;
        http::server server;
        const auto cut_short = [&](http::websocket& peer, http::request&) -> task<> {
            const std::string large(100'000, 'x');
            EXPECT_FALSE(co_await as_result(with_timeout(1s, peer.send(large))));
            before = in_use();
            while (const auto heard = co_await peer.receive())
                after = in_use();
        };
        server.get("/", http::websockets(cut_short, patient()));
        visit v(server, 1000);
        co_await v.say(handshake + "\r\n");
        co_await sleep_for(2s);
        const std::string pings = frame(ping, std::string(100, 'x'));
        for (int i = 0; i < 10'000; ++i)
            co_await v.say(pings);
        co_await v.say(frame(text, "and now"));
        co_await settle();
        EXPECT_LT(after, before + 500'000) << "of a million bytes of pongs";
        v.end.close();
        co_await v.serving.get();
    });
}

TEST(websocket_end, a_peer_that_says_no_goodbye_is_waited_for_only_so_long) {
    in_virtual_time([]() -> task<> {
        http::server server;
        server.get("/", http::websockets([](http::websocket&, http::request&) -> task<> { co_return; }, patient()));
        visit v(server, 1 << 20);
        co_await v.say(handshake + "\r\n");
        const auto chatter = spawn([&]() -> task<> {
            try {
                for (;;) {
                    co_await sleep_for(5s);
                    co_await v.say(frame(text, "wait"));
                }
            } catch (const std::system_error&) {}
        });
        const time_point start = loop::current().now();
        EXPECT_TRUE(co_await as_result(with_timeout(60s, v.serving.join())));
        EXPECT_LE(loop::current().now() - start, 13s);
        chatter.kill();
        co_await chatter.join();
    });
}

TEST(websocket_end, can_be_killed_at_every_moment) {
    const heard_reports quiet;
    const std::size_t moments = sweep([]() -> task<> { co_await echo_slowly(patient(), std::string(1000, 'x')); });
    EXPECT_GT(moments, 5u);
}

}  // namespace net_websocket_end_test

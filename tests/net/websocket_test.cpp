// WebSocket from the handshake to the goodbye. What is in the frames: websocket_rules_test.cpp.

#include "support/sweep.hpp"
#include "support/websocket_world.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/timeout.hpp>

#include <gmock/gmock.h>

#include <malloc.h>

namespace net_websocket_test {

using namespace ringlet;
using namespace story;
using namespace story::ws;
using testing::HasSubstr;
using testing::StartsWith;

// --- handshake ---------------------------------------------------------------------------------------

TEST(websocket, the_handshake_is_that_of_the_standard) {
    in_virtual_time([]() -> task<> {
        echoing world(patient().protocols({"chat", "news"}));
        visit v(world.server);
        co_await v.say(handshake + "Sec-WebSocket-Protocol: x, news, chat\r\n\r\n" + frame(text, "hi"));
        EXPECT_EQ(co_await v.hear_until("\r\n\r\n"),
                  "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                  "Sec-WebSocket-Protocol: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        EXPECT_EQ(co_await v.hear_until("hi"), from_server(text, "hi")) << "sent together with the handshake";
        visit other(world.server);
        co_await other.say(handshake + "Sec-WebSocket-Protocol: x, CHAT\r\nSec-WebSocket-Protocol:  news \r\n\r\n");
        EXPECT_THAT(co_await other.hear_until("\r\n\r\n"), HasSubstr("\r\nSec-WebSocket-Protocol: news\r\n"))
            << "a client compares the name as it stands";
    });
}

TEST(websocket, what_is_no_handshake_is_refused) {
    const auto said = [](const std::string& request, const http::websocket_options& options = patient()) {
        return in_virtual_time([&]() -> task<std::string> {
            echoing world(options);
            visit v(world.server);
            co_await v.say(request);
            co_await v.leave();
            co_return co_await v.hear();
        });
    };
    const auto without = [](const std::string& line) {
        std::string request = handshake;
        return request.erase(request.find(line), request.find("\r\n", request.find(line)) + 2 - request.find(line));
    };
    EXPECT_THAT(said("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                StartsWith("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
    EXPECT_THAT(said("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("\r\nConnection: Upgrade\r\n"))
        << "RFC 9110 section 7.8";
    EXPECT_THAT(said(without("Connection: ") + "\r\n"), StartsWith("HTTP/1.1 426 "));
    EXPECT_THAT(said(without("Upgrade: ") + "Upgrade: h2c\r\n\r\n"), StartsWith("HTTP/1.1 426 "));
    EXPECT_THAT(said(without("Sec-WebSocket-Version") + "Sec-WebSocket-Version: 8\r\n\r\n"),
                StartsWith("HTTP/1.1 426 "));
    for (const std::string bad :
         {"", "short==", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQ=x", "dGhlIHNhbXBsZSBub2!jZQ=="})
        EXPECT_THAT(said(without("Sec-WebSocket-Key") + "Sec-WebSocket-Key: " + bad + "\r\n\r\n"),
                    StartsWith("HTTP/1.1 400 "))
            << bad;
    EXPECT_THAT(said(handshake + "Sec-WebSocket-Key: " + key + "\r\n\r\n"), StartsWith("HTTP/1.1 400 "))
        << "two of them";
    EXPECT_THAT(said(handshake + "Content-Length: 1\r\n\r\nx"), StartsWith("HTTP/1.1 400 "));
}

TEST(websocket, pages_of_other_hosts_are_kept_out) {
    const auto said = [](const std::string& origin, const http::websocket_options& options) {
        return in_virtual_time([&]() -> task<std::string> {
            echoing world(options);
            visit v(world.server);
            co_await v.say(handshake + "Origin: " + origin + "\r\n\r\n");
            co_await v.leave();
            co_return (co_await v.hear()).substr(9, 3);
        });
    };
    EXPECT_EQ(said("http://a", patient()), "101");
    EXPECT_EQ(said("https://A", patient()), "101");
    EXPECT_EQ(said("http://b", patient()), "403");
    EXPECT_EQ(said("http://a.b", patient()), "403");
    EXPECT_EQ(said("null", patient()), "403");
    EXPECT_EQ(said("http://b", patient().origins({"http://c", "http://b"})), "101");
    EXPECT_EQ(said("http://a", patient().origins({"http://b"})), "403");
    EXPECT_EQ(said("null", patient().origins({"*"})), "101");
}

TEST(websocket, a_client_sees_through_a_server_that_only_pretends) {
    const auto tried = [](const std::string& answer) {
        return in_virtual_time([&]() -> task<std::string> {
            auto [near, far] = io::duplex(64 * 1024);
            co_await far.write_all(io::bytes_of(answer));
            co_await far.shutdown();
            auto started = http::start_websocket(io::any_stream(std::move(near)), "a", "/", patient());
            try {
                co_await std::move(started);
            } catch (const std::system_error& e) {
                co_return e.what();
            }
            co_return "";
        });
    };
    const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n";
    EXPECT_THAT(tried("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
                StartsWith("websocket with memory:left: the server answered 404 Not Found"));
    EXPECT_THAT(tried(switching + "\r\n"), HasSubstr("Sec-WebSocket-Accept is not the answer to our key"));
    EXPECT_THAT(tried(switching + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
                HasSubstr("not the answer to our key"));
    EXPECT_THAT(tried("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n"),
                HasSubstr("does not speak WebSocket"));
    EXPECT_THAT(tried(""), HasSubstr("the stream ended early"));
}

// --- messages ----------------------------------------------------------------------------------------

TEST(websocket, a_url_of_another_kind_is_refused_and_its_password_not_shown) {
    in_virtual_time([]() -> task<> {
        try {
            (void)co_await http::connect_websocket("http://me:secret@h/");
            ADD_FAILURE() << "that is no url of a websocket";
        } catch (const std::invalid_argument& e) {
            EXPECT_STREQ(e.what(), "url 'http://me:***@h/': a WebSocket begins with ws:// or wss://");
        }
    });
}

TEST(websocket, messages_of_every_size_go_both_ways) {
    in_virtual_time([]() -> task<> {
        echoing world;
        http::websocket peer = co_await world.connect();
        for (const std::size_t size : {0u, 1u, 125u, 126u, 2047u, 65535u, 65536u, 1000000u}) {
            const std::string bytes(size, 'x');
            auto sending = peer.send(bytes);
            auto hearing = peer.receive();
            auto [sent, heard] = co_await all(std::move(sending), std::move(hearing));
            EXPECT_TRUE(heard && heard->text && heard->data == bytes) << size;
        }
        const std::string binary_bytes("\0\xff\xfe", 3);
        co_await peer.send_binary(binary_bytes);
        const std::optional<http::message> heard = co_await peer.receive();
        EXPECT_TRUE(heard && !heard->text && heard->data == binary_bytes);
        co_await peer.close(3001, "enough");
        EXPECT_EQ(peer.peer_close_code(), 3001);
        co_await world.serving.get();
    });
}

TEST(websocket, however_the_bytes_are_cut_the_messages_are_the_same) {
    const std::string sent = frame(begin, "h\xc3") + frame(ping, "p") + frame(end, "\xa4!") + frame(binary, "xyz") +
                             frame(bye, close_frame(1001, "gone"));
    const std::string expected = from_server(pong, "p") + from_server(text, "h\xc3\xa4!") +
                                 from_server(binary, "xyz") + from_server(bye, close_frame(1001, "gone"));
    for (std::size_t cut = 0; cut <= sent.size() + 1; ++cut) {
        in_virtual_time([&]() -> task<> {
            echoing world;
            visit v(world.server);
            co_await v.say(handshake + "\r\n");
            co_await v.hear_until("\r\n\r\n");
            for (std::size_t at = 0; at < sent.size();) {
                const std::size_t size = cut > sent.size() ? 1
                                         : at == 0         ? std::max<std::size_t>(cut, 1)
                                                           : sent.size() - at;
                co_await v.say(std::string_view(sent).substr(at, size));
                co_await settle(5);
                at += size;
            }
            co_await v.leave();
            EXPECT_EQ(co_await v.hear(), expected) << "cut at " << cut;
        });
    }
}

// --- time --------------------------------------------------------------------------------------------

TEST(websocket, silence_is_broken_by_a_ping_and_then_it_is_over) {
    in_virtual_time([]() -> task<> {
        echoing world;
        visit v(world.server);
        co_await v.say(handshake + "\r\n");
        co_await v.hear_until("\r\n\r\n");
        const time_point start = loop::current().now();
        EXPECT_EQ(co_await v.hear_until(from_server(ping, "")), from_server(ping, ""));
        EXPECT_GE(loop::current().now() - start, 30s);
        co_await v.say(frame(pong, ""));
        EXPECT_EQ(co_await v.hear_until(from_server(ping, "")), from_server(ping, ""));
        EXPECT_EQ(co_await v.hear(), "");
        EXPECT_GE(loop::current().now() - start, 90s);
        EXPECT_LE(loop::current().now() - start, 95s);
    });
}

TEST(websocket, two_idle_ends_keep_each_other_alive) {
    in_virtual_time([]() -> task<> {
        echoing world;
        http::websocket peer = co_await world.connect();
        const auto later = spawn([&]() -> task<> {
            co_await sleep_for(1h);
            co_await peer.send("still there");
        });
        const std::optional<http::message> heard = co_await peer.receive();
        EXPECT_EQ(heard->data, "still there");
        co_await later.join();
    });
}

TEST(websocket, who_does_not_read_holds_up_the_sender_and_then_is_cut) {
    in_virtual_time([]() -> task<> {
        http::server server;
        std::size_t sent = 0;
        const auto flood = [&](http::websocket& peer, http::request&) -> task<> {
            for (;; ++sent)
                co_await peer.send(std::string_view("0123456789"));
        };
        server.get("/", http::websockets(flood, patient()));
        visit v(server, 1000);
        co_await v.say(handshake + "\r\n");
        const time_point start = loop::current().now();
        co_await v.serving.get();
        EXPECT_GT(sent, 10u);
        EXPECT_LT(sent, 100u) << "bounded by what the connection holds";
        EXPECT_LE(loop::current().now() - start, 13s);
    });
}

TEST(websocket, a_peer_that_takes_a_large_message_slowly_gets_it) {
    in_virtual_time([]() -> task<> {
        auto [near, far] = io::duplex();
        http::websocket peer(io::any_stream(std::move(near)), http::websocket::side::server, patient());
        const std::string large(4 << 20, 'x');
        const auto sending = spawn([&] { return peer.send(large); });
        std::string heard(from_server(text, large).size(), '-');
        for (std::size_t at = 0; at < heard.size(); at += 64 * 1024) {
            const auto room = std::as_writable_bytes(std::span(heard)).subspan(at);
            co_await io::read_exact(far, room.first(std::min<std::size_t>(room.size(), 64 * 1024)));
            co_await sleep_for(1s);
        }
        EXPECT_TRUE(co_await as_result(sending.get())) << "its patience is 10 s";
        EXPECT_EQ(heard, from_server(text, large));
    });
}

TEST(websocket, a_ping_is_answered_while_somebody_sends) {
    in_virtual_time([]() -> task<> {
        http::server server;
        const std::string large(5000, 'x');
        const auto both = [&](http::websocket& peer, http::request&) -> task<> {
            const auto sending = spawn([&] { return peer.send(large); });
            while (co_await peer.receive()) {}
            co_await sending.join();
        };
        server.get("/", http::websockets(both, patient()));
        visit v(server, 1000);
        co_await v.say(handshake + "\r\n");
        co_await v.hear_until("\r\n\r\n");
        co_await settle();
        co_await v.say(frame(ping, "1") + frame(ping, "2"));
        co_await settle();
        EXPECT_THAT(co_await v.hear_until(from_server(pong, "2")),
                    testing::EndsWith(large + from_server(pong, "1") + from_server(pong, "2")));
    });
}

// --- the end -----------------------------------------------------------------------------------------

TEST(websocket, a_handler_that_returns_or_throws_says_goodbye) {
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

TEST(websocket, what_the_peer_does_wrong_is_no_mistake_of_the_handler) {
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

TEST(websocket, a_server_that_stops_tells_its_peers) {
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

TEST(websocket, a_server_that_stops_tells_also_those_whose_handler_does_something_else) {
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

TEST(websocket, the_time_that_a_server_has_for_a_request_ends_with_the_handshake) {
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

TEST(websocket, who_is_killed_before_a_byte_of_it_has_left_cuts_nothing_short) {
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

TEST(websocket, nothing_can_be_sent_after_the_goodbye) {
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

TEST(websocket, closing_does_not_wait_for_who_has_gone) {
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

TEST(websocket, a_server_that_masks_is_refused) {
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

TEST(websocket, closing_while_somebody_else_receives) {
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

TEST(websocket, a_send_that_was_cut_short_ends_it) {
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
TEST(websocket, after_a_send_that_was_cut_short_pings_cost_nothing) {
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

TEST(websocket, a_peer_that_says_no_goodbye_is_waited_for_only_so_long) {
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

TEST(websocket, can_be_killed_at_every_moment) {
    const heard_reports quiet;
    const std::size_t moments = sweep([]() -> task<> { co_await echo_slowly(patient(), std::string(1000, 'x')); });
    EXPECT_GT(moments, 5u);
}

}  // namespace net_websocket_test

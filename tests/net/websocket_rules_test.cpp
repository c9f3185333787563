// What is in the frames of a websocket: the behaviours that the cases 1 to 10 of the Autobahn suite ask for,
// each with the bytes whole and one by one, and our own stricter and laxer answers beside them.

#include "support/websocket_world.hpp"

namespace net_websocket_rules_test {

using namespace ringlet;
using namespace story;
using namespace story::ws;

const std::string normal = close_frame(1000);

/// What is said to `sent`, however it is cut.
std::string said_to(const std::string& sent, const http::websocket_options& options = patient()) {
    saying whole;
    whole.options = options;
    const std::string answer = answers_to(sent, whole);
    saying bytes = whole;
    bytes.piece = 1;
    if (sent.size() < 3000) {
        EXPECT_EQ(answers_to(sent, bytes), answer) << "by bytes: " << testing::PrintToString(sent.substr(0, 40));
    }
    return answer;
}

/// Without an end of what is sent: the answer does not wait for one.
std::string said_at_once(const std::string& sent) {
    return in_virtual_time([&]() -> task<std::string> {
        echoing world;
        visit v(world.server);
        co_await v.say(handshake + "\r\n" + sent);
        co_await v.hear_until("\r\n\r\n");
        const time_point start = loop::current().now();
        std::string heard = co_await v.hear();
        EXPECT_EQ(loop::current().now() - start, 0s);
        co_return heard;
    });
}

/// The code of the close that is the last thing said; 0 if it is none.
int code_in(const std::string& said) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(said[said.size() - i]); };
    return said.size() >= 4 && byte(4) == bye && byte(3) == 2 ? byte(2) * 256 + byte(1) : 0;
}

// --- 1: sizes ----------------------------------------------------------------------------------------

TEST(websocket_rules, messages_of_every_size_come_back) {
    for (const unsigned kind : {text, binary})
        for (const std::size_t size : {0u, 1u, 125u, 126u, 127u, 128u, 65535u, 65536u}) {
            const std::string bytes(size, '*');
            EXPECT_EQ(said_to(frame(kind, bytes) + frame(bye, normal)),
                      from_server(kind, bytes) + from_server(bye, normal))
                << size;
        }
    const std::string large(65536, '*');
    for (const std::size_t piece : {997u, 4096u}) {
        saying chopped;
        chopped.piece = piece;
        EXPECT_EQ(answers_to(frame(binary, large) + frame(bye, normal), chopped),
                  from_server(binary, large) + from_server(bye, normal));
    }
}

TEST(websocket_rules, a_mask_is_undone) {
    std::string masked = frame(text, "Hello");
    const std::string by = "\x37\xfa\x21\x3d";  // of RFC 6455 section 5.7
    for (std::size_t i = 0; i < by.size(); ++i)
        masked[2 + i] = by[i];
    for (std::size_t i = 6; i < masked.size(); ++i)
        masked[i] = static_cast<char>(masked[i] ^ by[(i - 6) % 4]);
    EXPECT_EQ(said_to(masked + frame(bye, normal)), from_server(text, "Hello") + from_server(bye, normal));
}

// --- 2: pings ----------------------------------------------------------------------------------------

TEST(websocket_rules, pings_are_answered_and_pongs_are_not) {
    const std::string bytes("\x00\xff\xfe\xfd", 4);
    for (const std::string& payload : {std::string(), std::string("Hello"), bytes, std::string(125, '\xfe')})
        EXPECT_EQ(said_to(frame(ping, payload) + frame(bye, normal)),
                  from_server(pong, payload) + from_server(bye, normal));
    EXPECT_EQ(said_to(frame(pong, "") + frame(pong, "unasked") + frame(ping, "1") + frame(bye, normal)),
              from_server(pong, "1") + from_server(bye, normal));
    std::string pings, pongs;
    for (const char c : std::string("0123456789")) {
        pings += frame(ping, std::string(1, c));
        pongs += from_server(pong, std::string(1, c));
    }
    EXPECT_EQ(said_to(pings + frame(bye, normal)), pongs + from_server(bye, normal));
    EXPECT_EQ(code_in(said_at_once(frame(ping, std::string(126, 'x')))), 1002);
}

// --- 3, 4: bits and opcodes that mean nothing --------------------------------------------------------

TEST(websocket_rules, reserved_bits_and_opcodes_end_it_after_what_was_good) {
    for (unsigned bits = 1; bits <= 7; ++bits)
        for (const unsigned kind : {text, binary, ping, pong, bye}) {
            const std::string said = said_to(frame(text, "first") + frame(kind | bits << 4, "x") + frame(ping, ""));
            EXPECT_TRUE(said.starts_with(from_server(text, "first"))) << bits << ' ' << kind;
            EXPECT_EQ(code_in(said), 1002) << bits << ' ' << kind;
        }
    for (const unsigned opcode : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u})
        for (const std::string payload : {"", "x"}) {
            const std::string said = said_to(frame(text, "first") + frame(end | opcode, payload) + frame(ping, ""));
            EXPECT_EQ(said, from_server(text, "first") + from_server(bye, close_frame(1002))) << opcode;
        }
}

TEST(websocket_rules, a_frame_whose_head_is_wrong_is_refused) {
    std::string unmasked = frame(text, "x");
    unmasked[1] = 1;
    unmasked.erase(2, 4);
    for (const std::string& bad : {
             unmasked,
             std::string("\x82\xfe\0\x01\0\0\0\0x", 9),  // a length in more bytes than it needs
             std::string("\x82\xff\0\0\0\0\0\0\0\x7f\0\0\0\0", 14),
             std::string("\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14),
         })
        EXPECT_EQ(code_in(said_to(bad)), 1002) << testing::PrintToString(bad);
}

// --- 5: fragments ------------------------------------------------------------------------------------

TEST(websocket_rules, fragments_are_one_message_and_pings_may_come_between) {
    EXPECT_EQ(
        said_to(frame(begin, "he") + frame(ping, "?") + frame(more, "l") + frame(end, "lo") + frame(bye, normal)),
        from_server(pong, "?") + from_server(text, "hello") + from_server(bye, normal));
    EXPECT_EQ(
        said_to(frame(begin, "1") + frame(more, "2") + frame(ping, "a") + frame(more, "3") + frame(more, "4") +
                frame(ping, "b") + frame(end, "5") + frame(bye, normal)),
        from_server(pong, "a") + from_server(pong, "b") + from_server(text, "12345") + from_server(bye, normal));
    EXPECT_EQ(said_to(frame(begin, "") + frame(more, "") + frame(end, "") + frame(bye, normal)),
              from_server(text, "") + from_server(bye, normal));
    EXPECT_EQ(said_to(frame(begin, "") + frame(more, "mid") + frame(end, "") + frame(bye, normal)),
              from_server(text, "mid") + from_server(bye, normal));
}

TEST(websocket_rules, fragments_in_disorder_end_it) {
    for (const std::string& bad : {
             frame(0x09, "x"),  // a ping in two
             frame(0x0a, "x"),
             frame(0x08, "x"),
             frame(end, "x"),  // the end of nothing
             frame(more, "x"),
             frame(begin, "x") + frame(text, "y"),  // one in the middle of another
             frame(begin, "x") + frame(begin, "y"),
             frame(begin, "x") + frame(binary, "y"),
         })
        EXPECT_EQ(code_in(said_to(bad + frame(text, "late"))), 1002) << testing::PrintToString(bad);
    EXPECT_EQ(said_to(frame(begin, "a") + frame(end, "b") + frame(more, "c") + frame(text, "d")),
              from_server(text, "ab") + from_server(bye, close_frame(1002)));
}

// --- 6: UTF-8 ----------------------------------------------------------------------------------------

const std::vector<std::string> good_texts{
    "", "a", "\xc3\xa4", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", "\xe2\x82\xac", std::string(1, '\0'),
    // First and last of each length, around the surrogates, the last of all; noncharacters are characters.
    "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80", "\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xed\x9f\xbf",
    "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", "\xef\xbf\xbe", "\xf0\x9f\xbf\xbe"};
const std::vector<std::string> bad_texts{"\xff",
                                         "\x80",
                                         "\xbf",
                                         "\x80\xbf",
                                         "\xc0",
                                         "\xc3",
                                         "\xe2\x82",
                                         "\xf0\x90\x80",
                                         "\xc3 ",
                                         "\xe2\x82 ",
                                         "\xc0\xaf",
                                         "\xc1\xbf",
                                         "\xe0\x80\xaf",
                                         "\xe0\x9f\xbf",
                                         "\xf0\x80\x80\xaf",
                                         "\xf0\x8f\xbf\xbf",  // overlong
                                         "\xed\xa0\x80",
                                         "\xed\xbf\xbf",
                                         "\xed\xa0\x80\xed\xb0\x80",  // surrogates
                                         "\xf4\x90\x80\x80",
                                         "\xf5\x80\x80\x80",
                                         "\xf8\x88\x80\x80\x80",
                                         "\xfc\x84\x80\x80\x80\x80",
                                         "\xfe",
                                         "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"
                                         "edited"};

TEST(websocket_rules, a_text_is_utf8_whatever_its_fragments) {
    const auto by_bytes = [](const std::string& bytes) {
        std::string frames = frame(begin, "");
        for (const char c : bytes)
            frames += frame(more, std::string(1, c));
        return frames + frame(end, "");
    };
    for (const std::string& good : good_texts) {
        const std::string heard = from_server(text, good) + from_server(bye, normal);
        EXPECT_EQ(said_to(frame(text, good) + frame(bye, normal)), heard) << testing::PrintToString(good);
        EXPECT_EQ(said_to(by_bytes(good) + frame(bye, normal)), heard) << testing::PrintToString(good);
    }
    for (const std::string& bad : bad_texts) {
        EXPECT_EQ(said_to(frame(text, bad)), from_server(bye, close_frame(1007))) << testing::PrintToString(bad);
        EXPECT_EQ(said_to(by_bytes(bad)), from_server(bye, close_frame(1007))) << testing::PrintToString(bad);
    }
    EXPECT_EQ(said_to(frame(binary, "\xff") + frame(bye, normal)),
              from_server(binary, "\xff") + from_server(bye, normal));
}

TEST(websocket_rules, a_text_that_is_none_is_refused_before_its_end) {
    const std::string refusal = from_server(bye, close_frame(1007));
    EXPECT_EQ(said_at_once(frame(begin, "good") + frame(more, "\xf4\x90\x80\x80")), refusal);
    EXPECT_EQ(said_at_once(frame(begin, "good\xf4") + frame(more, "\x90")), refusal);
    const std::string unfinished = frame_head(text, 1000, 0x80) + std::string(4, '\0');
    EXPECT_EQ(said_at_once(unfinished + "good\xf4\x90"), refusal) << "within a frame";
}

TEST(websocket_rules, a_text_to_send_must_be_one) {
    in_virtual_time([]() -> task<> {
        echoing world;
        http::websocket peer = co_await world.connect();
        const auto sends = [&](std::string bytes) -> task<bool> {
            try {
                co_await peer.send(bytes);
            } catch (const std::invalid_argument&) {
                co_return false;
            }
            co_return true;
        };
        for (const std::string& bad : bad_texts)
            EXPECT_FALSE(co_await sends(bad)) << testing::PrintToString(bad);
        for (const std::string& good : good_texts)
            EXPECT_TRUE(co_await sends(good)) << testing::PrintToString(good);
    });
}

// --- 7: closing --------------------------------------------------------------------------------------

TEST(websocket_rules, after_a_close_nothing_is_heard_or_said) {
    const std::string goodbye = frame(bye, normal), answer = from_server(bye, normal);
    for (const std::string& late : {goodbye, frame(ping, "x"), frame(text, "x"), frame(0xf3, "x")})
        EXPECT_EQ(said_to(goodbye + late), answer);
    EXPECT_EQ(said_to(frame(begin, "half") + goodbye), answer);
    const std::string large(256 * 1024, '*');
    EXPECT_EQ(said_to(frame(text, large) + goodbye + frame(ping, "")), from_server(text, large) + answer);
    EXPECT_EQ(said_to(""), "") << "gone without a word";
}

TEST(websocket_rules, a_close_may_have_a_code_and_a_reason) {
    EXPECT_EQ(said_to(frame(bye, "")), from_server(bye, ""));
    EXPECT_EQ(code_in(said_to(frame(bye, "x"))), 1002);
    for (const std::string& reason : {std::string("Hello"), std::string(123, '*'), std::string("gr\xc3\xbc\xc3\x9f")})
        EXPECT_EQ(said_to(frame(bye, close_frame(1000, reason))), from_server(bye, close_frame(1000, reason)));
    EXPECT_EQ(code_in(said_to(frame(bye, close_frame(1000, std::string(124, '*'))))), 1002);
    EXPECT_EQ(code_in(said_to(frame(bye, close_frame(1000, "\xce\xba\xe1\xbd\xb9\xed\xa0\x80")))), 1007);
    EXPECT_EQ(code_in(said_to(frame(bye, close_frame(1000, "\xc3")))), 1007);
    for (const unsigned code :
         {1000u, 1001u, 1002u, 1003u, 1007u, 1008u, 1009u, 1010u, 1011u, 3000u, 3999u, 4000u, 4999u})
        EXPECT_EQ(said_to(frame(bye, close_frame(code))), from_server(bye, close_frame(code)));
    for (const unsigned code : {0u, 999u, 1004u, 1005u, 1006u, 1015u, 1016u, 1100u, 2000u, 2999u, 5000u, 65535u})
        EXPECT_EQ(said_to(frame(bye, close_frame(code))), from_server(bye, close_frame(1002))) << code;
    for (const unsigned code : {1012u, 1013u, 1014u})  // registered since: restart, try again, bad gateway
        EXPECT_EQ(said_to(frame(bye, close_frame(code))), from_server(bye, close_frame(1001))) << code;
}

TEST(websocket_rules, a_close_that_breaks_the_rules_has_told_no_code) {
    for (const unsigned code : {1000u, 1001u, 1012u, 1014u})
        in_virtual_time([&]() -> task<> {
            http::server server;
            int told = 0;
            const auto listen = [&](http::websocket& peer, http::request&) -> task<> {
                auto next = peer.receive();
                EXPECT_FALSE(co_await as_result(std::move(next)));
                told = peer.peer_close_code();
            };
            server.get("/", http::websockets(listen, patient()));
            visit v(server);
            co_await v.say(handshake + "\r\n" + frame(bye, close_frame(code, "\xff")));
            EXPECT_EQ(code_in(co_await v.hear()), 1007);
            EXPECT_EQ(told, http::close_code::lost) << code;
        });
}

TEST(websocket_rules, what_a_server_says_when_it_closes_is_told_as_it_was_said) {
    for (const int code : {0, 1000, 1001, 1005, 1006, 1012, 1013, 1014, 1015, 4321}) {
        in_virtual_time([&]() -> task<> {
            http::server server;
            std::string refused;
            const auto leave = [&](http::websocket& peer, http::request&) -> task<> {
                try {
                    co_await peer.close(static_cast<std::uint16_t>(code), "why");
                } catch (const std::invalid_argument& e) {
                    refused = e.what();
                }
            };
            server.get("/", http::websockets(leave, patient()));
            auto [near, far] = io::duplex();
            const auto serving = spawn([](task<> t) -> task<> { co_await std::move(t); },
                                       server.serve_stream(io::any_stream(std::move(far))));
            auto started = http::start_websocket(io::any_stream(std::move(near)), "a", "/", patient());
            http::websocket peer = co_await std::move(started);
            EXPECT_FALSE(co_await peer.receive());
            const bool can_be_sent = code != 0 && code != 1006 && code != 1015;
            EXPECT_EQ(refused.empty(), can_be_sent) << code;
            EXPECT_EQ(peer.peer_close_code(), can_be_sent ? code : 1000);
            EXPECT_EQ(peer.peer_close_reason(), can_be_sent && code != 1005 ? "why" : "");
        });
    }
}

// --- 9, 10: limits -----------------------------------------------------------------------------------

TEST(websocket_rules, a_message_is_as_large_as_it_may_be_and_no_larger) {
    const http::websocket_options small = patient().largest_message(1000);
    EXPECT_EQ(said_to(frame(text, std::string(1000, 'x')) + frame(bye, normal), small),
              from_server(text, std::string(1000, 'x')) + from_server(bye, normal));
    EXPECT_EQ(code_in(said_to(frame(text, std::string(1001, 'x')), small)), 1009);
    EXPECT_EQ(code_in(said_to(frame(begin, std::string(600, 'x')) + frame(end, std::string(600, 'x')), small)), 1009);
    EXPECT_EQ(code_in(said_at_once(frame_head(binary, 1 << 30, 0x80) + std::string(5, '\0'))), 1009)
        << "known from its first byte";
    std::string tiny = frame(begin, "");
    for (int i = 0; i < 1000; ++i)
        tiny += frame(more, "x") + frame(more, "");
    EXPECT_EQ(said_to(tiny + frame(end, "") + frame(bye, normal), small),
              from_server(text, std::string(1000, 'x')) + from_server(bye, normal));
    EXPECT_EQ(code_in(said_to(tiny + frame(end, "x"), small)), 1009);
    const std::string large(4 << 20, '*');
    std::string fragments = frame(0x02, "");
    for (std::size_t at = 0; at < large.size(); at += 65536)
        fragments += frame(more, std::string_view(large).substr(at, 65536));
    fragments += frame(end, "") + frame(bye, normal);
    EXPECT_EQ(said_to(fragments, patient().largest_message(4 << 20)),
              from_server(binary, large) + from_server(bye, normal));
}

}  // namespace net_websocket_rules_test

// permessage-deflate (RFC 7692): what is agreed on, what is sent then, and what no peer may do with it. The
// behaviours are those that cases 12 and 13 of the Autobahn suite ask for.

#include "support/sweep.hpp"
#include "support/websocket_world.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/net/websocket_handshake_private.hpp>

#include <zlib.h>

#include <random>

namespace net_websocket_deflate_test {

using namespace ringlet;
using namespace story;
using namespace story::ws;
using testing::HasSubstr;

using http::message_compression;

http::websocket_options compressing(const message_compression& how = {}) {
    return patient().compress(message_compression(how).smallest(0));
}

constexpr unsigned squeezed = 0x40;  // RSV1

/// A peer's own zlib, with everything that ours never does.
struct stranger {
    explicit stranger(int inflate_bits = 15) {
        deflateInit2(&out, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
        inflateInit2(&in, -inflate_bits);
    }
    stranger(const stranger&) = delete;
    stranger& operator=(const stranger&) = delete;
    ~stranger() {
        deflateEnd(&out);
        inflateEnd(&in);
    }
    std::string deflate(std::string message, int flush = Z_SYNC_FLUSH) {
        std::string payload(message.size() + 1000, '\0');
        out.next_in = reinterpret_cast<Bytef*>(message.data());
        out.avail_in = static_cast<uInt>(message.size());
        out.next_out = reinterpret_cast<Bytef*>(payload.data());
        out.avail_out = static_cast<uInt>(payload.size());
        ::deflate(&out, flush);
        payload.resize(payload.size() - out.avail_out - (flush == Z_SYNC_FLUSH ? 4 : 0));
        if (flush == Z_FINISH)
            deflateReset(&out);
        return payload;
    }
    std::string inflate(std::string payload) {
        payload.append("\0\0\xff\xff", 4);
        in.next_in = reinterpret_cast<Bytef*>(payload.data());
        in.avail_in = static_cast<uInt>(payload.size());
        std::string message;
        Bytef one = 0;
        do {  // byte by byte, because zlib sees how far back something is only when it left the output
            in.next_out = &one;
            in.avail_out = 1;
            const int said = ::inflate(&in, Z_SYNC_FLUSH);
            EXPECT_TRUE(said == Z_OK || said == Z_BUF_ERROR) << (in.msg != nullptr ? in.msg : "");
            if (in.avail_out == 0)
                message += static_cast<char>(one);
        } while (in.avail_out == 0);
        return message;
    }
    z_stream out{}, in{};
};

/// A message that compresses, but not to nothing.
std::string words(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    const char* some[] = {"{\"id\":", "\"name\":", "true,", "42,", "[1,2,3]", "null}", " "};
    std::string text;
    while (text.size() < size)
        text.append(random() % 3 == 0 ? std::to_string(random()) : some[random() % 7]);
    text.resize(size);
    return text;
}

int code_in(const std::string& said) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(said[said.size() - i]); };
    return said.size() >= 4 && byte(4) == bye ? byte(2) * 256 + byte(1) : 0;
}

saying offering(const std::string& extensions = "permessage-deflate") {
    saying how;
    how.options = compressing();
    how.fields = "Sec-WebSocket-Extensions: " + extensions + "\r\n";
    return how;
}

const std::string goodbye = frame(bye, close_frame(1000)), farewell = from_server(bye, close_frame(1000));

// --- what is agreed on -------------------------------------------------------------------------------

/// The server's answer to an offer: its field, or its status.
std::string agreed_to(const std::string& offers, const http::websocket_options& options) {
    return in_virtual_time([&]() -> task<std::string> {
        echoing world(options);
        visit v(world.server);
        co_await v.say(handshake + offers + "\r\n");
        co_await v.leave();
        const std::string answer = co_await v.hear();
        const std::string field = "Sec-WebSocket-Extensions: ";
        const auto at = answer.find(field);
        co_return at == answer.npos ? answer.substr(9, 3)
                                    : answer.substr(at + field.size(), answer.find("\r\n", at) - at - field.size());
    });
}

TEST(websocket_deflate, a_server_answers_the_first_offer_that_it_can_meet) {
    const http::websocket_options wide = compressing(message_compression().window_bits(15)), narrow = compressing(),
                                  forgetful = compressing(message_compression().keep_context(false));
    const auto said = [](const std::string& offer, const http::websocket_options& options) {
        return agreed_to("Sec-WebSocket-Extensions: " + offer + "\r\n", options);
    };
    EXPECT_EQ(said("permessage-deflate", patient()), "101") << "off, unless the program asks for it";
    EXPECT_EQ(agreed_to("", narrow), "101") << "and unless the client does";
    EXPECT_EQ(said("permessage-deflate", wide), "permessage-deflate");
    EXPECT_EQ(said("permessage-deflate", narrow), "permessage-deflate; server_max_window_bits=12");
    EXPECT_EQ(said("permessage-deflate; client_max_window_bits", narrow),
              "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12");
    EXPECT_EQ(said("permessage-deflate; client_max_window_bits=10;server_max_window_bits=\"9\"", narrow),
              "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10");
    EXPECT_EQ(said("permessage-deflate; server_max_window_bits=15", wide),
              "permessage-deflate; server_max_window_bits=15");
    EXPECT_EQ(said("permessage-deflate; server_no_context_takeover", wide),
              "permessage-deflate; server_no_context_takeover");
    EXPECT_EQ(said("permessage-deflate ;\tclient_no_context_takeover", wide),
              "permessage-deflate; client_no_context_takeover");
    EXPECT_EQ(said("permessage-deflate", forgetful),
              "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
              "server_max_window_bits=12");
    EXPECT_EQ(said("x-webkit-deflate-frame, permessage-deflate; future=1, permessage-deflate", wide),
              "permessage-deflate")
        << "the first ones are unknown";
    EXPECT_EQ(
        agreed_to("Sec-WebSocket-Extensions: foo; bar\r\nSec-WebSocket-Extensions: permessage-deflate\r\n", wide),
        "permessage-deflate");
    for (const std::string declined :
         {"server_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=16",
          "server_max_window_bits=08", "server_max_window_bits=x", "client_max_window_bits=1",
          "server_no_context_takeover=1", "client_no_context_takeover=true", "unknown",
          "server_no_context_takeover; server_no_context_takeover",
          "client_max_window_bits; client_max_window_bits=9", "server_max_window_bits=9; server_max_window_bits=9"})
        EXPECT_EQ(said("permessage-deflate; " + declined, wide), "101") << declined;
    for (const std::string malformed : {"", ";", "permessage-deflate;", "permessage-deflate; =1", "a; b=", "a; b=\"",
                                        "a; b=\"\"", "a b", "a,", "a; b=\"c d\"", "a=b"})
        EXPECT_EQ(said(malformed, wide), "400") << malformed;
}

/// What a client makes of a server's choice: "" if it goes on.
std::string refused_choice(const std::string& chosen, const http::websocket_options& options) {
    return in_virtual_time([&]() -> task<std::string> {
        auto [near, far] = io::duplex();
        const auto serving = spawn([&]() -> task<> {
            std::string asked;
            char some[1024];
            while (asked.find("\r\n\r\n") == asked.npos)
                asked.append(some, co_await far.read(std::as_writable_bytes(std::span(some))));
            const auto key_at = asked.find("Sec-WebSocket-Key: ") + 19;
            co_await far.write_all(
                io::bytes_of("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                             "Sec-WebSocket-Accept: " +
                             http::detail::accept_of(asked.substr(key_at, 24)) +
                             "\r\nSec-WebSocket-Extensions: " + chosen + "\r\n\r\n"));
        });
        auto started = http::start_websocket(io::any_stream(std::move(near)), "a", "/", options);
        std::string refused;
        try {
            co_await std::move(started);
        } catch (const http::websocket_error& e) {
            refused = e.what();
        }
        co_await serving.join();
        co_return refused;
    });
}

TEST(websocket_deflate, a_client_takes_no_choice_that_it_did_not_offer) {
    for (const std::string fine :
         {"permessage-deflate", "permessage-deflate; server_max_window_bits=12",
          "permessage-deflate; server_max_window_bits=8",
          "permessage-deflate; client_max_window_bits=8; server_no_context_takeover; client_no_context_takeover"})
        EXPECT_EQ(refused_choice(fine, compressing()), "") << fine;
    EXPECT_THAT(refused_choice("permessage-deflate", patient()), HasSubstr("an extension that was not asked for"));
    EXPECT_THAT(refused_choice("other", compressing()), HasSubstr("an extension that was not asked for"));
    EXPECT_THAT(refused_choice("permessage-deflate, permessage-deflate", compressing()),
                HasSubstr("an extension that was not asked for"));
    EXPECT_THAT(refused_choice("permessage-deflate;", compressing()), HasSubstr("is not a list of extensions"));
    for (const std::string wrong : {"server_max_window_bits=13", "client_max_window_bits", "server_max_window_bits",
                                    "client_max_window_bits=16", "x", "server_no_context_takeover=1"})
        EXPECT_THAT(refused_choice("permessage-deflate; " + wrong, compressing()),
                    HasSubstr("in a way that was not offered"))
            << wrong;
}

TEST(websocket_deflate, a_window_has_nine_to_fifteen_bits) {
    for (const int bits : {-1, 0, 8, 16})
        EXPECT_THROW(message_compression().window_bits(bits), std::invalid_argument);
}

// --- messages ----------------------------------------------------------------------------------------

TEST(websocket_deflate, messages_of_every_size_go_both_ways_under_every_agreement) {
    for (const int server_bits : {9, 12, 15})
        for (const int client_bits : {9, 15})
            for (const bool server_keeps : {false, true})
                for (const bool client_keeps : {false, true}) {
                    const auto options = [](int bits, bool keeps) {
                        return compressing(message_compression().window_bits(bits).keep_context(keeps))
                            .largest_message(1 << 20);
                    };
                    in_virtual_time([&]() -> task<> {
                        echoing world(options(server_bits, server_keeps));
                        http::websocket peer = co_await world.connect(options(client_bits, client_keeps));
                        EXPECT_TRUE(peer.compression());
                        EXPECT_EQ(peer.compression()->sent_bits, std::min(server_bits, client_bits));
                        EXPECT_EQ(peer.compression()->sender_forgets, !server_keeps || !client_keeps);
                        unsigned seed = 0;
                        for (const std::size_t size : {0u, 1u, 16u, 64u, 256u, 1024u, 4096u, 8192u, 16384u, 32768u,
                                                       65536u, 131072u, 300u, 0u, 300u}) {
                            const std::string sent = words(size, ++seed);
                            auto sending = peer.send(sent);
                            auto hearing = peer.receive();
                            auto [done, heard] = co_await all(std::move(sending), std::move(hearing));
                            EXPECT_TRUE(heard && heard->text && heard->data == sent) << size;
                        }
                        const std::string noise("\xff\0\xfe", 3);
                        co_await peer.send_binary(noise);
                        const std::optional<http::message> heard = co_await peer.receive();
                        EXPECT_TRUE(heard && !heard->text && heard->data == noise);
                        co_await peer.close();
                        EXPECT_EQ(peer.peer_close_code(), 1000);
                    });
                }
}

TEST(websocket_deflate, the_examples_of_the_standard_are_understood) {
    const std::string hello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), again("\xf2\x00\x11\x00\x00", 5);
    // Section 7.2.3: one block, one that points at the message before, none compressed, a last one, two.
    const std::string stored("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11),
        last("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8), two("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13),
        nothing(1, '\0');
    std::string frames, expected;
    stranger s;
    for (const std::string& payload : {hello, again, stored, last, two, hello, nothing, last, again}) {
        frames += frame(text | squeezed, payload);
        expected += payload == nothing ? "" : "Hello";
    }
    const std::string said = answers_to(frames + goodbye, offering());
    std::string heard;
    std::string_view rest = said;
    while (rest.size() > 2 && static_cast<unsigned char>(rest[0]) == (text | squeezed)) {
        const auto size = static_cast<unsigned char>(rest[1]);
        heard += s.inflate(std::string(rest.substr(2, size)));
        rest.remove_prefix(2u + size);
    }
    EXPECT_EQ(heard, expected);
    EXPECT_EQ(rest, farewell);
}

TEST(websocket_deflate, a_message_may_come_in_fragments_with_pings_between_and_cut_anywhere) {
    stranger s;
    const std::string message = words(500, 1), payload = s.deflate(message), second = s.deflate(message);
    const std::string frames = frame(begin | squeezed, payload.substr(0, 10)) + frame(ping, "?") +
                               frame(more, payload.substr(10, 1)) + frame(more, "") + frame(end, payload.substr(11)) +
                               frame(text, "plain") + frame(text | squeezed, second) + goodbye;
    saying how = offering();
    how.options = patient().compress(message_compression().smallest(10'000));
    const std::string expected = from_server(pong, "?") + from_server(text, message) + from_server(text, "plain") +
                                 from_server(text, message) + farewell;
    EXPECT_EQ(answers_to(frames, how), expected);
    how.piece = 1;
    EXPECT_EQ(answers_to(frames, how), expected);
    EXPECT_LT(second.size(), 20u) << "it points at the first one";
}

TEST(websocket_deflate, small_messages_are_sent_as_they_are) {
    saying how = offering();
    how.options = patient().compress(message_compression().smallest(10));
    const std::string said = answers_to(frame(text, "123456789") + frame(text, "1234567890") + goodbye, how);
    EXPECT_EQ(said.substr(0, 11), from_server(text, "123456789"));
    EXPECT_EQ(static_cast<unsigned char>(said[11]), text | squeezed);
}

TEST(websocket_deflate, a_window_of_eight_bits_is_kept_though_zlib_has_none) {
    stranger s(8);
    std::mt19937 random(1);
    for (unsigned i = 0; i < 30; ++i) {
        // Repetitions at every distance around the window's size.
        std::string message = words(200 + random() % 2000, i);
        message += message.substr(0, 300) + message.substr(message.size() / 2);
        const std::string said =
            answers_to(frame(binary, message) + goodbye, offering("permessage-deflate; server_max_window_bits=8"));
        const std::size_t head = said[1] == 126 ? 4 : 2;
        EXPECT_EQ(s.inflate(said.substr(head, said.size() - head - farewell.size())), message);
        inflateReset(&s.in);
    }
}

// --- what no peer may do -----------------------------------------------------------------------------

TEST(websocket_deflate, bits_where_they_may_not_be_end_it) {
    const std::string hello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    EXPECT_EQ(code_in(answers_to(frame(text | squeezed, hello))), 1002) << "not agreed on";
    for (const std::string& bad : {
             frame(ping | squeezed, ""),
             frame(bye | squeezed, close_frame(1000)),
             frame(begin | squeezed, hello) + frame(end | squeezed, ""),
             frame(begin, "x") + frame(end | squeezed, hello),
             frame(text | 0x20, hello),
             frame(text | squeezed | 0x10, hello),
         })
        EXPECT_EQ(code_in(answers_to(bad, offering())), 1002) << testing::PrintToString(bad);
}

TEST(websocket_deflate, a_message_that_was_not_compressed_well_ends_it) {
    stranger s;
    const std::string message = words(500, 1), payload = s.deflate(message);
    for (const std::string& bad : {
             std::string("\xff\xff\xff"),
             std::string("\x06"),  // a block of the reserved kind
             payload.substr(0, payload.size() / 2),  // cut short
             payload + "\xff\xff\xff\xff", std::string("\xf2\x00\x11\x00\x00", 5),  // points at nothing
             std::string("\x03\x00\x03\x00\x03\x00\x03\x00\x00", 9),  // one "last" block after another
         })
        EXPECT_EQ(code_in(answers_to(frame(binary | squeezed, bad), offering())), 1007)
            << testing::PrintToString(bad);
    EXPECT_EQ(code_in(answers_to(frame(text | squeezed, stranger().deflate("not \xff utf-8")), offering())), 1007);
    // A client that was told to forget must not point back; one that was not told may.
    const std::string twice = frame(text | squeezed, s.deflate("hello hello hello")) +
                              frame(text | squeezed, s.deflate("hello hello hello")) + goodbye;
    EXPECT_EQ(code_in(answers_to(twice, offering("permessage-deflate; client_no_context_takeover"))), 1007);
    // Nor may one look back further than was agreed.
    stranger wide;
    const std::string noise = words(3000, 7);
    const std::string far_back = frame(text | squeezed, wide.deflate(noise + noise)) + goodbye;
    EXPECT_EQ(code_in(answers_to(far_back, offering("permessage-deflate; client_max_window_bits=9"))), 1007);
    EXPECT_EQ(code_in(answers_to(far_back, offering())), 1000);
}

TEST(websocket_deflate, a_bomb_is_refused_at_the_limit) {
    stranger s;
    const std::string zeros(100'000, '\0');
    saying how = offering();
    how.options.largest_message(100'000);
    const std::string fits = s.deflate(zeros);
    EXPECT_LT(fits.size(), 300u);
    EXPECT_EQ(code_in(answers_to(frame(binary | squeezed, fits) + goodbye, how)), 1000);
    const std::string over = stranger().deflate(zeros + "x");
    EXPECT_EQ(answers_to(frame(binary | squeezed, over) + goodbye, how), from_server(bye, close_frame(1009)));
    in_virtual_time([&]() -> task<> {
        echoing world(compressing().largest_message(1 << 20));
        http::websocket peer = co_await world.connect(compressing().largest_message(1000));
        co_await peer.send(zeros);
        try {
            co_await peer.receive();
            ADD_FAILURE();
        } catch (const http::websocket_error& e) {
            EXPECT_EQ(e.close_code(), 1009);
            EXPECT_THAT(e.what(), HasSubstr("a message is larger than the limit"));
        }
    });
}

TEST(websocket_deflate, there_may_be_no_limit) {
    saying how = offering();
    how.options.largest_message(SIZE_MAX);
    const std::string message = words(200'000, 1);
    EXPECT_EQ(code_in(answers_to(frame(text | squeezed, stranger().deflate(message)) + goodbye, how)), 1000);
}

TEST(websocket_deflate, can_be_killed_at_every_moment) {
    const heard_reports quiet;
    const std::size_t moments = sweep([]() -> task<> { co_await echo_slowly(compressing(), words(2000, 3)); });
    EXPECT_GT(moments, 5u);
}

}  // namespace net_websocket_deflate_test

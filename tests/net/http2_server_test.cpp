// http::server with a client that says frames of the story's own making, in virtual time.

#include "support/client_world.hpp"
#include "support/http2_frames.hpp"
#include "support/http_world.hpp"
#include "support/stream_stories.hpp"

#include <gmock/gmock.h>

namespace net_http2_server_test {

using namespace story;
using story::h2::request;
using namespace ringlet;
using testing::ElementsAre;

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

TEST(http2_server, trailers_that_are_too_large_are_not_taken_for_fewer) {
    using namespace h2;
    const std::string head = request(1, "POST", "/echo", {}, false) + frame(data, 0, 1, "abc");
    std::vector<std::pair<std::string, std::string>> few = {{"sum", "1"}}, many;
    for (int i = 0; i < 101; ++i)
        many.emplace_back("x" + std::to_string(i), "y");
    const auto ends = [](const auto& fields) { return frame(headers, end_headers | end_stream, 1, block(fields)); };
    EXPECT_THAT(answers_of(told(client_begins + head + ends(few))), ElementsAre("200"));
    const auto said = told(client_begins + head + ends(many) + request(3));
    EXPECT_THAT(complaints(said), ElementsAre("1 RST_STREAM 1"));
    EXPECT_THAT(answers_of(said), ElementsAre("200")) << "of the next";
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
    std::string polite = client_begins;  // says that nothing was wrong
    for (std::uint32_t i = 0; i < 3000; ++i)
        polite += request(2 * i + 1, "GET", "/slow") + frame(reset, 0, 2 * i + 1, number(0));
    EXPECT_THAT(complaints(told(polite)), testing::Contains("GOAWAY 11"));
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
    EXPECT_THAT(complaints(half), ElementsAre("1 RST_STREAM 0")) << "after a whole answer no error";
    const auto gone = told(client_begins + request(1, "GET", "/slow"), {}, true);
    EXPECT_THAT(answers_of(gone), ElementsAre()) << "who shuts down is gone, and its handlers are killed";
    EXPECT_EQ(gone.back().type, h2::goaway);
}

TEST(http2_server, an_access_log_that_throws_is_reported_and_costs_no_answer) {
    http::server_options options;
    options.access_log = [](const http::log_entry&) { throw std::runtime_error("disk full"); };
    const heard_reports reports;
    EXPECT_THAT(answers_of(told(h2::client_begins + request(1) + request(3), options)), ElementsAre("200", "200"));
    const std::string line = "http server: GET / from memory:right: the access log: std::runtime_error: disk full";
    EXPECT_THAT(reports.all, ElementsAre(line, line));
}

TEST(http2_server, a_window_that_stays_shut_costs_its_stream_and_its_time) {
    using namespace h2;
    const std::string shut =
        preface + frame(settings, 0, 0, std::string("\0\4", 2) + number(0)) + frame(settings, ack, 0);
    const auto said = told(shut + request(1, "GET", "/large") + request(3, "GET", "/slow") + request(5, "HEAD", "/"));
    EXPECT_THAT(answers_of(said), ElementsAre("200", "200", "200"));
    EXPECT_THAT(complaints(said), ElementsAre("1 RST_STREAM 2", "3 RST_STREAM 2"));
}

TEST(http2_server, limits_that_are_no_limits_are_said_as_the_greatest_there_are) {
    using namespace h2;
    http::server_options boundless;
    boundless.window = UINT32_MAX;
    boundless.limits.fields = std::size_t(1) << 40;
    const auto said = told(client_begins + request(1), boundless);
    ASSERT_FALSE(said.empty());
    EXPECT_EQ(said.front().type, h2::settings);
    const std::string window = std::string("\0\4", 2) + number(0x7fffffff);
    const std::string fields = std::string("\0\6", 2) + number(UINT32_MAX);
    EXPECT_THAT(said.front().payload, testing::StartsWith(window + fields));
    EXPECT_THAT(answers_of(said), ElementsAre("200"));
}

TEST(http2_server, nonsense_ends_the_connection) {
    using namespace h2;
    EXPECT_EQ(complaints(told(preface + numbered_bytes(100'000))).size(), 1u);
    EXPECT_EQ(complaints(told(client_begins + std::string("\xff\xff\xff\0\0\0\0\0\1", 9))).size(), 1u);
    EXPECT_EQ(complaints(told(client_begins + frame(data, 0, 0, "x"))).size(), 1u);
    EXPECT_EQ(complaints(told(client_begins + request(2))).size(), 1u);
    EXPECT_EQ(complaints(told(client_begins + frame(window, 0, 0, number(0)))).size(), 1u);
    for (const std::uint32_t stream : {0u, 3u})  // of the connection; of a stream that depends on itself
        EXPECT_THAT(complaints(told(client_begins + frame(priority, 0, stream, number(3) + "x"))),
                    ElementsAre("GOAWAY 1"));
}

/// RFC 9113 section 5.1, also when the answer has left and the stream is long closed.
TEST(http2_server, who_has_ended_a_request_does_not_go_on_with_it) {
    using namespace h2;
    const std::string open = request(1, "POST", "/echo", {}, false);
    const std::string given_up = open + frame(reset, 0, 1, number(8));
    std::string later;
    for (std::uint32_t i = 3; i < 150; i += 2)
        later += request(i);
    for (const std::string& ended : {request(1), request(1) + later, given_up, given_up + later})
        for (const std::string& more : {frame(data, end_stream, 1, "x"), request(1)})
            EXPECT_THAT(complaints(told(client_begins + ended + more)), ElementsAre("GOAWAY 5"));
    EXPECT_THAT(complaints(told(client_begins + request(5) + request(3))), ElementsAre("GOAWAY 1"));
}

TEST(http2_server, what_was_on_its_way_to_a_request_that_was_refused_is_dropped) {
    using namespace h2;
    const std::string refused =
        frame(headers, end_headers, 1, block({{":method", "POST"}, {":scheme", "http"}, {":path", ""}}));
    const auto said = told(client_begins + refused + frame(data, 0, 1, "x") +
                           frame(headers, end_headers | end_stream, 1, block({{"sum", "1"}})) + request(3));
    EXPECT_THAT(complaints(said), ElementsAre("1 RST_STREAM 1"));
    EXPECT_THAT(answers_of(said), ElementsAre("200"));
}

TEST(http2_server, it_begins_in_whatever_pieces_and_what_only_begins_like_it_is_a_request) {
    using namespace h2;
    const auto said_to = [](std::string_view text, std::size_t cut) {
        return in_virtual_time([&]() -> task<std::string> {
            http::server server;
            add_pages(server);
            visit peer(server, 1 << 20);
            co_await peer.say(text.substr(0, cut));
            co_await settle();
            co_await peer.say(text.substr(cut));
            co_return co_await peer.hear();
        });
    };
    const std::string many = client_begins + request(1);
    for (std::size_t cut = 1; cut < preface.size(); ++cut) {
        std::string heard = said_to(many, cut);
        EXPECT_THAT(answers_of(take_frames(heard)), ElementsAre("200")) << "cut at " << cut;
    }
    const std::string put = "PUT /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    EXPECT_THAT(said_to(put, put.size()), testing::EndsWith("ignored"));
    for (const std::string& one :
         {put, std::string("PRINT / HTTP/1.1\r\n\r\n"), std::string("PRI * HTTP/1.0\r\n\r\n")})
        for (std::size_t cut = 1; cut < one.size(); ++cut)
            EXPECT_EQ(said_to(one, cut), said_to(one, one.size())) << one << "cut at " << cut;
    EXPECT_THAT(said_to("PR", 1), testing::Not(testing::HasSubstr(" 200 ")));
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

}  // namespace net_http2_server_test

// What a client does beyond one exchange: where redirects lead, which cookies and credentials go along,
// and when something is tried again. In virtual time. Who waits for a connection: http_pool_test.cpp.

#include "support/client_world.hpp"

#include <ringlet/core/group.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/net/http_server.hpp>

#include <gmock/gmock.h>

namespace net_http_session_test {

using namespace ringlet;
using story::hear;
using story::in_virtual_time;
using story::ok;
using story::response_of;
using story::say;
using story::serve;
using story::world;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Answers the requests on all connections with these texts, one after the other; keeps what it heard.
task<> answer(world& w, std::vector<std::string> texts, std::vector<std::string>& heard) {
    std::size_t next = 0;
    const auto on_one = [&](io::memory_stream end) -> task<> {
        for (;;) {
            std::string request = co_await hear(end);
            if (request.empty() || next == texts.size())
                co_return;
            heard.push_back(std::move(request));
            const std::string& text = texts[next++];
            co_await say(end, text);
            if (!text.ends_with("hello") &&
                (text.find("Content-Length") == text.npos || text.find("close") != text.npos))
                co_return;
        }
    };
    co_await with_group([&](group& g) -> task<> {
        for (;;)
            g.spawn(on_one, co_await w.accept());
    });
}

std::string first_line(const std::string& request) { return request.substr(0, request.find('\r')); }

struct told {
    http::reply reply;
    std::string error;
    std::error_code code;
    std::vector<std::string> heard;
    duration took{};
    std::vector<std::string> origins;

    std::vector<std::string> lines() const {
        std::vector<std::string> list;
        for (const auto& request : heard)
            list.push_back(first_line(request));
        return list;
    }
};

/// What comes of one request that is answered with these texts in turn.
told ask(const std::string& method, const std::string& url, const std::vector<std::string>& texts,
         const http::request_options& request = {}, const http::client_options& options = {}) {
    return in_virtual_time([&]() -> task<told> {
        told t;
        world w(options);
        const auto server = spawn(answer, std::ref(w), texts, std::ref(t.heard));
        const time_point start = loop::current().now();
        try {
            t.reply = co_await w.client.fetch(method, url, request);
        } catch (const http::request_error& e) {
            t.error = e.what();
            t.code = e.code();
        }
        t.took = loop::current().now() - start;
        t.origins = w.origins;
        w.client.close_idle();
        server.kill();
        co_await server.join();
        co_return t;
    });
}

std::string redirect(int status, const std::string& location, const std::string& more = {}) {
    return response_of(std::to_string(status) + " Moved", "Location: " + location + "\r\n" + more, "moved");
}

http::request_options with_body(const http::request_body& body) {
    http::request_options o;
    o.body = body;
    o.fields = {{"Content-Type", "text/x"}};
    return o;
}

// --- redirects ---------------------------------------------------------------------------------------

TEST(http_session, a_redirect_is_followed_on_the_same_connection) {
    const told t = ask("GET", "http://h/a/b?c#frag", {redirect(302, "../d?e"), ok});
    EXPECT_THAT(t.lines(), ElementsAre("GET /a/b?c HTTP/1.1", "GET /d?e HTTP/1.1"));
    EXPECT_EQ(t.origins.size(), 1u);
    EXPECT_EQ(t.reply.body, "hello");
    EXPECT_EQ(t.reply.url, "http://h/d?e#frag");
    ASSERT_EQ(t.reply.history.size(), 1u);
    EXPECT_EQ(t.reply.history[0].status, 302);
    EXPECT_EQ(t.reply.history[0].url, "http://h/a/b?c#frag");
    EXPECT_EQ(t.reply.history[0].body, "moved");
}

TEST(http_session, each_status_has_its_rule_for_the_method) {
    const auto method_after = [](int status, const std::string& method) {
        const told t =
            ask(method, "http://h/", {redirect(status, "/x"), method == "HEAD" ? response_of("200 OK", "") : ok});
        return t.heard.size() == 2 ? t.heard[1].substr(0, t.heard[1].find(' ')) : "none";
    };
    for (const int status : {301, 302}) {
        EXPECT_EQ(method_after(status, "GET"), "GET");
        EXPECT_EQ(method_after(status, "POST"), "GET");
        EXPECT_EQ(method_after(status, "PUT"), "PUT");
    }
    EXPECT_EQ(method_after(303, "POST"), "GET");
    EXPECT_EQ(method_after(303, "PUT"), "GET");
    for (const int status : {307, 308})
        for (const char* method : {"GET", "POST", "PUT", "DELETE"})
            EXPECT_EQ(method_after(status, method), method);
    for (const int status : {300, 304, 305, 306, 399})
        EXPECT_EQ(method_after(status, "GET"), "none");
}

TEST(http_session, a_redirect_without_a_location_is_an_answer) {
    EXPECT_EQ(ask("GET", "http://h/", {response_of("302 Found", "")}).reply.status, 302);
}

TEST(http_session, a_body_goes_along_or_is_forgotten_with_its_fields) {
    const told kept =
        ask("POST", "http://h/", {redirect(307, "/x", "Connection: close\r\n"), ok}, with_body("12345"));
    ASSERT_EQ(kept.heard.size(), 2u);
    EXPECT_THAT(kept.heard[1], HasSubstr("Content-Length: 5\r\n"));
    EXPECT_THAT(kept.heard[1], HasSubstr("Content-Type: text/x\r\n"));
    const told forgotten =
        ask("POST", "http://h/", {redirect(303, "/x", "Connection: close\r\n"), ok}, with_body("12345"));
    ASSERT_EQ(forgotten.heard.size(), 2u);
    EXPECT_THAT(forgotten.heard[1], Not(HasSubstr("Content-")));
    const told asked =
        ask("GET", "http://h/", {redirect(303, "/x", "Connection: close\r\n"), ok}, with_body("12345"));
    ASSERT_EQ(asked.heard.size(), 2u);
    EXPECT_THAT(asked.heard[1], Not(HasSubstr("Content-"))) << "what was asked for is somewhere else now";
}

TEST(http_session, a_body_that_can_be_sent_once_is_not_sent_to_another_place) {
    auto nothing = [](std::span<std::byte>) -> task<std::size_t> { co_return 0; };
    const told t = ask("POST", "http://h/", {redirect(307, "/x", "Connection: close\r\n")},
                       with_body(http::request_body::from(nothing, 0)));
    EXPECT_EQ(t.error, "POST http://h/: redirected to http://h/x, but the body can be sent only once");
}

TEST(http_session, a_redirect_that_fails_shows_no_password) {
    const auto led = [](const std::string& place, const http::request_options& o = {}) {
        const told t = ask("POST", "http://me:secret@h/", {redirect(307, place, "Connection: close\r\n")}, o);
        EXPECT_THAT(t.error, Not(HasSubstr("secret")));
        return t.error;
    };
    auto nothing = [](std::span<std::byte>) -> task<std::size_t> { co_return 0; };
    EXPECT_EQ(led("//you:secret@x/", with_body(http::request_body::from(nothing, 0))),
              "POST http://me:***@h/: redirected to http://you:***@x/, but the body can be sent only once");
    EXPECT_THAT(led("ftp://you:secret@x/"),
                StartsWith("POST http://me:***@h/: redirected: url 'ftp://you:***@x/': scheme"));
    EXPECT_THAT(led("//you:secret@x:port/"),
                StartsWith("POST http://me:***@h/: redirected: url '//you:***@x:port/': port"));
    EXPECT_THAT(led("ws://you:secret@x/"), StartsWith("POST ws://you:***@x/: scheme"));
    EXPECT_THAT(led("http+unix://you:secret@x/"), StartsWith("POST http+unix://you:***@x/: a redirect to a UNIX"));
}

TEST(http_session, a_circle_ends) {
    http::request_options three;
    three.redirects = 3;
    const told t = ask("GET", "http://h/", std::vector<std::string>(10, redirect(301, "/")), three);
    EXPECT_EQ(t.error, "GET http://h/: more than 3 redirects");
    EXPECT_EQ(t.heard.size(), 4u);
    EXPECT_EQ(ask("GET", "http://h/", std::vector<std::string>(40, redirect(301, "/"))).heard.size(), 31u);
}

TEST(http_session, a_redirect_to_what_is_not_http_says_where_it_led) {
    EXPECT_THAT(ask("GET", "http://h/", {redirect(302, "ftp://x/")}).error,
                StartsWith("GET http://h/: redirected: url 'ftp://x/': scheme 'ftp' is not http"));
    EXPECT_THAT(ask("GET", "http://h/", {redirect(302, "http://")}).error, HasSubstr("the host is missing"));
    EXPECT_THAT(ask("GET", "http://h/", {redirect(302, "http+unix://%2Ftmp%2Fx/")}).error, HasSubstr("UNIX socket"));
}

TEST(http_session, an_endless_redirect_costs_its_connection_only) {
    const told t =
        ask("GET", "http://h/",
            {"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9999999\r\nConnection: close\r\n\r\nabc", ok});
    EXPECT_EQ(t.reply.body, "hello");
    EXPECT_EQ(t.origins.size(), 2u);
}

// --- credentials -------------------------------------------------------------------------------------

TEST(http_session, credentials_stay_with_their_origin) {
    http::request_options options;
    options.auth = http::credentials::basic("Aladdin", "open sesame");
    options.fields = {{"Cookie", "own=1"}, {"X-Mine", "y"}};
    const std::string mine = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    const told t =
        ask("GET", "http://h/",
            {redirect(302, "/b"), redirect(302, "http://h:81/c"), redirect(302, "http://h/d"), ok}, options);
    ASSERT_EQ(t.heard.size(), 4u);
    EXPECT_THAT(t.heard[0], HasSubstr(mine));
    EXPECT_THAT(t.heard[1], HasSubstr(mine));
    EXPECT_THAT(t.heard[1], HasSubstr("Cookie: own=1\r\n"));
    for (const std::size_t i : {2u, 3u}) {
        EXPECT_THAT(t.heard[i], Not(HasSubstr("Authorization")));
        EXPECT_THAT(t.heard[i], Not(HasSubstr("Cookie")));
        EXPECT_THAT(t.heard[i], HasSubstr("X-Mine: y"));
    }
}

TEST(http_session, credentials_come_from_the_url_too) {
    const told t =
        ask("GET", "http://us%65r:p%40ss@h/", {redirect(302, "/same"), redirect(302, "http://other/"), ok});
    ASSERT_EQ(t.heard.size(), 3u);
    const std::string line = "Authorization: Basic " + http::base64("user:p@ss") + "\r\n";
    EXPECT_THAT(t.heard[0], HasSubstr(line));
    EXPECT_THAT(t.heard[0], HasSubstr("Host: h\r\n"));
    EXPECT_THAT(t.heard[1], HasSubstr(line));
    EXPECT_THAT(t.heard[2], Not(HasSubstr("Authorization")));
}

TEST(http_session, credentials_of_the_url_stay_while_redirects_stay) {
    const told t = ask("GET", "http://user:p@h/",
                       {redirect(302, "http://h/whole"), redirect(302, "//new:q@h/"), redirect(302, "http://h:81/"),
                        redirect(302, "http://h/"), ok});
    ASSERT_EQ(t.heard.size(), 5u);
    EXPECT_THAT(t.heard[1], HasSubstr("Authorization: Basic " + http::base64("user:p") + "\r\n"));
    EXPECT_THAT(t.heard[2], HasSubstr("Authorization: Basic " + http::base64("new:q") + "\r\n"));
    EXPECT_THAT(t.heard[3], Not(HasSubstr("Authorization")));
    EXPECT_THAT(t.heard[4], Not(HasSubstr("Authorization")));
}

TEST(http_session, credentials_are_encoded_and_cannot_forge_a_field) {
    EXPECT_EQ(http::base64(""), "");
    EXPECT_EQ(http::base64("f"), "Zg==");
    EXPECT_EQ(http::base64("fo"), "Zm8=");
    EXPECT_EQ(http::base64("foobar"), "Zm9vYmFy");
    EXPECT_EQ(http::base64("\xff\xfe\xfd"), "//79");
    EXPECT_EQ(http::credentials::bearer("abc").value(), "Bearer abc");
    EXPECT_THROW(http::credentials::bearer("a\r\nX: y"), std::invalid_argument);
    EXPECT_THROW(http::credentials::basic("a:b", ""), std::invalid_argument);
    EXPECT_THAT(ask("GET", "http://a%0Db:c@h/", {ok}).error, HasSubstr("control character"));
}

// --- cookies -----------------------------------------------------------------------------------------

TEST(http_session, cookies_come_back_to_where_they_are_from) {
    const told t =
        ask("GET", "http://www.example.org/a/x",
            {redirect(302, "/a/y", "Set-Cookie: one=1\r\nSet-Cookie: all=2; Domain=example.org; Path=/\r\n"),
             redirect(302, "http://example.org/"), redirect(302, "http://www.example.org/a/z"), ok});
    ASSERT_EQ(t.heard.size(), 4u);
    EXPECT_THAT(t.heard[0], Not(HasSubstr("Cookie")));
    EXPECT_THAT(t.heard[1], HasSubstr("\r\nCookie: one=1; all=2\r\n"));
    EXPECT_THAT(t.heard[2], HasSubstr("\r\nCookie: all=2\r\n"));
    EXPECT_THAT(t.heard[3], HasSubstr("\r\nCookie: one=1; all=2\r\n"));
}

TEST(http_session, a_client_without_a_jar_forgets) {
    http::client_options options;
    options.cookies = nullptr;
    const told t = ask("GET", "http://h/", {redirect(302, "/", "Set-Cookie: a=b\r\n"), ok}, {}, options);
    ASSERT_EQ(t.heard.size(), 2u);
    EXPECT_THAT(t.heard[1], Not(HasSubstr("Cookie")));
}

// --- patience ----------------------------------------------------------------------------------------

http::request_options patient(unsigned most = 3) {
    http::request_options o;
    o.retries = http::retries(most);
    return o;
}

TEST(http_session, what_failed_is_repeated_with_growing_pauses) {
    const std::string busy = response_of("503 Busy", "", "later");
    const std::string gone = response_of("503 Busy", "Connection: close\r\n");
    const told t = ask("GET", "http://h/", {gone, "", "HTTP/1.1 200", ok}, patient());
    EXPECT_EQ(t.reply.body, "hello");
    EXPECT_EQ(t.took / 10ms * 10ms, 500ms + 1s + 2s);
    EXPECT_EQ(ask("GET", "http://h/", {busy, ok}).reply.status, 503) << "only when asked";
    EXPECT_EQ(ask("GET", "http://h/", {busy, busy, busy, busy, ok}, patient()).reply.status, 503) << "three times";
    EXPECT_EQ(ask("POST", "http://h/", {busy, ok}, patient()).reply.status, 503) << "nothing is done twice";
    EXPECT_EQ(ask("GET", "http://h/", {"nonsense", ok}, patient()).heard.size(), 1u) << "nonsense stays nonsense";
}

TEST(http_session, after_a_redirect_patience_begins_anew) {
    const std::string busy = response_of("503 Busy", "");
    const told t = ask("GET", "http://h/a", {busy, redirect(302, "/b"), busy, busy, ok}, patient(2));
    EXPECT_EQ(t.reply.status, 200);
    EXPECT_EQ(t.took / 10ms * 10ms, 500ms + 500ms + 1s);
}

TEST(http_session, who_says_when_to_come_again_is_obeyed_within_reason) {
    const auto busy = [](const std::string& when) {
        return response_of("429 Slow Down", "Retry-After: " + when + "\r\n");
    };
    EXPECT_EQ(ask("GET", "http://h/", {busy("7"), ok}, patient()).took / 10ms * 10ms, 7s);
    EXPECT_EQ(ask("GET", "http://h/", {busy("Sun, 06 Nov 1994 08:49:37 GMT"), ok}, patient()).reply.status, 200);
    EXPECT_EQ(ask("GET", "http://h/", {busy("soon"), ok}, patient()).took / 10ms * 10ms, 500ms);
    EXPECT_EQ(ask("GET", "http://h/", {busy("3600"), ok}, patient()).reply.status, 429);
    EXPECT_EQ(ask("GET", "http://h/", {busy("Fri, 31 Dec 9999 23:59:59 GMT"), ok}, patient()).reply.status, 429)
        << "later than can be counted";
}

TEST(http_session, what_cannot_be_reached_is_tried_again_whatever_it_is) {
    in_virtual_time([]() -> task<> {
        int tries = 0;
        http::client_options options;
        options.connect = [&](const net::url&) -> task<io::any_stream> {
            ++tries;
            throw std::system_error(std::make_error_code(std::errc::connection_refused), "connect h:80");
            co_return io::any_stream();
        };
        http::client client(options);
        auto asked = client.post("http://h/", "x", patient(2));
        EXPECT_FALSE(co_await as_result(std::move(asked)));
        EXPECT_EQ(tries, 3);
    });
}

TEST(http_session, the_time_in_all_bounds_retries_and_redirects) {
    http::request_options options = patient(100);
    http::timeouts limits;
    limits.total = 10s;
    options.timeouts = limits;
    const told t = ask("GET", "http://h/", std::vector<std::string>(100, response_of("503 Busy", "")), options);
    EXPECT_EQ(t.reply.status, 503);
    EXPECT_LE(t.took, 10s);
    EXPECT_GE(t.took, 7s);
}

}  // namespace net_http_session_test

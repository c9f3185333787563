// Python's requests by its own names, on fibers and in the main program, over loopback.

#include "support/machine.hpp"
#include "support/scratch.hpp"

#include <ringlet/core/await.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/net/grequests.hpp>
#include <ringlet/net/http_server.hpp>

#include <gmock/gmock.h>

#include <set>

namespace net_requests_test {

using namespace ringlet;

/// A server in this very loop, and where it is.
class local {
public:
    local() {
        server_.handle("/", [](http::request& asked) -> task<http::response> {
            std::string text = std::string(asked.method()) + " " + std::string(asked.target()) + " ";
            text += asked.fields().get_or("content-type", "-");
            text += " " + co_await asked.read_all();
            co_return http::response(200, std::move(text), "text/plain");
        });
        server_.handle("/status/404",
                       [](http::request&) -> task<http::response> { co_return http::response(404, "gone"); });
        server_.handle("/status/503",
                       [](http::request&) -> task<http::response> { co_return http::response(503, "later"); });
        server_.handle("/moved", [](http::request& asked) -> task<http::response> {
            http::response r(302, "moved");
            r.fields.add("Location", "/end?" + std::string(asked.fields().get_or("cookie", "-")));
            r.fields.add("Set-Cookie", "seen=" + std::string(asked.query()));
            co_return r;
        });
        server_.handle("/head", [](http::request& asked) -> task<http::response> {
            std::string told;
            for (const auto [name, value] : asked.fields())
                told.append(name).append(": ").append(value).append("\n");
            co_return told;
        });
        server_.handle("/lines", [](http::request&, http::response_writer& out) -> task<> {
            co_await out.write("one\r\ntwo\nth");
            co_await out.write("ree");
        });
        server_.handle("/latin", [](http::request&) -> task<http::response> {
            co_return http::response(200, "gr\xfc\xdf", "text/html; charset=iso-8859-1");
        });
        server_.handle("/never", [](http::request&) -> task<http::response> {
            co_await sleep_for(1000s);
            co_return "";
        });
        origin = "http://" + server_.start(net::address::loopback(0)).to_string();
    }
    ~local() { await(server_.stop(0s)); }

    std::string origin;

private:
    http::server server_;
};

template <class E>
std::string error_of(std::function<void()> fn) {
    try {
        fn();
        ADD_FAILURE() << "nothing was thrown";
        return "";
    } catch (const E& e) {
        const requests::RequestException& base = e;
        const std::system_error& root = e;
        EXPECT_STREQ(base.what(), root.what());
        EXPECT_NE(std::string(e.what()).find(base.url), std::string::npos);
        return e.what();
    }
}

void tell_everything() {
    local server;
    const std::string& origin = server.origin;

    const auto r = requests::get(origin + "/a?x=1", {.params = {{"q", "ring let"}, {"ä", "&"}}});
    EXPECT_EQ(r.status_code, 200);
    EXPECT_TRUE(r.ok);
    EXPECT_EQ(r.reason, "OK");
    EXPECT_EQ(r.headers["content-type"], "text/plain");
    EXPECT_EQ(r.headers["no-such"], "");
    EXPECT_EQ(r.text(), "GET /a?x=1&q=ring+let&%C3%A4=%26 - ");
    EXPECT_EQ(r.content, r.text());
    EXPECT_EQ(r.url, origin + "/a?x=1&q=ring+let&%C3%A4=%26");
    EXPECT_GT(r.elapsed, 0);
    EXPECT_LT(r.elapsed, 10);
    r.raise_for_status();

    EXPECT_EQ(requests::head(origin).text(), "");
    EXPECT_EQ(requests::post(origin, "bytes").text(), "POST / - bytes");
    EXPECT_EQ(requests::post(origin, {{"a", "1 2"}, {"b", "="}}).text(),
              "POST / application/x-www-form-urlencoded a=1+2&b=%3D");
    EXPECT_EQ(requests::post(origin, "{}", {.headers = {{"Content-Type", "application/json"}}}).text(),
              "POST / application/json {}");

    const auto gone = requests::get(origin + "/status/404");
    EXPECT_FALSE(gone.ok);
    EXPECT_EQ(gone.text(), "gone");
    EXPECT_EQ(error_of<requests::HTTPError>([&] { gone.raise_for_status(); }),
              "404 Client Error: Not Found for url: " + origin + "/status/404");
    EXPECT_EQ(error_of<requests::HTTPError>([&] { requests::get(origin + "/status/503").raise_for_status(); }),
              "503 Server Error: Service Unavailable for url: " + origin + "/status/503");

    EXPECT_EQ(error_of<requests::ConnectionError>([] { requests::get("http://127.0.0.1:1/x"); }),
              "GET http://127.0.0.1:1/x: connect 127.0.0.1:1: Connection refused");
    EXPECT_THAT(error_of<requests::Timeout>([&] { requests::get(origin + "/never", {.timeout = 0.05}); }),
                testing::HasSubstr("timed out after 50 ms"));
    EXPECT_THAT(error_of<requests::ReadTimeout>([&] { requests::get(origin + "/never", {.timeout = 0.05}); }),
                testing::StartsWith("GET " + origin + "/never: wait for the response from"));
    EXPECT_EQ(error_of<requests::InvalidURL>([] { requests::get("htp://x/"); }),
              "GET htp://x/: scheme 'htp' is not http, https, ws or wss");
}

TEST(requests, tell_everything_in_the_main_program) { tell_everything(); }

TEST(requests, tell_everything_on_a_fiber) { await(spawn(&tell_everything).get()); }

TEST(requests, a_session_keeps_cookies_and_what_it_was_told) {
    const local server;
    requests::Session s;
    s.headers.set("X-Mine", "yes");
    s.params = {{"a", "1"}};
    s.auth = {"user", "pass"};
    const auto first = s.get(server.origin + "/moved");
    EXPECT_EQ(first.url, server.origin + "/end?-");
    ASSERT_EQ(first.history.size(), 1u);
    EXPECT_EQ(first.history[0].status_code, 302);
    EXPECT_TRUE(first.history[0].is_redirect());
    EXPECT_EQ(first.history[0].text(), "moved");
    EXPECT_EQ(first.history[0].cookies["seen"], "a=1");
    EXPECT_EQ(s.cookies["seen"], "a=1");
    s.cookies.set("own", "2");
    const std::string told =
        s.get(server.origin + "/head", {.headers = {{"X-Mine", "no"}}, .cookies = {{"once", "3"}}}).text();
    EXPECT_THAT(told, testing::HasSubstr("X-Mine: no\n"));
    EXPECT_THAT(told, testing::HasSubstr("Authorization: Basic dXNlcjpwYXNz\n"));
    EXPECT_THAT(told, testing::HasSubstr("Cookie: seen=a=1; own=2; once=3\n"));
    EXPECT_THAT(s.get(server.origin + "/head").text(), testing::Not(testing::HasSubstr("once")));
    EXPECT_EQ(s.cookies.items().size(), 2u);
    EXPECT_THAT(requests::get(server.origin + "/head").text(), testing::Not(testing::HasSubstr("Cookie")))
        << "of another session";
    s.close();
}

TEST(requests, a_server_on_a_unix_socket_has_cookies_too) {
    const story::scratch_folder folder;
    http::server server;
    server.handle("/", [](http::request& asked) -> task<http::response> {
        http::response r(200, std::string(asked.fields().get_or("cookie", "-")));
        r.fields.add("Set-Cookie", "set=1");
        co_return r;
    });
    (void)server.start(net::address::unix_path(folder.at("socket")));
    std::string origin = "http+unix://";
    for (const char c : folder.at("socket"))
        origin += c == '/' ? "%2F" : std::string(1, c);
    requests::Session s;
    const auto first = s.get(origin + "/", {.cookies = {{"once", "2"}}});
    EXPECT_EQ(first.text(), "once=2");
    EXPECT_EQ(first.cookies["set"], "1");
    EXPECT_EQ(s.cookies["set"], "1");
    EXPECT_EQ(s.get(origin + "/", {.cookies = {{"once", "2"}}}).text(), "set=1; once=2");
    EXPECT_EQ(s.get(origin + "/").text(), "set=1");
    await(server.stop(0s));
}

TEST(requests, a_cookie_brings_no_other_along) {
    const auto refusal = [](auto fn) -> std::string {
        try {
            fn();
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return "";
    };
    const std::string text = "cookie 'a': a ';' in it, which would begin another one";
    requests::Session s;
    EXPECT_EQ(refusal([&] { s.cookies.set("a", "1; admin=1"); }), text);
    EXPECT_EQ(refusal([&] { s.get("http://127.0.0.1:1/", {.cookies = {{"a", "1; admin=1"}}}); }), text);
    EXPECT_EQ(refusal([] { requests::get("http://127.0.0.1:1/", {.cookies = {{"a", "1; admin=1"}}}); }), text);
    EXPECT_TRUE(s.cookies.empty());
}

TEST(requests, every_method_has_its_name) {
    const local server;
    const std::string& origin = server.origin;
    EXPECT_EQ(requests::put(origin, "x").text(), "PUT / - x");
    EXPECT_EQ(requests::patch(origin, "x").text(), "PATCH / - x");
    EXPECT_EQ(requests::delete_(origin).text(), "DELETE / - ");
    EXPECT_EQ(requests::options(origin).status_code, 200);
    EXPECT_EQ(requests::request("put", origin, {.data = "x"}).text(), "PUT / - x") << "in capitals, as in Python";
    EXPECT_EQ(requests::request("head", origin + "/moved").status_code, 302);
    requests::Session s;
    EXPECT_EQ(s.put(origin, "x").text(), "PUT / - x");
    EXPECT_EQ(s.post(origin, {{"a", "b"}}).text(), "POST / application/x-www-form-urlencoded a=b");
    EXPECT_EQ(s.delete_(origin).text(), "DELETE / - ");
    EXPECT_EQ(s.head(origin + "/moved").status_code, 302) << "head does not follow unless told";
    EXPECT_EQ(s.head(origin + "/moved", {.allow_redirects = true}).status_code, 200);
    EXPECT_EQ(s.get(origin + "/moved", {.allow_redirects = false}).status_code, 302);
}

TEST(requests, json_and_files_are_sent_as_what_they_are) {
    const local server;
    EXPECT_EQ(requests::post(server.origin, {}, {.json = "[1]"}).text(), "POST / application/json [1]");
    EXPECT_EQ(requests::post(server.origin, "data", {.json = "[1]"}).text(), "POST / - data") << "as in Python";
    EXPECT_THROW(requests::post(server.origin, "data", {.files = {{"f", requests::File("f.txt", "content")}}}),
                 std::invalid_argument)
        << "what is no form cannot be a part of one";
    const std::string told = requests::post(server.origin, {{"a", "b"}},
                                            {.files = {{"f", requests::File("f.txt", "content", "text/plain")}}})
                                 .text();
    EXPECT_THAT(told, testing::StartsWith("POST / multipart/form-data; boundary="));
    EXPECT_THAT(told, testing::HasSubstr("name=\"a\"\r\n\r\nb\r\n"));
    EXPECT_THAT(told,
                testing::HasSubstr("name=\"f\"; filename=\"f.txt\"\r\nContent-Type: text/plain\r\n\r\ncontent\r\n"));
}

TEST(requests, a_stream_is_read_in_pieces_or_lines) {
    const local server;
    for (const bool stream : {true, false}) {
        auto r = requests::get(server.origin + "/lines", {.stream = stream});
        std::vector<std::string> lines;
        for (const std::string& line : r.iter_lines())
            lines.push_back(line);
        EXPECT_THAT(lines, testing::ElementsAre("one", "two", "three"));
        auto again = requests::get(server.origin + "/lines", {.stream = stream});
        std::string all;
        for (const std::string& piece : again.iter_content(4))
            all += piece;
        EXPECT_EQ(all, "one\r\ntwo\nthree");
        EXPECT_EQ(requests::get(server.origin + "/lines", {.stream = stream}).text(), all);
    }
}

TEST(requests, text_is_utf8_whatever_came) {
    const local server;
    auto r = requests::get(server.origin + "/latin");
    EXPECT_EQ(r.encoding, "iso-8859-1");
    EXPECT_EQ(r.text(), "grüß");
    r.encoding = "koi8-r";
    EXPECT_EQ(r.text(), "grЭъ");
}

TEST(requests, a_circle_of_redirects_is_too_many) {
    const local server;
    requests::Session s;
    s.max_redirects = 1;
    EXPECT_EQ(s.get(server.origin + "/moved").status_code, 200);
    s.max_redirects = 0;
    EXPECT_EQ(s.get(server.origin + "/moved").status_code, 302);
}

TEST(requests, many_are_sent_together_and_come_in_their_order_or_in_the_servers) {
    const local server;
    std::vector<grequests::AsyncRequest> all;
    for (int i = 0; i < 30; ++i)
        all.push_back(grequests::get(server.origin + "/" + std::to_string(i)));
    all.push_back(grequests::get("http://127.0.0.1:1/"));
    const auto in_order = grequests::map(all, {.size = 5});
    ASSERT_EQ(in_order.size(), 31u);
    for (std::size_t i = 0; i < 30; ++i)
        EXPECT_EQ(in_order[i].value().text(), "GET /" + std::to_string(i) + " - ");
    EXPECT_FALSE(in_order[30]);

    int failed = 0;
    std::set<std::string> urls;
    const auto count = [&](const grequests::AsyncRequest&, std::exception_ptr) -> std::optional<requests::Response> {
        ++failed;
        return std::nullopt;
    };
    for (const auto& r : grequests::imap(all, {.size = 4, .exception_handler = count}))
        urls.insert(r.url);
    EXPECT_EQ(urls.size(), 30u);
    EXPECT_EQ(failed, 1);
    for (const auto& r : grequests::imap(all))
        if (r.ok)
            break;  // what still runs is killed
    EXPECT_TRUE(grequests::map({}).empty());

    const auto late = grequests::map({grequests::get(server.origin + "/never"), grequests::get(server.origin + "/x")},
                                     {.gtimeout = 0.1});
    EXPECT_FALSE(late[0]);
    EXPECT_TRUE(late[1]);
}

TEST(requests, many_fibers_fetch_at_once) {
    const local server;
    std::vector<greenlet<std::string>> pages;
    for (int i = 0; i < 100; ++i)
        pages.push_back(
            spawn([&server, i] { return requests::get(server.origin + "/" + std::to_string(i)).text(); }));
    for (std::size_t i = 0; i < pages.size(); ++i)
        EXPECT_EQ(await(pages[i].get()), "GET /" + std::to_string(i) + " - ");
}

TEST(requests, a_coroutine_is_told_that_it_must_not_block) {
    const local server;
    auto in_coroutine = [&]() -> task<> {
        EXPECT_THROW(requests::get(server.origin), std::logic_error);
        co_return;
    };
    await(spawn(in_coroutine).get());
}

}  // namespace net_requests_test

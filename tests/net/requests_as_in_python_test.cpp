// What a program that was written for Python's requests relies on without saying so. Over loopback.

#include <ringlet/core/await.hpp>
#include <ringlet/net/grequests.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

#include <gmock/gmock.h>

#include <set>

namespace net_requests_as_in_python_test {

using namespace ringlet;
using testing::ElementsAre;
using testing::HasSubstr;

/// A server in this very loop: /moved?302 answers with that status and leads to /end, /status?600 has that one, the
/// others tell what they were asked.
class local {
public:
    local() {
        server_.handle("/", [](http::request& asked) -> task<http::response> {
            std::string text = std::string(asked.method()) + " " + std::string(asked.target());
            for (const char* name : {"user-agent", "cookie", "content-type", "x-mine"})
                if (const auto value = asked.fields().get(name))
                    text.append(" ").append(name).append(": ").append(*value);
            text += " " + co_await asked.read_all();
            co_return text;
        });
        server_.handle("/moved", [](http::request& asked) -> task<http::response> {
            (void)co_await asked.read_all();
            http::response r(std::stoi(std::string(asked.query())), "moved");
            r.fields.add("Location", "/end");
            co_return r;
        });
        server_.handle("/status", [](http::request& asked) -> task<http::response> {
            co_return http::response(std::stoi(std::string(asked.query())), "so");
        });
        origin = "http://" + server_.start(net::address::loopback(0)).to_string();
    }
    ~local() { await(server_.stop(0s)); }

    std::string origin;

private:
    http::server server_;
};

/// What the server was asked, without what every request says of itself.
std::string heard(const requests::Response& r) {
    std::string text = r.text();
    if (const auto at = text.find(" user-agent: ringlet"); at != text.npos)
        text.erase(at, std::string_view(" user-agent: ringlet").size());
    return text;
}

// --- headers and cookies -----------------------------------------------------------------------------

TEST(requests, headers_of_a_session_are_assigned_by_name) {
    const local server;
    requests::Session s;
    s.headers["X-Mine"] = "me";
    s.headers["user-agent"] = s.headers["X-Mine"];
    EXPECT_EQ(s.headers["x-mine"], "me");
    EXPECT_EQ(s.get(server.origin).text(), "GET / user-agent: me x-mine: me ");
    s.headers["x-mine"] = "you";
    EXPECT_EQ(s.headers.count("X-Mine"), 1u) << "replaced";
    EXPECT_EQ(s.get(server.origin).text(), "GET / user-agent: me x-mine: you ");
    EXPECT_THROW(s.headers["X"] = "a\r\nb", std::invalid_argument);
}

TEST(requests, headers_that_are_asked_for_are_none_yet) {
    requests::Headers headers;
    EXPECT_TRUE(headers["a"].empty());
    EXPECT_TRUE(headers.empty());
    headers["a"] = "1";
    const std::string_view kept = headers["a"];
    EXPECT_EQ(std::string(headers["a"]) + std::string(kept), "11");
    EXPECT_THAT(headers["a"], HasSubstr("1"));
}

TEST(requests, cookies_of_a_session_are_assigned_by_name) {
    const local server;
    requests::Session s;
    s.cookies["a"] = "b";
    s.cookies["c"] = s.cookies["a"];
    EXPECT_EQ(s.cookies["a"], "b");
    EXPECT_EQ(heard(s.get(server.origin)), "GET / cookie: a=b; c=b ");
    EXPECT_TRUE(s.cookies["none"].empty());
    EXPECT_EQ(s.cookies.size(), 2u);
    EXPECT_THROW(s.cookies["a"] = "1; admin=1", std::invalid_argument);
    const std::string kept = s.cookies["a"];
    EXPECT_EQ(kept + s.cookies["c"], "bb");
}

// --- redirects ---------------------------------------------------------------------------------------

TEST(requests, a_redirect_makes_of_a_request_what_it_does_in_python) {
    const local server;
    const auto led = [&](const std::string& method, int status) {
        const auto r = requests::request(method, server.origin + "/moved?" + std::to_string(status),
                                         {.headers = {{"Content-Type", "text/x"}}, .data = "body"});
        return heard(r);
    };
    for (const std::string method : {"DELETE", "PUT", "PATCH", "POST", "GET"}) {
        const std::string again = method + " /end content-type: text/x body";
        EXPECT_EQ(led(method, 301), (method == "POST" ? "GET" : method) + " /end ");
        EXPECT_EQ(led(method, 302), "GET /end ") << method << " is not done again somewhere else";
        EXPECT_EQ(led(method, 303), "GET /end ");
        EXPECT_EQ(led(method, 307), again);
        EXPECT_EQ(led(method, 308), again);
    }
    EXPECT_EQ(await(http::shared_client().put(server.origin + "/moved?302", "body")).text(),
              "PUT /end user-agent: ringlet body")
        << "a client does what browsers do";
}

TEST(requests, a_body_that_can_be_sent_once_is_not_missed_where_none_is_sent) {
    const local server;
    const auto once = [](std::span<std::byte>) -> task<std::size_t> { co_return 0; };
    for (const int status : {301, 302, 303})
        EXPECT_EQ(requests::put(server.origin + "/moved?" + std::to_string(status), http::request_body::from(once, 0))
                      .status_code,
                  200);
    EXPECT_THROW(requests::put(server.origin + "/moved?307", http::request_body::from(once, 0)),
                 requests::TooManyRedirects);
}

TEST(requests, the_method_of_a_response_is_that_of_the_request_it_answers) {
    const local server;
    for (const bool stream : {false, true}) {
        const auto method_after = [&](const std::string& method, int status) {
            const auto r = requests::request(method, server.origin + "/moved?" + std::to_string(status),
                                             {.data = "body", .allow_redirects = true, .stream = stream});
            EXPECT_EQ(r.history.at(0).method, method);
            return r.method;
        };
        EXPECT_EQ(method_after("POST", 301), "GET");
        EXPECT_EQ(method_after("POST", 302), "GET");
        EXPECT_EQ(method_after("PUT", 302), "GET");
        EXPECT_EQ(method_after("PUT", 301), "PUT");
        EXPECT_EQ(method_after("POST", 307), "POST");
    }
    EXPECT_EQ(requests::post(server.origin, "body").method, "POST");
}

// --- answers -----------------------------------------------------------------------------------------

TEST(requests, only_400_to_599_are_failures) {
    const local server;
    const auto status = [&](int number) {
        return requests::get(server.origin + "/status?" + std::to_string(number));
    };
    for (const int number : {200, 399, 600, 999}) {
        EXPECT_TRUE(status(number).ok) << number;
        EXPECT_NO_THROW(status(number).raise_for_status()) << number;
    }
    for (const int number : {400, 499, 500, 599}) {
        EXPECT_FALSE(status(number).ok) << number;
        EXPECT_THROW(status(number).raise_for_status(), requests::HTTPError) << number;
    }
}

TEST(requests, a_stream_that_was_consumed_is_not_taken_for_an_empty_one) {
    const local server;
    const auto consumed_by = [&](auto pieces_of) {
        auto r = requests::get("http://me:secret@" + server.origin.substr(7) + "/some", {.stream = true});
        std::string all;
        for (const std::string& piece : pieces_of(r))
            all += piece;
        EXPECT_EQ(all, "GET /some user-agent: ringlet ");
        EXPECT_THROW(r.text(), std::runtime_error) << "Python's RuntimeError";
        EXPECT_THROW(r.iter_lines(), requests::StreamConsumedError);
        try {
            r.iter_content();
            ADD_FAILURE() << "nothing was thrown";
        } catch (const requests::StreamConsumedError& e) {
            EXPECT_EQ(std::string(e.what()),
                      "http://me:***@" + server.origin.substr(7) + "/some: the content was consumed already");
        }
    };
    consumed_by([](requests::Response& r) { return r.iter_content(3); });
    consumed_by([](requests::Response& r) { return r.iter_lines(); });

    auto left = requests::get(server.origin + "/some", {.stream = true});
    for (const std::string& piece : left.iter_content(3)) {
        EXPECT_EQ(piece, "GET");
        break;
    }
    EXPECT_EQ(left.text(), " /some user-agent: ringlet ") << "what is left of it";
    EXPECT_FALSE(left.iter_lines().begin() == std::default_sentinel) << "that was kept";
    auto none = requests::head(server.origin, {.stream = true});
    EXPECT_EQ(none.text(), "");
}

// --- parameters --------------------------------------------------------------------------------------

TEST(requests, parameters_of_a_call_replace_those_of_its_session_by_name) {
    const local server;
    requests::Session s;
    s.params = {{"key", "1"}, {"other", "2"}, {"key", "3"}};
    EXPECT_EQ(heard(s.get(server.origin, {.params = {{"key", "4"}, {"more", "5"}, {"key", "6"}}})),
              "GET /?other=2&key=4&more=5&key=6 ");
    EXPECT_EQ(heard(s.get(server.origin)), "GET /?key=1&other=2&key=3 ") << "for that call only";
}

// --- what is refused --------------------------------------------------------------------------------

TEST(requests, a_url_without_a_scheme_is_another_error_than_one_of_a_strange_scheme) {
    for (const char* url : {"", "nonsense", "//h/x", "/x:y"})
        EXPECT_THROW(requests::get(url), requests::MissingSchema) << url;
    for (const char* url : {"htp://x/", "mailto:me", "localhost:80/x"})
        EXPECT_THROW(requests::get(url), requests::InvalidSchema) << url;
    try {
        requests::get("HTTP://h:port/");
        ADD_FAILURE() << "that is no port";
    } catch (const requests::MissingSchema&) {
        ADD_FAILURE() << "it has one";
    } catch (const requests::InvalidSchema&) {
        ADD_FAILURE() << "that is spoken";
    } catch (const requests::InvalidURL&) {}
}

TEST(requests, no_time_at_all_is_no_timeout) {
    const local server;
    EXPECT_THROW(requests::get(server.origin, {.timeout = 0}), std::invalid_argument);
    EXPECT_THROW(requests::get(server.origin, {.timeout = {0, 3}}), std::invalid_argument);
    EXPECT_THROW(requests::get(server.origin, {.timeout = {3, -1}}), std::invalid_argument);
}

// --- many --------------------------------------------------------------------------------------------

TEST(grequests, none_at_a_time_are_all_at_once) {
    const local server;
    std::vector<grequests::AsyncRequest> all;
    for (int i = 0; i < 5; ++i)
        all.push_back(grequests::get(server.origin + "/" + std::to_string(i)));
    for (const auto& r : grequests::map(all, {.size = 0}))
        EXPECT_TRUE(r.value().ok);
    std::set<std::string> urls;
    for (const auto& r : grequests::imap(all, {.size = 0}))
        urls.insert(r.url);
    EXPECT_EQ(urls.size(), 5u);
    for (const auto& r : grequests::imap({}, {.size = 0}))
        ADD_FAILURE() << r.url;
    EXPECT_TRUE(grequests::map({}, {.size = 0}).empty());
}

}  // namespace net_requests_as_in_python_test

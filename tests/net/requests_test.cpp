// Python's requests by its own names, on fibers and in the main program, over loopback.

#include "support/machine.hpp"

#include <ringlet/core/await.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/net/http_server.hpp>
#include <ringlet/net/requests.hpp>

#include <gmock/gmock.h>

using namespace ringlet;

namespace {

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
        server_.handle("/status/404", [](http::request&) -> task<http::response> { co_return http::response(404, "gone"); });
        server_.handle("/status/503", [](http::request&) -> task<http::response> { co_return http::response(503, "later"); });
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
    EXPECT_EQ(requests::post(origin, {{"a", "1 2"}, {"b", "="}}).text(), "POST / application/x-www-form-urlencoded a=1+2&b=%3D");
    EXPECT_EQ(requests::post(origin, "{}", {.headers = {{"Content-Type", "application/json"}}}).text(), "POST / application/json {}");

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

TEST(requests, tell_everything_on_a_fiber) {
    await(spawn(&tell_everything).get());
}

TEST(requests, many_fibers_fetch_at_once) {
    const local server;
    std::vector<greenlet<std::string>> pages;
    for (int i = 0; i < 100; ++i)
        pages.push_back(spawn([&server, i] { return requests::get(server.origin + "/" + std::to_string(i)).text(); }));
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

}  // namespace

// The client over TLS: certificates are checked, HTTP/2 or HTTP/1.1 is agreed on, and plain and encrypted
// origins keep apart. The server is ours, over memory streams.

#include "support/client_world.hpp"
#include "support/scratch.hpp"
#include "support/tls_world.hpp"

#include <ringlet/core/await.hpp>
#include <ringlet/net/requests.hpp>
#include <ringlet/net/tcp.hpp>

#include <gmock/gmock.h>

namespace net_https_test {

using namespace ringlet;
using story::in_virtual_time;
using story::world;
using testing::HasSubstr;

http::client_options trusting(tls::client_options with = story::trusting().alpn({"http/1.1"})) {
    http::client_options o;
    o.tls = std::make_shared<const tls::context>(with);
    return o;
}

/// Serves what the client connects to, with TLS for https, as a.org and under this context.
task<> serve_securely(world& w, http::server& server, group& g, const tls::context& as) {
    const auto serve_one = [&](io::memory_stream end, bool secure, std::size_t) -> task<> {
        if (!secure) {
            co_await server.serve_stream(io::any_stream(std::move(end)));
            co_return;
        }
        auto handshake = tls::accept(std::move(end), as);
        auto shaken = co_await as_result(std::move(handshake));
        if (shaken)
            co_await server.serve_stream(io::any_stream(std::move(*shaken)));
    };
    for (std::size_t n = 0;; ++n) {
        auto end = co_await w.accept();
        g.spawn(serve_one, std::move(end), w.origins.at(n).starts_with("https"), n);
    }
}

template <class Story>
void with_server(http::client_options options, tls::server_options serving, Story story) {
    in_virtual_time([&]() -> task<> {
        world w(std::move(options));
        http::server server;
        server.handle("/", [](http::request& asked) -> task<http::response> {
            co_return std::string(asked.fields().get_or("cookie", "none"));
        });
        server.handle("/moved", [](http::request&) -> task<http::response> {
            http::response r(302);
            r.fields.add("Location", "https://a.org/there");
            co_return r;
        });
        server.handle("/set", [](http::request&) -> task<http::response> {
            http::response r("set");
            r.fields.add("Set-Cookie", "s=1; Secure");
            co_return r;
        });
        const tls::context as(serving);
        co_await with_group([&](group& g) -> task<> {
            g.spawn(serve_securely, std::ref(w), std::ref(server), std::ref(g), std::cref(as));
            co_await story(w);
            w.client.close_idle();
            g.cancel();
        });
    });
}

std::string error_of(http::client_options options, tls::server_options serving) {
    std::string error;
    auto story = [&](world& w) -> task<> {
        try {
            (void)co_await w.client.get("https://a.org/");
        } catch (const http::request_error& e) {
            EXPECT_EQ(e.at(), http::request_error::stage::connect);
            error = e.what();
        }
    };
    with_server(std::move(options), std::move(serving), story);
    return error;
}

TEST(https, pages_come_over_one_encrypted_connection) {
    auto story = [](world& w) -> task<> {
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ((co_await w.client.get("https://a.org/")).body, "none");
        EXPECT_EQ(w.connections, 1u);
    };
    with_server(trusting(), story::serving().alpn({"http/1.1"}), story);
    with_server(trusting(), story::serving(), story);
}

TEST(https, a_redirect_may_lead_to_it_and_secure_cookies_stay_there) {
    auto story = [](world& w) -> task<> {
        const http::reply r = co_await w.client.get("http://a.org/moved");
        EXPECT_EQ(r.url, "https://a.org/there");
        EXPECT_EQ((co_await w.client.get("https://a.org/set")).body, "set");
        EXPECT_EQ((co_await w.client.get("https://a.org/")).body, "s=1");
        EXPECT_EQ((co_await w.client.get("http://a.org/")).body, "none");
        EXPECT_EQ(w.connections, 2u);
    };
    with_server(trusting(), story::serving(), story);
}

TEST(https, whoever_is_not_who_they_should_be_is_told_apart) {
    EXPECT_THAT(error_of(trusting(), story::serving("b.org")), HasSubstr("b.org"));
    EXPECT_THAT(error_of(trusting(tls::client_options().ca_pem(story::authority("Other").pem())), story::serving()),
                HasSubstr("GET https://a.org/: "));
    EXPECT_NE(error_of(http::client_options(), story::serving()), "") << "the test's authority is not the machine's";
}

TEST(https, a_server_that_speaks_something_else_is_left) {
    EXPECT_THAT(error_of(trusting(story::trusting().alpn({"spdy", "h2"})), story::serving().alpn({"spdy"})),
                HasSubstr("the server wants to speak spdy"));
    http::client_options only = trusting(story::trusting());
    only.http2 = http::http2_use::demanded;
    EXPECT_THAT(error_of(only, story::serving()), HasSubstr("the server does not speak HTTP/2"));
    EXPECT_NE(error_of(only, story::serving().alpn({"http/1.1"})), "");
    http::client_options never = trusting(story::trusting());
    never.http2 = http::http2_use::off;
    EXPECT_NE(error_of(never, story::serving().alpn({"h2"})), "");
}

/// Five requests at once, and one after them: by which version they came, over how many connections.
std::pair<int, std::size_t> six_requests(http::client_options options, tls::server_options serving) {
    std::pair<int, std::size_t> came;
    auto story = [&](world& w) -> task<> {
        std::vector<task<http::reply>> asked;
        for (int i = 0; i < 5; ++i)
            asked.push_back(w.client.get("https://a.org/"));
        for (const http::reply& r : co_await all(std::move(asked)))
            EXPECT_EQ(r.body, "none");
        came = {(co_await w.client.get("https://a.org/")).version, w.connections};
    };
    with_server(std::move(options), std::move(serving), story);
    return came;
}

TEST(https, http2_is_offered_and_all_requests_share_a_connection_where_it_is_chosen) {
    const auto by = [](http::http2_use use) {
        http::client_options o = trusting(story::trusting());
        o.http2 = use;
        return o;
    };
    const auto both = story::serving().alpn({"h2", "http/1.1"});
    EXPECT_EQ(six_requests(by(http::http2_use::offered), both), std::pair(20, std::size_t(1)));
    EXPECT_EQ(six_requests(by(http::http2_use::demanded), both), std::pair(20, std::size_t(1)));
    EXPECT_EQ(six_requests(by(http::http2_use::offered), story::serving().alpn({"http/1.1"})),
              std::pair(11, std::size_t(5)));
    EXPECT_EQ(six_requests(by(http::http2_use::offered), story::serving()), std::pair(11, std::size_t(5)));
    EXPECT_EQ(six_requests(by(http::http2_use::off), both), std::pair(11, std::size_t(5)));
    EXPECT_EQ(six_requests(trusting(), both), std::pair(11, std::size_t(5))) << "a context may say what it offers";
}

/// An https server in this very loop, as localhost.
class local {
public:
    local() : as_(story::serving("localhost")), listener_(net::listen(net::address::loopback(0))) {
        server_.handle("/",
                       [](http::request& asked) -> task<http::response> { co_return std::string(asked.path()); });
        port = listener_.local_address().port();
        accepting_ = spawn([this]() -> task<> {
            for (;;) {
                auto below = co_await listener_.accept();
                spawn([this](net::tcp_stream to) { return serve(std::move(to)); }, std::move(below));
            }
        });
    }
    ~local() {
        accepting_.kill();
        await(accepting_.join());
        await(server_.stop(0s));
    }
    std::uint16_t port;

private:
    task<> serve(net::tcp_stream below) {
        auto handshake = tls::accept(std::move(below), as_);
        auto shaken = co_await as_result(std::move(handshake));
        if (shaken)
            co_await server_.serve_stream(io::any_stream(std::move(*shaken)));
    }

    tls::context as_;
    net::tcp_listener listener_;
    http::server server_;
    greenlet<> accepting_;
};

TEST(https, requests_checks_certificates_as_it_is_told_to) {
    const story::scratch_folder folder;
    folder.write("ca.pem", story::test_authority().pem());
    const local server;
    const std::string url = "https://localhost:" + std::to_string(server.port) + "/x";
    EXPECT_THROW(requests::get(url), requests::SSLError);
    EXPECT_EQ(requests::get(url, {.verify = false}).text(), "/x");
    EXPECT_EQ(requests::get(url, {.verify = folder.at("ca.pem")}).text(), "/x");
    EXPECT_THROW(requests::get(url), requests::SSLError) << "what was believed once is not believed for ever";
    EXPECT_THROW(requests::get("https://127.0.0.1:" + std::to_string(server.port), {.verify = folder.at("ca.pem")}),
                 requests::SSLError)
        << "that is not its name";
    requests::Session s;
    s.verify = folder.at("ca.pem");
    EXPECT_EQ(s.get(url).text(), "/x");
    EXPECT_EQ(s.get(url).text(), "/x");
    s.verify = true;
    EXPECT_THROW(s.get(url), requests::SSLError);
}

}  // namespace net_https_test

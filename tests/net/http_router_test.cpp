// Who answers which request: patterns, methods, what is said when nobody does, and middleware.

#include "support/http_world.hpp"

#include <ringlet/net/http_router.hpp>

#include <gmock/gmock.h>

namespace net_http_router_test {

using namespace ringlet;
using namespace story;
using testing::HasSubstr;

/// A router whose handlers are known by their place in the list; and what it finds.
class found_by {
public:
    explicit found_by(const std::vector<std::pair<std::string, std::string>>& routes) {
        for (const auto& [method, pattern] : routes) {
            names_.push_back(method + pattern);
            router_.add(method, pattern, [](http::request&, http::response_writer&) -> task<> { co_return; });
        }
        for (const auto& [method, pattern] : routes) {  // find each handler's address by asking for it
            http::route_match m;
            router_.find(method.empty() ? "ANY" : method, sample(pattern), m);
            known_.push_back(m.answer);
        }
    }

    /// "GET/users/{id} id=7", "405 GET, HEAD, OPTIONS", "404".
    std::string operator()(std::string_view method, std::string_view path) const {
        http::route_match m;
        router_.find(method, path, m);
        if (m.answer == nullptr)
            return m.allowed.empty() ? "404" : "405 " + std::string(m.allowed);
        std::string text =
            names_[static_cast<std::size_t>(std::find(known_.begin(), known_.end(), m.answer) - known_.begin())];
        for (std::size_t i = 0; i < m.parameters.size(); ++i)
            text.append(" ").append(m.parameters[i].name).append("=").append(m.parameters[i].value);
        return text;
    }

private:
    /// A path that only this pattern should take.
    static std::string sample(std::string pattern) {
        for (std::size_t at; (at = pattern.find('{')) != pattern.npos;)
            pattern.replace(at, pattern.find('}', at) + 1 - at, "~sample~");
        return pattern;
    }

    http::router router_;
    std::vector<std::string> names_;
    std::vector<const http::handler*> known_;
};

std::string why_not(std::string_view pattern, std::string_view method = "GET") {
    try {
        http::router r;
        r.add("GET", "/taken/{id}", {});
        r.add(method, pattern, {});
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "";
}

TEST(http_router, a_pattern_takes_paths_and_names_their_parts) {
    const found_by find({{"GET", "/"},
                         {"GET", "/users"},
                         {"GET", "/users/{id}"},
                         {"GET", "/users/{id}/files/{path...}"},
                         {"", "/any"}});
    EXPECT_EQ(find("GET", "/"), "GET/");
    EXPECT_EQ(find("GET", "/users"), "GET/users");
    EXPECT_EQ(find("GET", "/users/7"), "GET/users/{id} id=7");
    EXPECT_EQ(find("GET", "/users/a%2Fb"), "GET/users/{id} id=a%2Fb");
    EXPECT_EQ(find("GET", "/users/7/files/a/b.txt"), "GET/users/{id}/files/{path...} id=7 path=a/b.txt");
    EXPECT_EQ(find("GET", "/users/7/files/"), "GET/users/{id}/files/{path...} id=7 path=");
    EXPECT_EQ(find("BREW", "/any"), "/any");
    for (const std::string path :
         {"/users/", "/users/7/", "/users/7/files", "/user", "/Users", "//users", "/any/", "", "users"})
        EXPECT_EQ(find("GET", path), "404") << path;
}

TEST(http_router, the_more_special_pattern_wins_whatever_came_first) {
    const found_by find(
        {{"GET", "/{rest...}"}, {"GET", "/a/{x}"}, {"GET", "/a/b"}, {"GET", "/{x}/c/d"}, {"GET", "/a/{x}/{y...}"}});
    EXPECT_EQ(find("GET", "/a/b"), "GET/a/b");
    EXPECT_EQ(find("GET", "/a/c"), "GET/a/{x} x=c");
    EXPECT_EQ(find("GET", "/a/c/d"), "GET/a/{x}/{y...} x=c y=d");
    EXPECT_EQ(find("GET", "/b/c/d"), "GET/{x}/c/d x=b");
    EXPECT_EQ(find("GET", "/b/c/e"), "GET/{rest...} rest=b/c/e") << "what was tried on the way leaves nothing behind";
}

TEST(http_router, an_encoded_text_is_the_same_text) {
    const found_by find({{"GET", "/admin/x"}, {"GET", "/{any...}"}, {"GET", "/100%"}});
    EXPECT_EQ(find("GET", "/%61dmin/x"), "GET/admin/x");
    EXPECT_EQ(find("GET", "/%61%64%6D%69%6e/x"), "GET/admin/x");
    EXPECT_EQ(find("GET", "/admin%2Fx"), "GET/{any...} any=admin%2Fx") << "a slash that separates nothing";
    EXPECT_EQ(find("GET", "/100%"), "GET/100%");
}

TEST(http_router, methods_are_told_apart) {
    const found_by find(
        {{"GET", "/a"}, {"PUT", "/a"}, {"POST", "/b"}, {"", "/c"}, {"HEAD", "/d"}, {"GET", "/d"}, {"POST", "/{x}"}});
    EXPECT_EQ(find("HEAD", "/a"), "GET/a");
    EXPECT_EQ(find("HEAD", "/d"), "HEAD/d");
    EXPECT_EQ(find("DELETE", "/a"), "405 GET, HEAD, OPTIONS, PUT");
    EXPECT_EQ(find("HEAD", "/b"), "405 POST, OPTIONS");
    EXPECT_EQ(find("POST", "/a"), "POST/{x} x=a") << "a more general route has the method";
}

TEST(http_router, a_pattern_that_is_none_is_refused_with_the_reason) {
    EXPECT_EQ(why_not("users"), "http route 'users': does not begin with '/'");
    EXPECT_EQ(why_not("/{}"), "http route '/{}': '{}' is neither a text nor a {name} nor a {name...}");
    EXPECT_THAT(why_not("/a{b}"), HasSubstr("'a{b}' is neither"));
    EXPECT_THAT(why_not("/{a b}"), HasSubstr("'{a b}' is neither"));
    EXPECT_EQ(why_not("/{a...}/b"), "http route '/{a...}/b': nothing can follow {a...}");
    EXPECT_EQ(why_not("/{a}/{a}"), "http route '/{a}/{a}': has {a} twice");
    EXPECT_EQ(why_not("/taken/{other}"), "http route '/taken/{other}': given twice for GET");
    EXPECT_EQ(why_not("/a", "G T"), "http route '/a': 'G T' is no method");
    EXPECT_THAT(why_not("/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"), HasSubstr("more than 8 names"));
}

TEST(http_router, values_are_decoded) {
    EXPECT_EQ(http::percent_decode("a%20b%2fc+%zz%4"), "a b/c+%zz%4");
    EXPECT_EQ(http::form_value("a=1&b=x+y%21&a=2&c&=e", "a"), "1");
    EXPECT_EQ(http::form_value("a=1&b=x+y%21&a=2&c&=e", "b"), "x y!");
    EXPECT_EQ(http::form_value("a=1&b=x+y%21&a=2&c&=e", "c"), "");
    EXPECT_EQ(http::form_value("a=1&b=x+y%21&a=2&c&=e", ""), "e");
    EXPECT_EQ(http::form_value("a=1", "d"), std::nullopt);
}

// --- in a server -------------------------------------------------------------------------------------

std::string request_for(const std::string& what, const std::string& fields = {}) {
    return what + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

/// What a server prepared by `prepare` says to all this.
template <class Prepare>
std::string said_by(Prepare prepare, const std::string& sent) {
    return in_virtual_time([&]() -> task<std::string> {
        http::server server;
        prepare(server);
        visit v(server);
        co_await v.say(sent);
        co_await v.leave();
        co_return co_await v.hear();
    });
}

void users(http::server& server) {
    server.get("/users/{id}", [](http::request& asked) -> task<http::response> {
        co_return asked.parameter("id") + " " + asked.query_value("as").value_or("-");
    });
    server.put("/users/{id}", [](http::request& asked) { return http::response(201, asked.parameter("id")); });
    server.get("/wrong", [](http::request& asked) -> task<http::response> { co_return asked.parameter("id"); });
}

TEST(http_routes, a_handler_asks_for_its_parameters) {
    EXPECT_EQ(said_by(users, request_for("GET /users/J%C3%BCrg?as=x%20y")), answer("J\xc3\xbcrg x y"));
    EXPECT_EQ(said_by(users, request_for("PUT /users/7", "Content-Length: 0\r\n")), answer("7", "201 Created"));
    const heard_reports reports;
    EXPECT_THAT(said_by(users, request_for("GET /wrong")), HasSubstr("500 Internal Server Error"));
    EXPECT_THAT(reports.all, testing::ElementsAre(HasSubstr("http route: it has no {id}")));
}

TEST(http_routes, who_asks_in_the_wrong_way_is_told_the_right_ones) {
    const std::string head =
        "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS, PUT\r\nContent-Type: "
        "text/plain; charset=utf-8\r\n";
    EXPECT_EQ(said_by(users, request_for("DELETE /users/7")),
              head + "Content-Length: 23\r\n\r\n405 Method Not Allowed\n");
    EXPECT_EQ(said_by(users, request_for("OPTIONS /users/7")),
              "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS, PUT\r\n\r\n");
    EXPECT_EQ(said_by(users, request_for("OPTIONS *")),
              "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS, PUT\r\n\r\n");
    EXPECT_EQ(said_by(users, request_for("OPTIONS /nobody")), answer("404 Not Found\n", "404 Not Found"));
    EXPECT_EQ(said_by(users, request_for("HEAD /users/7")),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\n");
}

TEST(http_middleware, stands_around_every_handler_in_order) {
    std::vector<std::string> seen;
    const auto prepare = [&](http::server& server) {
        users(server);
        server.use([&](http::request& asked, http::response_writer& out, http::next go_on) -> task<> {
            seen.push_back("outer " + std::string(asked.path()));
            out.set("X-Outer", "yes");
            co_await go_on(asked, out);
            seen.push_back("outer " + std::to_string(out.status()));
        });
        server.use([&](http::request& asked, http::response_writer& out, http::next go_on) {  // on a fiber
            seen.push_back("inner");
            if (asked.get("authorization"))
                await(go_on(asked, out));
            else
                out.answer(http::response(401, "who?"));
        });
    };
    EXPECT_EQ(said_by(prepare, request_for("GET /users/7") + request_for("GET /users/7", "Authorization: me\r\n") +
                                   request_for("GET /none", "Authorization: me\r\n")),
              answer("who?", "401 Unauthorized", "X-Outer: yes\r\n") + answer("7 -", "200 OK", "X-Outer: yes\r\n") +
                  "HTTP/1.1 404 Not Found\r\nX-Outer: yes\r\nContent-Type: text/plain; "
                  "charset=utf-8\r\nContent-Length: 14\r\n\r\n404 Not Found\n");
    EXPECT_EQ(seen, (std::vector<std::string>{"outer /users/7", "inner", "outer 401", "outer /users/7", "inner",
                                              "outer 200", "outer /none", "inner", "outer 404"}));
}

TEST(http_middleware, cookies_add_up_and_of_all_else_the_handlers_own_wins) {
    const auto prepare = [](http::server& server) {
        server.use([](http::request& asked, http::response_writer& out, http::next go_on) {
            out.fields().add("Set-Cookie", "a=1");
            out.fields().add("Set-Cookie", "b=2");
            out.fields().add("X", "middle");
            out.fields().add("Y", "1");
            out.fields().add("Y", "2");
            return go_on(asked, out);
        });
        server.get("/", [](http::request&) -> task<http::response> {
            http::response r("x");
            r.fields.add("Set-Cookie", "c=3");
            r.fields.add("X", "own");
            co_return r;
        });
    };
    EXPECT_EQ(
        said_by(prepare, request_for("GET /")),
        answer("x", "200 OK", "Set-Cookie: c=3\r\nX: own\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nY: 1\r\nY: 2\r\n"));
}

TEST(http_middleware, can_stand_around_one_handler) {
    const auto prepare = [](http::server& server) {
        const auto marked = [](http::request& asked, http::response_writer& out, http::next go_on) {
            out.set("Marked", "yes");
            return go_on(asked, out);
        };
        server.get("/a", http::with(marked, [](http::request&) -> task<http::response> { co_return "a"; }));
        server.get("/b", [](http::request&) -> task<http::response> { co_return "b"; });
    };
    EXPECT_EQ(said_by(prepare, request_for("GET /a") + request_for("GET /b")),
              answer("a", "200 OK", "Marked: yes\r\n") + answer("b"));
}

}  // namespace net_http_router_test

// A service with an API: notes that are made, read, changed and removed, as JSON.
//
//     ./api_service 8080      serves until SIGTERM, then lets running requests finish; logs to stdout
//     ./api_service --demo    talks to itself for a moment
//
//     curl -H 'Authorization: Bearer open-sesame' -d 'buy milk' localhost:8080/notes
//     curl localhost:8080/notes/1

#include <ringlet/core/run.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

using namespace ringlet;

std::string in_quotes(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            out.append(1, '\\').append(1, c);
        else if (byte < 0x20)
            out.append("\\u00").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
        else
            out += c;
    }
    return out + '"';
}

http::response json(int status, std::string text) {
    return http::response(status, std::move(text) + '\n', "application/json");
}
http::response failure(int status, std::string_view why) {
    return json(status, "{\"error\":" + in_quotes(why) + "}");
}

class notes {
public:
    void add_routes(http::server& server) {
        server.get("/notes", [this](http::request& asked) -> task<http::response> { co_return list(asked); });
        server.post("/notes", [this](http::request& asked) -> task<http::response> {
            const std::string text = co_await asked.read_all(10'000);
            co_return add(text);
        });
        server.get("/notes/{id}", [this](http::request& asked) -> task<http::response> {
            const auto found = find(asked);
            co_return found == all_.end() ? failure(404, "no such note") : json(200, text_of(*found));
        });
        server.put("/notes/{id}", [this](http::request& asked) -> task<http::response> {
            std::string text = co_await asked.read_all(10'000);
            const auto found = find(asked);
            if (found == all_.end())
                co_return failure(404, "no such note");
            found->second = std::move(text);
            co_return json(200, text_of(*found));
        });
        server.del("/notes/{id}", [this](http::request& asked) -> task<http::response> {
            const auto found = find(asked);
            if (found == all_.end())
                co_return failure(404, "no such note");
            all_.erase(found);
            co_return http::response(204);
        });
    }

private:
    using table = std::map<unsigned long, std::string>;

    static std::string text_of(const table::value_type& note) {
        return "{\"id\":" + std::to_string(note.first) + ",\"text\":" + in_quotes(note.second) + "}";
    }
    table::iterator find(http::request& asked) {
        const std::string id = asked.parameter("id");
        const bool digits = !id.empty() && id.size() < 19 && id.find_first_not_of("0123456789") == id.npos;
        return digits ? all_.find(std::stoul(id)) : all_.end();
    }
    http::response list(http::request& asked) const {
        const std::string wanted = asked.query_value("contains").value_or("");
        std::string text;
        for (const auto& note : all_)
            if (note.second.find(wanted) != std::string::npos)
                text += (text.empty() ? "" : ",") + text_of(note);
        return json(200, "[" + text + "]");
    }
    http::response add(const std::string& text) {
        if (text.empty())
            return failure(422, "a note needs a text");
        const auto made = all_.emplace(++last_, text).first;
        http::response answer = json(201, text_of(*made));
        answer.fields.add("Location", "/notes/" + std::to_string(made->first));
        return answer;
    }

    table all_;
    unsigned long last_ = 0;
};

/// Writing needs a token; who only reads is welcome.
task<> only_friends_write(http::request& asked, http::response_writer& out, http::next go_on) {
    const bool writes = asked.method() != "GET" && asked.method() != "HEAD" && asked.method() != "OPTIONS";
    if (writes && asked.get("authorization") != "Bearer open-sesame") {
        out.set("WWW-Authenticate", "Bearer");
        out.answer(failure(401, "say who you are"));
        co_return;
    }
    co_await go_on(asked, out);
}

task<> ask(http::client& client, std::string method, std::string url, std::string body = {}, bool token = true) {
    http::request_options options;
    options.body = body;
    if (token)
        options.fields.set("Authorization", "Bearer open-sesame");
    const http::reply answer = co_await client.fetch(method, url, options);
    const std::size_t path = url.find('/', 8);
    std::cout << method << ' ' << url.substr(path) << " -> " << answer.status << ' ' << answer.body
              << (answer.body.empty() ? "\n" : "");
}

task<> demo(http::server& server) {
    const std::string url = "http://" + server.start(net::address::loopback(0)).to_string();
    http::client client;
    co_await ask(client, "POST", url + "/notes", "buy milk", false);
    co_await ask(client, "POST", url + "/notes", "buy milk");
    co_await ask(client, "POST", url + "/notes", "say \"hello\"");
    co_await ask(client, "GET", url + "/notes");
    co_await ask(client, "PUT", url + "/notes/1", "buy bread");
    co_await ask(client, "GET", url + "/notes?contains=bread");
    co_await ask(client, "DELETE", url + "/notes/1");
    co_await ask(client, "GET", url + "/notes/1");
    co_await ask(client, "PATCH", url + "/notes/2");
    client.close_idle();
    co_await server.stop();
}

int main(int argc, char** argv) {
    const std::string_view argument = argc > 1 ? argv[1] : "8080";
    http::server_options options;
    if (argument != "--demo")
        options.access_log = http::log_lines([](std::string_view line) { std::cout << line << std::endl; });
    run([&]() -> task<> {
        notes all;
        http::server server(options);
        all.add_routes(server);
        server.use(&only_friends_write);
        if (argument == "--demo")
            co_await demo(server);
        else
            co_await server.serve_forever(
                net::listen(net::address::ip4_any(static_cast<std::uint16_t>(std::atoi(argument.data())))));
    });
}

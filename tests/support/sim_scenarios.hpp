#pragma once
// Services under faults, for explore(): each throws when something is wrong that no fault excuses. The
// tests run a few hundred seeds of each, `./dev sim` as many as one likes.

#include <ringlet/core/all.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/file.hpp>
#include <ringlet/io/sim.hpp>
#include <ringlet/net/connect.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>
#include <ringlet/net/tcp.hpp>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace story {

using namespace ringlet;

inline net::address address_on(const sim::host& h, std::uint16_t port) {
    return net::address::parse(h.ip() + ":" + std::to_string(port));
}

inline void demand(bool good, const char* what) {
    if (!good)
        throw std::logic_error(what);
}

/// Bytes that tell where they belong.
inline std::string pattern(std::size_t size, std::size_t from = 0) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (from + i) * 7919 % 26);
    return text;
}

/// How many answers were right, and how many questions got none: a test that sees errors only would see
/// no wrong answer either.
struct tally {
    std::size_t right = 0;
    std::size_t failed = 0;
};
inline tally outcomes;

/// How much later than its deadline something may end: cancels and completions that come late.
inline constexpr duration lateness = 100ms;

/// Nothing that a fault does to what is under way may keep somebody longer than this.
inline constexpr duration patience = 20min;

// --- bytes over TCP ----------------------------------------------------------------------------------

inline task<> echo(net::tcp_stream peer) {
    std::vector<std::byte> buffer(1000);
    for (;;) {
        const auto count = co_await as_result(peer.read(buffer));
        if (!count || *count == 0)
            co_return;
        if (!co_await as_result(peer.write_all(std::span(buffer).first(*count))))
            co_return;
    }
}

/// Listening fails too, without memory or descriptors.
inline task<> echo_server() {
    for (;;) {
        try {
            auto listener = net::listen(net::address::parse("0.0.0.0:7"));
            for (;;) {
                auto peer = co_await listener.accept();
                spawn(echo, std::move(peer));
            }
        } catch (const std::system_error&) {}
        co_await sleep_for(100ms);
    }
}

inline task<std::string> ask_echo(net::address server, std::string text) {
    auto stream = co_await net::tcp_stream::connect(server);
    const auto writer = spawn([&stream, &text]() -> task<> { co_await stream.write_all(io::bytes_of(text)); });
    std::string answer(text.size(), '\0');
    std::exception_ptr failed;
    try {
        co_await io::read_exact(stream, std::as_writable_bytes(std::span(answer)));
    } catch (...) {
        failed = std::current_exception();
    }
    writer.kill();
    {
        shield until_it_has_left;
        co_await writer.join();
    }
    (void)writer.exception();
    if (failed)
        std::rethrow_exception(failed);
    co_return answer;
}

inline void echo_under_faults(sim::world& w) {
    const auto server = w.host("server");
    server.boot(echo_server);
    std::vector<greenlet<>> clients;
    for (int i = 0; i < 3; ++i)
        clients.push_back(w.host("client").spawn([&w, server]() -> task<> {
            for (int j = 0; j < 3; ++j) {
                const std::string text = pattern(w.below(30'000));
                auto limited = with_timeout(5s, ask_echo(address_on(server, 7), text));
                const auto got = co_await as_result(std::move(limited));
                demand(!got || *got == text, "an echo was wrong");
                ++(got ? outcomes.right : outcomes.failed);
            }
        }));
    for (const auto& c : clients)
        await(c.get());
    demand(w.elapsed() < patience, "somebody did not give up");
}

// --- HTTP --------------------------------------------------------------------------------------------

inline http::server& add_handlers(http::server& s) {
    s.handle("/echo", [](http::request& asked) -> task<http::response> {
        co_return http::response(co_await asked.read_all());
    });
    s.handle("/stream", [](http::request& asked, http::response_writer& out) -> task<> {
        const std::size_t size = std::stoul(std::string(asked.query()));
        for (std::size_t at = 0; at < size; at += 1000)
            co_await out.write(pattern(std::min<std::size_t>(1000, size - at), at));
    });
    return s;
}

inline task<> http_server() {
    for (;;) {
        http::server server;
        add_handlers(server);
        try {
            co_await server.serve(net::listen(net::address::parse("0.0.0.0:80")));
        } catch (const std::system_error&) {}
        co_await sleep_for(100ms);
    }
}

inline task<> ask_http(sim::world& w, http::client& client, const std::string& server) {
    const std::size_t size = w.below(20'000);
    http::request_options options;
    http::timeouts limits;
    limits.total = 10s;
    options.timeouts = limits;
    const bool posts = w.below(2) == 0;
    const std::string body = pattern(size);
    std::string url = "http://" + server + (posts ? "/echo" : "/stream?" + std::to_string(size));
    auto asked = posts ? client.post(std::move(url), body, options) : client.get(std::move(url), options);
    auto limited = with_timeout(15s, std::move(asked));
    const duration began = w.elapsed();
    try {
        const http::response got = co_await std::move(limited);
        demand(got.status != 200 || got.body == body, "a body was wrong");
        ++(got.status == 200 ? outcomes.right : outcomes.failed);
    } catch (const std::system_error&) {  // http::request_error, timeout_error
        ++outcomes.failed;
    }
    demand(w.elapsed() - began <= 10s + lateness, "a deadline was not kept");
}

inline void http_under_faults(sim::world& w) {
    const auto server = w.host("server");
    server.boot(http_server);
    std::vector<greenlet<>> clients;
    for (int i = 0; i < 3; ++i)
        clients.push_back(w.host("client" + std::to_string(i)).spawn([&w, server]() -> task<> {
            http::client client;
            for (int j = 0; j < 4; ++j)
                co_await ask_http(w, client, server.ip());
        }));
    // Sometimes worse happens than a fault.
    if (w.below(4) == 0) {
        w.run_for(w.between(1ms, 2s));
        switch (w.below(4)) {
            case 0:
                w.partition("client0", "server");
                w.run_for(w.between(1ms, 1min));
                w.heal();
                break;
            case 1:
                server.crash();
                w.run_for(w.between(1ms, 1min));
                server.restart();
                break;
            case 2: clients[0].kill(); break;
            default: server.kill(); server.restart();
        }
    }
    for (const auto& c : clients)
        try {
            await(c.get());
        } catch (const greenlet_killed&) {}
    demand(w.elapsed() < patience, "somebody did not give up");
}

/// A server that is replaced by another now and then, as in a deployment: it lets its requests end first.
/// Each POST to /once adds to the count of its number.
inline task<> changing_http_server(sim::world& w, std::map<std::string, int>& counts) {
    for (;;) {
        http::server server;
        add_handlers(server);
        server.handle("/once", [&counts](http::request& asked) -> task<http::response> {
            co_await asked.read_all();
            ++counts[std::string(asked.query())];
            co_return "done";
        });
        try {
            server.start(net::address::parse("0.0.0.0:80"));
            co_await sleep_for(w.between(10ms, 20s));
            co_await server.stop(w.between(0s, 2s));
        } catch (const std::system_error&) {}
        co_await sleep_for(w.between(0s, 200ms));
    }
}

/// Reads a stream in pieces of all sizes, and perhaps not to its end.
inline task<> read_some_of(sim::world& w, http::client& client, std::string url, std::size_t size) {
    auto opening = client.open("GET", std::move(url));
    http::incoming in = co_await std::move(opening);
    if (in.status() != 200)
        co_return;
    const std::string right = pattern(size);
    std::string room(1 + w.below(5000), '\0');
    for (std::size_t at = 0; w.below(20) != 0;) {
        const std::size_t count = co_await in.read(std::as_writable_bytes(std::span(room)));
        demand(room.compare(0, count, right, at, count) == 0, "a piece was wrong");
        at += count;
        if (count == 0) {
            demand(at == size, "a body ended early, and nobody said so");
            ++outcomes.right;
            break;
        }
    }
}

inline task<> browse(sim::world& w, std::string who) {
    http::client client;
    for (int i = 0; i < 6; ++i) {
        const std::size_t size = w.below(20'000);
        const std::string base = w.below(2) == 0 ? "http://server" : "http://" + w.host("server").ip();
        const duration patience_here = w.between(1ms, 5s);
        try {
            if (w.below(2) == 0) {
                auto posting = client.post(base + "/once?" + who + std::to_string(i), pattern(size));
                auto limited = with_timeout(patience_here, std::move(posting));
                const http::response got = co_await std::move(limited);
                demand(got.status != 200 || got.body == "done", "an answer was wrong");
                ++(got.status == 200 ? outcomes.right : outcomes.failed);
            } else {
                auto reading = read_some_of(w, client, base + "/stream?" + std::to_string(size), size);
                auto limited = with_timeout(patience_here, std::move(reading));
                co_await std::move(limited);
            }
        } catch (const std::system_error&) {
            ++outcomes.failed;
        }
        co_await sleep_for(w.between(0s, 500ms));
    }
}

/// Nothing is done twice, though connections break and servers go, and a body that is cut off is an error.
inline void browsing_under_faults(sim::world& w) {
    std::map<std::string, int> counts;
    const auto server = w.host("server");
    server.boot([&]() { return changing_http_server(w, counts); });
    std::vector<greenlet<>> clients;
    for (const char* name : {"a", "b", "c"})
        clients.push_back(w.host("client").spawn(browse, std::ref(w), std::string(name)));
    if (w.below(3) == 0) {
        w.run_for(w.between(1ms, 5s));
        w.isolate(w.below(2) == 0 ? "server" : "dns");
        w.run_for(w.between(1ms, 5s));
        w.heal();
    }
    for (const auto& c : clients)
        await(c.get());
    for (const auto& [number, times] : counts)
        demand(times == 1, "something was done twice");
    demand(w.elapsed() < patience, "somebody did not give up");
}

/// A hundred users who look at each page for a second.
inline void thinkers(sim::world& w) {
    const auto server = w.host("server");
    server.boot(http_server);
    std::size_t pages = 0;
    for (int i = 0; i < 100; ++i)
        w.host("users").spawn([&w, server, &pages]() -> task<> {
            http::client client;
            const std::string url = "http://" + server.ip() + "/stream?1000";
            const std::string right = pattern(1000);
            co_await sleep_for(w.between(0s, 1s));
            for (;; co_await sleep_for(1s)) {
                auto asked = client.get(url);
                const http::response page = co_await std::move(asked);
                demand(page.body == right, "a page was wrong");
                ++pages;
            }
        });
    w.run_for(1min);
    demand(pages > 5000, "somebody waits for a page");
}

// --- names -------------------------------------------------------------------------------------------

inline void names_under_faults(sim::world& w) {
    w.host("server").boot(echo_server);
    const auto client = w.host("client").spawn([&w]() -> task<> {
        for (int i = 0; i < 3; ++i) {
            try {
                auto connecting = net::connect("server", 7, net::connect_options().timeout(60s));
                net::tcp_stream to = co_await std::move(connecting);
                demand(to.peer_address() == address_on(w.host("server"), 7), "a name led to somebody else");
                ++outcomes.right;
            } catch (const std::system_error&) {
                ++outcomes.failed;
            }
            try {
                auto connecting = net::connect("nobody", 7, net::connect_options().timeout(60s));
                co_await std::move(connecting);
                demand(false, "nobody was there");
            } catch (const std::system_error&) {}
        }
    });
    await(client.get());
    demand(w.elapsed() < patience, "somebody did not give up");
}

// --- files -------------------------------------------------------------------------------------------

/// A file that is replaced is old or new, whenever the power fails.
inline void files_under_faults(sim::world& w) {
    const auto version = [](unsigned number) { return std::to_string(number) + ":" + pattern(5000 + number); };
    const auto host = w.host("host");
    unsigned latest = 0;
    host.boot([&]() -> task<> {
        for (;;) {
            const std::string text = version(++latest);
            try {
                co_await io::write_file("/var/state", text);
                demand(co_await io::read_file("/var/state") == text, "what was written is not there");
                ++outcomes.right;
            } catch (const std::system_error&) {
                ++outcomes.failed;
            }
            co_await sleep_for(10ms);
        }
    });
    for (int i = 0; i < 4; ++i) {
        w.run_for(w.between(0s, 1s));
        host.crash();
        if (const auto found = host.read_file("/var/state"))
            demand(std::stoul(*found) <= latest && *found == version(static_cast<unsigned>(std::stoul(*found))),
                   "a file was neither old nor new");
        host.restart();
    }
}

}  // namespace story

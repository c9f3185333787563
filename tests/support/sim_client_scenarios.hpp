#pragma once
// The whole client under faults: redirects, cookies, uploads by chunks, retries, a small pool, downloads
// into files of a machine whose power may fail. See sim_scenarios.hpp.

#include "sim_scenarios.hpp"

#include <ringlet/net/http_download.hpp>

#include <string>

namespace story {

inline task<> demanding_http_server() {
    for (;;) {
        http::server server;
        add_handlers(server);
        server.handle("/moved", [](http::request& asked) -> task<http::response> {
            http::response r(307);
            r.fields.add("Location", "/cookie");
            r.fields.add("Set-Cookie", "who=" + std::string(asked.query()));
            co_return r;
        });
        server.handle("/cookie", [](http::request& asked) -> task<http::response> {
            co_return std::string(asked.fields().get_or("cookie", "none"));
        });
        server.handle("/file", [](http::request& asked, http::response_writer& out) -> task<> {
            constexpr std::size_t size = 60'000;
            std::size_t from = 0;
            if (const auto range = asked.fields().get("range")) {
                from = std::stoul(std::string(range->substr(6)));
                const bool there = from < size;
                out.status(there ? 206 : 416);
                out.set("Content-Range", there ? "bytes " + std::to_string(from) + "-59999/60000" : "bytes */60000");
                from = there ? from : size;
            }
            out.set("ETag", "\"1\"");
            out.length(size - from);
            for (; from < size; from += 5000)
                co_await out.write(pattern(std::min<std::size_t>(5000, size - from), from));
        });
        try {
            co_await server.serve(net::listen(net::address::parse("0.0.0.0:80")));
        } catch (const std::system_error&) {}
        co_await sleep_for(100ms);
    }
}

inline http::client_options demanding_options(std::size_t at_once) {
    http::client_options o;
    o.per_origin = o.in_all = at_once;
    o.timeouts.total = 20s;
    o.retries = http::retries(2);
    return o;
}

/// One request of any kind; only a right answer or an error may come of it.
inline task<> ask_demanding(sim::world& w, http::client& client, std::string origin) {
    const std::size_t size = w.below(20'000);
    http::request_options options;
    std::string url = origin + "/echo", method = "PUT", right = pattern(size);
    switch (w.below(3)) {
        case 0: options.body = right; break;
        case 1: {
            auto pieces = [right, at = std::size_t{0}](std::span<std::byte> into) mutable -> task<std::size_t> {
                const std::size_t count = std::min<std::size_t>({right.size() - at, into.size(), 3000});
                std::memcpy(into.data(), right.data() + at, count);
                at += count;
                co_await yield();
                co_return count;
            };
            options.body = http::request_body::from(std::move(pieces));
            break;
        }
        default: {
            const std::string who = "who=" + std::to_string(size);
            url = origin + "/moved?" + std::to_string(size);
            method = "GET";
            options.cookies = std::make_shared<http::cookie_jar>();
            right = who;
        }
    }
    try {
        auto asked = client.fetch(method, url, std::move(options));
        const http::reply got = co_await std::move(asked);
        demand(got.status != 200 || got.body == right, "a body was wrong");
        ++(got.status == 200 ? outcomes.right : outcomes.failed);
    } catch (const std::system_error&) {
        ++outcomes.failed;
    }
}

inline void client_under_faults(sim::world& w) {
    const auto server = w.host("server");
    server.boot(demanding_http_server);
    const auto user = w.host("client").spawn([&w, server]() -> task<> {
        http::client client(demanding_options(2));
        const std::string origin = "http://" + server.ip();
        std::vector<greenlet<>> all;
        for (int i = 0; i < 6; ++i)
            all.push_back(spawn([&]() -> task<> {
                for (int j = 0; j < 3; ++j)
                    co_await ask_demanding(w, client, origin);
            }));
        for (const auto& each : all)
            co_await each.get();
        demand(client.in_use() == 0 && client.idle() <= 2, "a connection was lost or invented");
    });
    await(user.get());
    demand(w.elapsed() < patience, "somebody did not give up");
}

/// Whatever happens to line, server and power: the file is the right one, or it is not there.
inline void downloads_under_faults(sim::world& w) {
    const auto server = w.host("server"), user = w.host("client");
    server.boot(demanding_http_server);
    user.boot([server]() -> task<> {
        const std::string url = "http://" + server.ip() + "/file";
        for (;;) {
            try {
                http::client client(demanding_options(1));
                auto fetched = http::download(client, url, "/var/file");
                const http::downloaded done = co_await std::move(fetched);
                demand(done.size == 60'000, "a file has another length");
                ++outcomes.right;
                co_return;
            } catch (const std::system_error&) {
                ++outcomes.failed;
            }
            co_await sleep_for(1s);
        }
    });
    for (int i = 0; i < 4; ++i) {
        w.run_for(w.between(1ms, 3s));
        if (const auto found = user.read_file("/var/file"))
            demand(*found == pattern(60'000), "a file was not the right one");
        if (w.below(2) == 0) {
            (w.below(2) == 0 ? server : user).crash();
            w.run_for(w.between(0s, 1s));
            server.restart();
            user.restart();
        }
    }
    w.run_for(2min);
    if (const auto found = user.read_file("/var/file"))
        demand(*found == pattern(60'000), "a file was not the right one in the end");
}

}  // namespace story

// A reverse proxy: passes requests on to a server behind it and streams the answers back, at the speed of
// whoever reads. Nothing is held in memory but the piece that is under way.
//
//     ./reverse_proxy 8080 http://localhost:9000
//     ./reverse_proxy --demo

#include <ringlet/core/run.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

#include <array>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

using namespace ringlet;

/// What concerns one connection only (RFC 9110 section 7.6.1).
http::fields passed_on(const http::fields& from) {
    http::fields all;
    for (const auto [name, value] : from)
        all.add(name, value);
    for (const std::string_view own : {"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE",
                                       "Trailer", "Transfer-Encoding", "Upgrade", "Expect"})
        all.remove(own);
    for (const std::string_view list : from.get_all("connection"))
        for (std::string_view rest = list; !rest.empty();) {
            const auto comma = std::min(rest.find(','), rest.size());
            const auto name = rest.substr(0, comma);
            const auto first = name.find_first_not_of(" \t"), last = name.find_last_not_of(" \t");
            if (first != name.npos)
                all.remove(name.substr(first, last + 1 - first));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
    return all;
}

class proxy {
public:
    explicit proxy(std::string behind) : behind_(std::move(behind)), client_(options()) {}

    task<> pass_on(http::request& asked, http::response_writer& out) {
        int trouble = 0;
        try {
            http::incoming answer =
                co_await client_.open(std::string(asked.method()), url_of(asked), request_of(asked));
            co_await bring_back(answer, out);
        } catch (const http::request_error& e) {
            if (out.begun())
                throw;
            std::cerr << e.what() << '\n';
            trouble = e.timed_out() ? 504 : 502;
        }
        if (trouble != 0) {
            out.status(trouble).set("Content-Type", "text/plain");
            out.send("the server behind this one does not answer\n");
        }
    }

private:
    static http::client_options options() {
        http::client_options o;
        o.redirects = 0;  // are the business of whoever asked
        o.decompress = false;  // and so are codings
        o.cookies = nullptr;  // and cookies
        o.limits.body = UINT64_MAX;
        return o;
    }

    std::string url_of(const http::request& asked) const {
        std::string url = behind_ + std::string(asked.path());
        if (asked.target().find('?') != std::string_view::npos)
            url.append("?").append(asked.query());
        return url;
    }

    static http::request_options request_of(http::request& asked) {
        http::request_options o;
        o.fields = passed_on(asked.fields());
        o.fields.remove("Host");
        const std::string peer = asked.peer();
        o.fields.add("X-Forwarded-For", peer.substr(0, peer.rfind(':')));
        o.fields.add("X-Forwarded-Host", asked.get("host").value_or(""));
        const std::optional<std::uint64_t> length = asked.head().content_length();
        if (asked.head().chunked() || length.value_or(0) > 0) {
            o.fields.remove("Content-Length");
            const auto next = [&asked](std::span<std::byte> into) { return asked.read(into); };
            o.body = http::request_body::from(next, length);
        }
        return o;
    }

    static task<> bring_back(http::incoming& answer, http::response_writer& out) {
        out.status(answer.status(), answer.reason());
        const http::fields fields = passed_on(answer.fields());
        for (const auto [name, value] : fields)
            if (name != "Content-Length" && name != "content-length")
                out.fields().add(name, value);
        if (const auto length = answer.head().content_length())
            out.length(*length);
        std::array<std::byte, 16 * 1024> piece;
        while (const std::size_t count = co_await answer.read(piece))
            co_await out.write({reinterpret_cast<const char*>(piece.data()), count});
    }

    std::string behind_;
    http::client client_;
};

void add_proxy(http::server& server, proxy& p) {
    server.handle("/", [&p](http::request& asked, http::response_writer& out) { return p.pass_on(asked, out); });
}

task<> demo() {
    http::server_options generous;
    generous.limits.body = 100 << 20;
    http::server behind(generous), front(generous);
    behind.get("/hello", [](http::request& asked) -> task<http::response> {
        co_return "hello, " + std::string(asked.get("x-forwarded-for").value_or("nobody")) + "\n";
    });
    behind.get("/away", [](http::request&) -> task<http::response> {
        http::response r(302);
        r.fields.add("Location", "/hello");
        co_return r;
    });
    behind.post("/count", [](http::request& asked) -> task<http::response> {
        std::size_t bytes = 0;
        std::array<std::byte, 4096> piece;
        while (const std::size_t count = co_await asked.read(piece))
            bytes += count;
        co_return std::to_string(bytes) + " bytes\n";
    });
    proxy passing("http://" + behind.start(net::address::loopback(0)).to_string());
    add_proxy(front, passing);
    const std::string url = "http://" + front.start(net::address::loopback(0)).to_string();

    http::client client;
    http::request_options unfollowed;
    unfollowed.redirects = 0;
    std::cout << (co_await client.get(url + "/hello")).body;
    std::cout << (co_await client.get(url + "/away", unfollowed)).status << '\n';
    std::cout << (co_await client.get(url + "/nowhere")).body;
    std::cout << (co_await client.post(url + "/count", std::string(10 << 20, 'x'))).body;
    co_await behind.stop(0s);
    std::cout << (co_await client.get(url + "/hello")).status << '\n';
    co_await front.stop(0s);
}

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "--demo") {
        run(&demo);
        return 0;
    }
    if (argc != 3) {
        std::cerr << "usage: reverse_proxy PORT URL | reverse_proxy --demo\n";
        return 2;
    }
    run([&]() -> task<> {
        http::server server;
        proxy passing(argv[2]);
        add_proxy(server, passing);
        co_await server.serve_forever(
            net::listen(net::address::ip4_any(static_cast<std::uint16_t>(std::atoi(argv[1])))));
    });
}

// A server that speaks HTTP/2 only: in the clear to those who know it beforehand, or by TLS.
//
//     ./http2_server PORT              curl --http2-prior-knowledge http://127.0.0.1:PORT/
//     ./http2_server PORT CHAIN KEY    curl --http2 --cacert CA https://localhost:PORT/
//
// GET /BYTES gives so many bytes; whatever is sent comes back.

#include <ringlet/core/run.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/net/http2.hpp>
#include <ringlet/net/tls.hpp>

#include <algorithm>
#include <iostream>
#include <optional>

using namespace ringlet;

task<http::response> answer(http2::incoming& asked) {
    const std::string_view target = asked.target();
    if (asked.method() == "GET" || asked.method() == "HEAD") {
        const bool number = target.size() > 1 && target.size() < 9 &&
                            std::ranges::all_of(target.substr(1), [](char c) { return c >= '0' && c <= '9'; });
        co_return number ? http::response(std::string(std::stoul(std::string(target.substr(1))), 'x'))
                         : http::response("hello\n");
    }
    co_return http::response(co_await asked.read_all());
}

task<> serve_one(net::tcp_stream below, std::optional<tls::context> with) {
    try {
        if (!with) {
            co_await http2::serve(std::move(below), answer);
            co_return;
        }
        tls::stream s = co_await tls::accept(std::move(below), *with);
        if (s.alpn() != "h2")
            co_return;  // a client that did not ask
        co_await http2::serve(std::move(s), answer);
    } catch (const std::system_error& e) {
        std::cerr << e.what() << '\n';
    }
}

int main(int argc, char** argv) {
    if (argc != 2 && argc != 4) {
        std::cerr << "give me a port, and perhaps a certificate and its key\n";
        return 2;
    }
    std::optional<tls::context> with;
    if (argc == 4)
        with.emplace(tls::server_options(tls::identity::files(argv[2], argv[3])).alpn({"h2"}));
    const auto port = static_cast<std::uint16_t>(std::stoi(argv[1]));
    run([&]() -> task<> {
        auto listener = net::listen(net::address::loopback(port));
        std::cout << "listening on " << listener.local_address().to_string() << std::endl;
        for (;;) {
            net::tcp_stream below = co_await listener.accept();
            spawn(serve_one, std::move(below), with);
        }
    });
}

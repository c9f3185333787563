// A server that speaks HTTP/2 and HTTP/1.1, as its clients like: in the clear to those who know it
// beforehand, or by TLS, where both agree on it.
//
//     ./http2_server PORT              curl --http2-prior-knowledge http://127.0.0.1:PORT/
//     ./http2_server PORT CHAIN KEY    curl --cacert CA https://localhost:PORT/
//
// GET /BYTES gives so many bytes; whatever is posted comes back, piece by piece.

#include <ringlet/core/run.hpp>
#include <ringlet/net/http_server.hpp>
#include <ringlet/net/http_server_tls.hpp>
#include <ringlet/net/tls.hpp>

#include <iostream>

using namespace ringlet;

task<http::response> hello(http::request&) { co_return "hello\n"; }

task<http::response> many_bytes(http::request& asked) {
    const std::string count = asked.parameter("bytes");
    const bool number = count.size() < 9 && count.find_first_not_of("0123456789") == count.npos;
    co_return number ? http::response(std::string(std::stoul(count), 'x'))
                     : http::response(404, "a number, please\n");
}

task<> echo(http::request& asked, http::response_writer& out) {
    std::byte buffer[16 * 1024];
    while (const std::size_t count = co_await asked.read(buffer))
        co_await out.write(std::string_view(reinterpret_cast<const char*>(buffer), count));
}

int main(int argc, char** argv) {
    if (argc != 2 && argc != 4) {
        std::cerr << "give me a port, and perhaps a certificate and its key\n";
        return 2;
    }
    http::connection_wrapper secure;
    if (argc == 4)
        secure = http::over_tls(tls::context(tls::server_options(tls::identity::files(argv[2], argv[3]))));
    const auto port = static_cast<std::uint16_t>(std::stoi(argv[1]));
    run([&]() -> task<> {
        http::server_options options;
        options.http2_in_clear = true;
        options.limits.body = 1 << 30;
        http::server server(options);
        server.get("/", &hello);
        server.get("/{bytes}", &many_bytes);
        server.post("/", &echo);
        auto listener = net::listen(net::address::loopback(port));
        std::cout << "listening on " << listener.local_address().to_string() << std::endl;
        co_await server.serve_forever(std::move(listener), secure);
    });
}

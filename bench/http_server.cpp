// A web server as a user of ringlet would write it, for HTTP/1.1 and HTTP/2: two pages, each request really
// parsed and routed, each answer with a Date. --fibers answers "/" from a plain function that may block.
// --tls FOLDER: with the cert.pem and key.pem that are in it.

#include <ringlet/core/run.hpp>
#include <ringlet/net/http_server_tls.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace ringlet;

task<> hello(http::request&, http::response_writer& out) {
    out.set("Content-Type", "text/plain");
    out.send("Hello, World!");
    co_return;
}

http::response hello_on_fiber(http::request&) { return "Hello, World!"; }

task<http::response> echo(http::request& asked) { co_return co_await asked.read_all(); }

int main(int argc, char** argv) {
    unsigned long port = 0;
    bool fibers = false;
    std::string folder;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--port" && i + 1 < argc)
            port = std::strtoul(argv[++i], nullptr, 10);
        else if (argument == "--fibers")
            fibers = true;
        else if (argument == "--tls" && i + 1 < argc)
            folder = argv[++i];
        else if (argument == "--threads" && i + 1 < argc && std::string_view(argv[i + 1]) == "1")
            ++i;
        else {
            std::fprintf(stderr, "usage: http_server [--port P] [--fibers] [--tls FOLDER] [--threads 1]\n");
            return 2;
        }
    }
    run([port, fibers, folder]() -> task<> {
        http::server_options options;
        options.connections = 100'000;  // more than any load here has
        options.idle = 1h;  // between two turns
        options.http2_in_clear = true;
        http::server server(options);
        if (fibers)
            server.handle("/", &hello_on_fiber);
        else
            server.handle("/", &hello);
        server.handle("/echo", &echo);
        auto listener = net::listen(net::address::loopback(static_cast<std::uint16_t>(port)));
        std::printf("listening on %s\n", listener.local_address().to_string().c_str());
        std::fflush(stdout);
        if (folder.empty()) {
            co_await server.serve(std::move(listener));
        } else {
            const auto who = tls::identity::files(folder + "/cert.pem", folder + "/key.pem");
            co_await server.serve(std::move(listener), http::over_tls(tls::context(tls::server_options(who))));
        }
    });
}

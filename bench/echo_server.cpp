// An echo server as a user of ringlet would write it: one greenlet a connection, read, write, repeat.
// --fibers runs the same on stacks. bench/raw has the loops it is measured against.

#include <ringlet/core/run.hpp>
#include <ringlet/net/tcp.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace ringlet;

constexpr std::size_t buffer_size = 16 * 1024;

task<> serve(net::tcp_stream peer) {
    std::vector<std::byte> buffer(buffer_size);
    for (;;) {
        const auto got = co_await as_result(peer.read(buffer));
        if (!got || *got == 0)
            co_return;
        if (!co_await as_result(peer.write_all(std::span(buffer).first(*got))))
            co_return;
    }
}

void serve_on_fiber(net::tcp_stream peer) {
    std::vector<std::byte> buffer(buffer_size);
    for (;;) {
        const auto got = await(as_result(peer.read(buffer)));
        if (!got || *got == 0)
            return;
        if (!await(as_result(peer.write_all(std::span(buffer).first(*got)))))
            return;
    }
}

int main(int argc, char** argv) {
    unsigned long port = 0;
    bool fibers = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--port" && i + 1 < argc)
            port = std::strtoul(argv[++i], nullptr, 10);
        else if (argument == "--fibers")
            fibers = true;
        else if (argument == "--threads" && i + 1 < argc && std::string_view(argv[i + 1]) == "1")
            ++i;
        else {
            std::fprintf(stderr, "usage: echo_server [--port P] [--fibers] [--threads 1]\n");
            return 2;
        }
    }
    run([port, fibers]() -> task<> {
        auto listener = net::listen(net::address::loopback(static_cast<std::uint16_t>(port)));
        std::printf("listening on %s\n", listener.local_address().to_string().c_str());
        std::fflush(stdout);
        for (;;) {
            net::tcp_stream peer = co_await listener.accept();
            if (fibers)
                spawn(serve_on_fiber, std::move(peer));
            else
                spawn(serve, std::move(peer));
        }
    });
}

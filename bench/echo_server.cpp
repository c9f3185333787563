// An echo server as a user of ringlet would write it: one greenlet a connection, read, write, repeat.
// --fibers runs the same on stacks, --threads N on N loops that share the port. bench/raw has the loops it
// is measured against.

#include <ringlet/core/cores.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/net/tcp.hpp>

#include <cstdio>
#include <cstdlib>
#include <future>
#include <string_view>

using namespace ringlet;

task<> serve(net::tcp_stream peer) {
    for (;;) {
        const auto got = co_await as_result(peer.receive());
        if (!got || got->empty() || !co_await as_result(peer.write_all(got->bytes())))
            co_return;
    }
}

void serve_on_fiber(net::tcp_stream peer) {
    for (;;) {
        const auto got = await(as_result(peer.receive()));
        if (!got || got->empty() || !await(as_result(peer.write_all(got->bytes()))))
            return;
    }
}

task<> accept_all(net::tcp_listener listener, bool fibers) {
    for (;;) {
        net::tcp_stream peer = co_await listener.accept();
        if (fibers)
            spawn(serve_on_fiber, std::move(peer));
        else
            spawn(serve, std::move(peer));
    }
}

net::tcp_listener listen(std::uint16_t port, bool shared) {
    return net::listen(net::address::loopback(port), net::listen_options().reuse_port(shared));
}

void announce(const net::tcp_listener& listener) {
    std::printf("listening on %s\n", listener.local_address().to_string().c_str());
    std::fflush(stdout);
}

// The first loop takes a port, the others join it there.
void serve_on_cores(std::uint16_t port, std::size_t threads, bool fibers) {
    std::promise<std::uint16_t> chosen;
    std::shared_future<std::uint16_t> joined = chosen.get_future().share();
    run_on_each_core(cores_options().count(threads), [&](std::size_t index) -> task<> {
        auto listener = listen(index == 0 ? port : joined.get(), true);
        if (index == 0) {
            chosen.set_value(listener.local_address().port());
            announce(listener);
        }
        co_await accept_all(std::move(listener), fibers);
    });
}

int main(int argc, char** argv) {
    std::uint16_t port = 0;
    std::size_t threads = 1;
    bool fibers = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--port" && i + 1 < argc)
            port = static_cast<std::uint16_t>(std::strtoul(argv[++i], nullptr, 10));
        else if (argument == "--fibers")
            fibers = true;
        else if (argument == "--threads" && i + 1 < argc)
            threads = std::strtoul(argv[++i], nullptr, 10);
        else {
            std::fprintf(stderr, "usage: echo_server [--port P] [--fibers] [--threads N]\n");
            return 2;
        }
    }
    if (threads > 1)
        return serve_on_cores(port, threads, fibers), 0;
    run([port, fibers]() -> task<> {
        auto listener = listen(port, false);
        announce(listener);
        co_await accept_all(std::move(listener), fibers);
    });
}

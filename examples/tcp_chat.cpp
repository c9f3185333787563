// A chat over plain TCP: the first line is a name, every other goes to all the rest. Who reads too slowly
// is dropped, so that nobody waits for them.
//
//     ./tcp_chat 4000      and then, in other terminals: nc localhost 4000
//     ./tcp_chat --demo

#include <ringlet/core/queue.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/io/buffered.hpp>
#include <ringlet/net/tcp.hpp>

#include <cstdlib>
#include <iostream>
#include <list>
#include <string>
#include <string_view>

using namespace ringlet;

class room {
public:
    task<> visit(net::tcp_stream stream) {
        io::buffered input(std::move(stream));
        const std::optional<std::string> name = co_await input.read_line(40);
        if (!name || name->empty())
            co_return;
        const auto place = members_.emplace(members_.end());
        tell_others(&*place, "* " + *name + " comes in");
        const auto writing = spawn([&] { return write(place->lines, input.stream()); });
        try {
            while (const std::optional<std::string> line = co_await input.read_line(1000))
                tell_others(&*place, *name + ": " + *line);
        } catch (const std::system_error&) {
            // gone, or dropped for being slow
        }
        place->lines.close();
        co_await writing.join();
        members_.erase(place);
        tell_others(nullptr, "* " + *name + " leaves");
    }

private:
    struct member {
        queue<std::string> lines{100};
    };

    static task<> write(queue<std::string>& lines, net::tcp_stream& to) {
        try {
            while (std::optional<std::string> line = co_await lines.next()) {
                *line += '\n';
                co_await to.write_all(io::bytes_of(*line));
            }
        } catch (const std::system_error&) {}
        to.close();  // whoever reads from it hears of it
    }

    void tell_others(const member* from, const std::string& line) {
        for (member& each : members_)
            if (&each != from && !each.lines.closed() && !each.lines.try_put(std::string(line)))
                each.lines.close();
    }

    std::list<member> members_;
};

task<> serve(net::tcp_listener listener) {
    room all;
    for (;;) {
        net::tcp_stream stream = co_await listener.accept();
        spawn([&all](net::tcp_stream s) { return all.visit(std::move(s)); }, std::move(stream));
    }
}

task<> demo() {
    auto listener = net::listen(net::address::loopback(0));
    const net::address where = listener.local_address();
    const greenlet<> serving = spawn(&serve, std::move(listener));
    io::buffered ada(co_await net::tcp_stream::connect(where));
    co_await ada.stream().write_all(io::bytes_of("ada\n"));
    io::buffered bob(co_await net::tcp_stream::connect(where));
    co_await bob.stream().write_all(io::bytes_of("bob\nhello\n"));
    for (int i = 0; i < 2; ++i)
        std::cout << "ada reads: " << *co_await ada.read_line() << '\n';
    co_await ada.stream().write_all(io::bytes_of("hi, bob\n"));
    std::cout << "bob reads: " << *co_await bob.read_line() << '\n';
    bob.stream().close();
    std::cout << "ada reads: " << *co_await ada.read_line() << '\n';
}

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "--demo") {
        run(&demo);
        return 0;
    }
    run([&]() -> task<> {
        const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 4000);
        co_await serve(net::listen(net::address::ip4_any(port)));
    });
}

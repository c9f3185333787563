// An encrypted connection by hand: what is typed is sent, what comes is printed.
//
//     ./tls_talk HOST PORT [--ca FILE] [--alpn NAME] [--1.2] [--times N]
//     ./tls_talk --listen PORT CHAIN KEY [--clients CA] [--alpn NAME]
//
// The second form echoes what each client sends, in upper case. Both say on stderr what was agreed on.

#include <ringlet/core/run.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/net/tls.hpp>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

using namespace ringlet;

class arguments {
public:
    arguments(int argc, char** argv) {
        const std::vector<std::string> all(argv + 1, argv + argc);
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (!all[i].starts_with("--"))
                plain.push_back(all[i]);
            else if (all[i] == "--listen" || all[i] == "--1.2" || i + 1 == all.size())
                options[all[i]] = "yes";
            else
                options[all[i]] = all[i + 1], ++i;
        }
    }
    const std::string* find(const std::string& name) const {
        const auto at = options.find(name);
        return at == options.end() ? nullptr : &at->second;
    }
    std::vector<std::string> plain;
    std::map<std::string, std::string> options;
};

void describe(const tls::stream& s) {
    std::cerr << s.version() << ' ' << s.cipher() << (s.resumed() ? " resumed" : "");
    if (!s.alpn().empty())
        std::cerr << " alpn " << s.alpn();
    if (!s.peer_subject().empty())
        std::cerr << " with " << s.peer_subject();
    std::cerr << std::endl;
}

task<std::string> read_all(tls::stream& s) {
    std::string all;
    std::vector<std::byte> buffer(16 * 1024);
    while (const std::size_t count = co_await s.read(buffer))
        all.append(reinterpret_cast<const char*>(buffer.data()), count);
    co_return all;
}

task<> talk(std::string host, std::uint16_t port, tls::context with, std::string text) {
    tls::stream s = co_await tls::connect(host, port, with);
    describe(s);
    co_await s.write_all(io::bytes_of(text));
    co_await s.shutdown();
    std::cout << co_await read_all(s) << std::flush;
}

task<> echo(net::tcp_stream below, tls::context with) {
    try {
        tls::stream s = co_await tls::accept(std::move(below), with);
        describe(s);
        std::string text(16 * 1024, '\0');
        while (const std::size_t count = co_await s.read(std::as_writable_bytes(std::span(text)))) {
            const auto end = text.begin() + static_cast<std::ptrdiff_t>(count);
            std::transform(text.begin(), end, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
            co_await s.write_all(io::bytes_of(std::string_view(text).substr(0, count)));
        }
        co_await s.shutdown();
    } catch (const std::system_error& e) {
        std::cerr << e.what() << std::endl;
    }
}

task<> serve(std::uint16_t port, tls::context with) {
    auto listener = net::listen(net::address::loopback(port));
    std::cout << "listening on " << listener.local_address().to_string() << std::endl;
    for (;;) {
        net::tcp_stream below = co_await listener.accept();
        spawn(echo, std::move(below), with);
    }
}

std::string contents(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

template <class Options>
Options& add_common(Options& options, const arguments& given) {
    if (const std::string* name = given.find("--alpn"))
        options.alpn(std::vector<std::string>(1, *name));
    if (given.find("--1.2") != nullptr)
        options.max_version(tls::version::tls1_2);
    return options;
}

int main(int argc, char** argv) {
    const arguments given(argc, argv);
    const auto& plain = given.plain;
    try {
        if (given.find("--listen") != nullptr && plain.size() == 3) {
            tls::server_options options(tls::identity::files(plain[1], plain[2]));
            if (const std::string* ca = given.find("--clients"))
                options.clients(tls::client_certificate::required, contents(*ca));
            const tls::context with(add_common(options, given));
            run([&] { return serve(static_cast<std::uint16_t>(std::stoi(plain[0])), with); });
        }
        if (plain.size() != 2)
            throw std::runtime_error("give me a host and a port");
        tls::client_options options;
        if (const std::string* ca = given.find("--ca"))
            options.ca_file(*ca);
        const tls::context with(add_common(options, given));
        const std::string text(std::istreambuf_iterator<char>(std::cin), {});
        const std::string* times = given.find("--times");
        run([&]() -> task<> {
            for (int i = 0; i < (times != nullptr ? std::stoi(*times) : 1); ++i)
                co_await talk(plain[0], static_cast<std::uint16_t>(std::stoi(plain[1])), with, text);
        });
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return 1;
    }
}

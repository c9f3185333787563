// Serves a folder on every core: one loop, one listener and one server each, which share the port
// (SO_REUSEPORT) and nothing else. SIGTERM ends all of them gently.
//
//     ./file_server FOLDER [PORT]
//     ./file_server --demo

#include <ringlet/core/cores.hpp>
#include <ringlet/core/shared.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_files.hpp>
#include <ringlet/net/http_server.hpp>

#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <latch>
#include <string>
#include <string_view>

using namespace ringlet;

/// What is done with the server once it is there, on the first core.
using visitor = std::function<task<>(std::string url)>;

void serve_everywhere(const std::string& folder, net::address where, const cores_options& cores,
                      const visitor& visit) {
    std::latch port_is_known(1);
    shared_event stopping;
    const net::listen_options together = net::listen_options().reuse_port();
    run_on_each_core(cores, [&](const core& self) -> task<> {
        http::server server;
        server.get("/{path...}", http::files(folder));
        if (self.index() == 0) {
            auto listener = net::listen(where, together);
            where = listener.local_address();
            port_is_known.count_down();
            const auto visiting = spawn([&] { return visit("http://" + where.to_string()); });
            co_await server.serve_forever(std::move(listener));
            stopping.set();
        } else {
            port_is_known.wait();  // holds up a loop that has nothing else to do yet
            server.start(where, together);
            co_await stopping.wait();
            co_await server.stop();
        }
    });
}

task<> look_around(std::string url) {
    for (int i = 0; i < 10; ++i) {  // a new connection each: any of the cores may answer
        http::client client;
        const http::reply page = co_await client.get(url + "/");
        if (i == 0)
            std::cout << page.body << '\n';
    }
    http::request_options part;
    part.fields.set("Range", "bytes=0-4");
    http::client client;
    const http::reply some = co_await client.get(url + "/index.html", part);
    std::cout << some.status << ' ' << some.body << '\n';
    std::cout << (co_await client.get(url + "/%2e%2e/secret")).status << '\n';
    client.close_idle();
    ::raise(SIGTERM);
}

task<> say_where(std::string url) {
    std::cout << "listening on " << url << std::endl;
    co_return;
}

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "--demo") {
        std::string folder = (std::filesystem::temp_directory_path() / "file_server-XXXXXX").string();
        if (::mkdtemp(folder.data()) == nullptr)
            return 1;
        std::ofstream(folder + "/index.html") << "hello from a folder";
        serve_everywhere(folder, net::address::loopback(0), cores_options().count(2), &look_around);
        std::filesystem::remove_all(folder);
        std::cout << "all have stopped\n";
    } else if (argc > 1) {
        const auto port = static_cast<std::uint16_t>(argc > 2 ? std::atoi(argv[2]) : 8080);
        serve_everywhere(argv[1], net::address::ip4_any(port), cores_options(), &say_where);
    } else {
        std::cerr << "usage: file_server FOLDER [PORT] | file_server --demo\n";
        return 2;
    }
}

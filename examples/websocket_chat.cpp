// A chat in the browser: a page, and a WebSocket over which everybody hears everybody.
//
//     ./websocket_chat 8080      then open http://localhost:8080/ twice
//     ./websocket_chat --demo    two programs talk instead
//     ./websocket_chat --call ws://localhost:8080/chat hello    says something and prints what is said then

#include <ringlet/core/queue.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>
#include <ringlet/net/websocket_client.hpp>
#include <ringlet/net/websocket_server.hpp>

#include <cstdlib>
#include <iostream>
#include <list>
#include <string>
#include <string_view>

using namespace ringlet;

constexpr const char* page = R"(<!DOCTYPE html>
<meta charset="utf-8"><title>chat</title>
<form id="form"><input id="line" autofocus autocomplete="off" placeholder="say something"></form>
<ul id="all"></ul>
<script>
const socket = new WebSocket(location.href.replace(/^http/, 'ws') + 'chat');
const show = text => {
    const item = document.createElement('li');
    item.textContent = text;
    document.getElementById('all').prepend(item);
};
socket.onopen = () => show('connected');
socket.onmessage = event => show(event.data);
socket.onclose = event => show('closed: ' + event.code);
document.getElementById('form').onsubmit = event => {
    event.preventDefault();
    const line = document.getElementById('line');
    if (line.value) socket.send(line.value);
    line.value = '';
};
</script>
)";

class room {
public:
    task<> visit(http::websocket& peer) {
        const auto place = members_.emplace(members_.end());
        const std::string name = "guest " + std::to_string(++guests_);
        tell_all(name + " comes in");
        const auto writing = spawn([&] { return write(place->lines, peer); });
        try {
            while (const std::optional<http::message> heard = co_await peer.receive())
                if (heard->text)
                    tell_all(name + ": " + heard->data);
        } catch (const std::system_error&) {
            // it left without a goodbye
        }
        place->lines.close();
        co_await writing.join();
        members_.erase(place);
        tell_all(name + " leaves");
    }

private:
    struct member {
        queue<std::string> lines{100};
    };

    static task<> write(queue<std::string>& lines, http::websocket& to) {
        try {
            while (const std::optional<std::string> line = co_await lines.next())
                co_await to.send(*line);
        } catch (const std::system_error&) {}
        co_await to.close();  // too slow, or gone
    }

    void tell_all(const std::string& line) {
        for (member& each : members_)
            if (!each.lines.closed() && !each.lines.try_put(std::string(line)))
                each.lines.close();
    }

    std::list<member> members_;
    int guests_ = 0;
};

void add_pages(http::server& server, room& all) {
    server.get("/", [](http::request&) -> task<http::response> {
        co_return http::response(200, page, "text/html; charset=utf-8");
    });
    const auto visit = [&all](http::websocket& peer, http::request&) { return all.visit(peer); };
    server.get("/chat", http::websockets(visit, http::websocket_options().compress()));
}

task<> demo() {
    http::server server;
    room all;
    add_pages(server, all);
    const std::string where = server.start(net::address::loopback(0)).to_string();
    std::cout << "the page has a script: " << std::boolalpha
              << ((co_await http::get("http://" + where + "/")).body.find("new WebSocket") != std::string::npos)
              << '\n';
    http::websocket ada = co_await http::connect_websocket("ws://" + where + "/chat");
    std::cout << "ada hears: " << (co_await ada.receive())->data << '\n';
    http::websocket bob = co_await http::connect_websocket("ws://" + where + "/chat");
    std::cout << "ada hears: " << (co_await ada.receive())->data << '\n';
    co_await bob.send("hello");
    std::cout << "ada hears: " << (co_await ada.receive())->data << '\n';
    co_await bob.close();
    std::cout << "ada hears: " << (co_await ada.receive())->data << '\n';
    const auto stopping = spawn([&] { return server.stop(5s); });
    while (co_await ada.receive()) {}
    std::cout << "ada is told: " << ada.peer_close_code() << '\n';
    { const http::websocket gone = std::move(ada); }
    std::cout << "cut: " << co_await stopping.get() << '\n';
}

task<> call(std::string url, std::string line) {
    auto calling = http::connect_websocket(std::move(url), http::websocket_options().compress());
    http::websocket peer = co_await std::move(calling);
    std::cout << (peer.compression() ? "compressed" : "not compressed") << '\n';
    co_await peer.send(line);
    if (const std::optional<http::message> heard = co_await peer.receive())
        std::cout << heard->data << '\n';
    co_await peer.close();
    std::cout << "closed: " << peer.peer_close_code() << '\n';
}

int main(int argc, char** argv) {
    if (argc > 3 && std::string_view(argv[1]) == "--call") {
        run([&] { return call(argv[2], argv[3]); });
        return 0;
    }
    if (argc > 1 && std::string_view(argv[1]) == "--demo") {
        run(&demo);
        return 0;
    }
    run([&]() -> task<> {
        http::server server;
        room all;
        add_pages(server, all);
        const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
        auto listener = net::listen(net::address::ip4_any(port));
        std::cout << "listening on http://" << listener.local_address().to_string() << std::endl;
        co_await server.serve_forever(std::move(listener));
    });
}

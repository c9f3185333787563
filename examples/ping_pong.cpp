// Two greenlets that pass a word to and fro over channels: the first program of the Stackless tutorial.

#include <ringlet/core/channel.hpp>
#include <ringlet/core/run.hpp>

#include <iostream>
#include <string>

using namespace ringlet;

channel<std::string> to_ping(prefer::getter), to_pong(prefer::getter);

task<> ping() {
    while (auto word = co_await to_ping.next()) {
        std::cout << "PING " << *word << '\n';
        co_await to_pong.put("from ping");
    }
    to_pong.close();
}

task<> pong() {
    for (int rounds = 3; auto word = co_await to_pong.next();) {
        std::cout << "PONG " << *word << '\n';
        if (--rounds == 0)
            break;
        co_await to_ping.put("from pong");
    }
    to_ping.close();
}

int main() {
    run([]() -> task<> {
        auto pinging = spawn(ping);
        auto ponging = spawn(pong);
        co_await to_ping.put("startup");
        co_await pinging.join();
        co_await ponging.join();
    });
}

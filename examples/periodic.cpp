// Tornado's periodic callback: a tick every second, until a later call stops it. A tick that takes longer than
// its second lets those fall away that were due meanwhile.

#include <ringlet/core/compat/tornado.hpp>
#include <ringlet/core/gevent.hpp>

#include <iostream>

using namespace ringlet;

int ticks = 0;

void tick() {
    std::cout << "tick " << ++ticks << std::endl;
    if (ticks == 2)
        gevent::sleep(2.5);  // holds up nobody but the ticks
}

int main() {
    tornado::PeriodicCallback every_second(tick, 1s);
    every_second.start();
    tornado::IOLoop::call_later(3s, [] { std::cout << "three seconds have passed" << std::endl; });
    tornado::IOLoop::call_later(6500ms, [&] {
        every_second.stop();
        std::cout << "stopped" << std::endl;
    });
    gevent::wait();
}

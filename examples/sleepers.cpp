// Four greenlets that sleep, each for itself, and a main program that waits for all of them.

#include <ringlet/core/gevent.hpp>

#include <iostream>

namespace gevent = ringlet::gevent;

void work(int number, int before, int after) {
    std::cout << number << " begins" << std::endl;
    gevent::sleep(before);
    std::cout << number << " slept " << before << " s" << std::endl;
    gevent::sleep(after);
    std::cout << number << " slept " << after << " s more" << std::endl;
}

int main() {
    gevent::joinall({
        gevent::spawn(work, 1, 1, 13),
        gevent::spawn(work, 2, 3, 9),
        gevent::spawn(work, 3, 5, 5),
        gevent::spawn(work, 4, 7, 1),
    });
}

// gevent's tutorial of Event and AsyncResult: one greenlet makes something, and those who wait for it go on.

#include <ringlet/core/gevent.hpp>

#include <iostream>

namespace gevent = ringlet::gevent;

gevent::Event ready;
gevent::AsyncResult<std::string> word;

void setter() {
    std::cout << "A: hey, wait for me, I have to do something" << std::endl;
    gevent::sleep(3);
    std::cout << "A: all right, I am done" << std::endl;
    word.set("hello");
    ready.set();
}

void waiter(int number) {
    std::cout << number << ": I will wait" << std::endl;
    ready.wait();
    std::cout << number << ": about time, and the word is " << word.get() << std::endl;
}

void impatient() {
    try {
        word.get(1);
    } catch (const gevent::Timeout& t) {
        std::cout << "not after " << t.str() << std::endl;
    }
}

int main() {
    gevent::joinall(
        {gevent::spawn(setter), gevent::spawn(waiter, 1), gevent::spawn(waiter, 2), gevent::spawn(impatient)});
}

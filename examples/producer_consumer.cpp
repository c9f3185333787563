// A producer, three consumers and a queue between them that knows when all work is done: the pattern of
// Python's multiprocessing and of gevent's JoinableQueue.

#include <ringlet/core/gevent.hpp>

#include <iostream>

namespace gevent = ringlet::gevent;

gevent::JoinableQueue<int> jobs(2);

void consume(std::string name) {
    for (int job : jobs) {
        std::cout << name << " works on " << job << std::endl;
        gevent::sleep(0.1 * job);
        std::cout << name << " has done " << job << std::endl;
        jobs.task_done();
    }
}

void produce() {
    for (int job = 1; job <= 6; ++job) {
        jobs.put(job);
        std::cout << "put " << job << std::endl;
    }
}

int main() {
    for (auto name : {"Ann", "Bob", "Cid"})
        gevent::spawn(consume, name);
    gevent::spawn(produce).join();
    jobs.join();
    std::cout << "all jobs are done" << std::endl;
}

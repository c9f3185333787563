// Results in the order in which they come, whatever the order of asking: concurrent.futures in Python.

#include <ringlet/core/arrivals.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>

#include <iostream>

using namespace ringlet;

task<std::string> load(std::string page, int seconds) {
    co_await sleep_for(std::chrono::seconds(seconds));
    if (seconds > 3)
        throw std::runtime_error(page + " is too big");
    co_return page + " took " + std::to_string(seconds) + " s";
}

int main() {
    run([]() -> task<> {
        std::vector<greenlet<std::string>> pages;
        for (int seconds : {3, 1, 4, 2})
            pages.push_back(spawn(load, "page " + std::to_string(pages.size() + 1), seconds));

        for (auto done = as_completed(pages); auto page = co_await done.next();)
            try {
                std::cout << co_await page->get() << '\n';
            } catch (const std::exception& e) {
                std::cout << "failed: " << e.what() << '\n';
            }
    });
}

// The gevent tutorial's concurrent fetch: all pages at once, each printed when it has come.

#include <ringlet/core/gevent.hpp>
#include <ringlet/net/requests.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace gevent = ringlet::gevent;
namespace requests = ringlet::requests;

void fetch(std::string url) {
    std::cout << "GET: " << url << std::endl;
    auto response = requests::get(url);
    std::cout << response.content.size() << " bytes received from " << url << std::endl;
}

int main(int argc, char** argv) {
    std::vector<gevent::Greenlet<>> jobs;
    for (const std::string& url : std::vector<std::string>(argv + 1, argv + argc))
        jobs.push_back(gevent::spawn(fetch, url));
    gevent::joinall(jobs);
}

// A crawler as a user of ringlet would write it: `--concurrency` greenlets that share a client and fetch
// one page after another. --fibers does the same in the blocking style.

#include "load/fetches.hpp"

#include <ringlet/core/join_all.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/net/http_client.hpp>

#include <vector>

using namespace ringlet;

namespace {

struct crawl {
    http::client& client;
    std::string url;
    std::size_t left;
    std::size_t bytes = 0;
};

task<> fetch_some(crawl& all) {
    while (all.left > 0) {
        --all.left;
        const http::response page = co_await all.client.get(all.url);
        all.bytes += page.body.size();
    }
}

void fetch_some_on_fiber(crawl& all) {
    while (all.left > 0) {
        --all.left;
        const http::response page = await(all.client.get(all.url));
        all.bytes += page.body.size();
    }
}

}  // namespace

int main(int argc, char** argv) {
    const load::crawl wanted = load::parse_crawl(argc, argv);
    run([&wanted] {
        http::client_options options;
        options.idle_per_origin = wanted.concurrency;
        options.idle_in_all = wanted.concurrency;
        options.idle = 1h;  // between two turns
        http::client client(options);
        load::at_each_turn([&](std::size_t fetches) {
            crawl all{client, wanted.url(), fetches};
            std::vector<greenlet<>> workers;
            for (std::size_t i = 0; i < wanted.concurrency; ++i)
                workers.push_back(wanted.fibers ? spawn(fetch_some_on_fiber, std::ref(all))
                                                : spawn(fetch_some, std::ref(all)));
            for (auto& each : workers)
                await(each.get());
            return all.bytes;
        });
    });
}

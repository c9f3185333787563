// The crawler of the gevent tutorial: many pages at once, on one thread, in code that reads as if it
// fetched one after the other. run_task() is the tutorial's own function, line by line; `--coroutines`
// does the same with tasks instead of fibers. Without urls it brings a server of its own, whose pages
// take a second each: eight of them together take one second, not eight.

#include <ringlet/core/await.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>
#include <ringlet/net/requests.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace ringlet;

namespace {

constexpr const char* usage =
    R"(usage: crawler [option...] [url...]

Fetches all urls at once. Without urls: eight pages of a server of its own.

  --coroutines   with coroutines instead of fibers
  -n COUNT       so many pages, over the urls in turn, with a line of progress
  -c COUNT       so many of them at the same time (1000)
  --timeout S    seconds to wait for a server (30)
  --delay S      seconds that the own server takes for a page (1)
)";

struct options {
    std::vector<std::string> urls;
    std::size_t pages = 0;
    std::size_t at_once = 1000;
    double timeout = 30;
    double delay = 1;
    bool coroutines = false;
    bool quiet = false;  // of single pages
};

struct counts {
    std::size_t done = 0, failed = 0;
};

// --- fetching ----------------------------------------------------------------------------------------

void run_task(std::size_t n, std::string url, const options& with, counts& so_far) {
    if (!with.quiet)
        std::printf("No%zu:%s request started...\n", n, url.c_str());
    try {
        auto response = requests::get(url, {.timeout = with.timeout});
        response.raise_for_status();
        if (!with.quiet)
            std::printf("No%zu:%s returned: length %zu\n", n, url.c_str(), response.content.size());
    } catch (const std::exception& e) {
        ++so_far.failed;
        std::printf("No%zu:%s\n", n, e.what());
    }
    ++so_far.done;
}

task<> run_task_as_coroutine(http::client& client, std::size_t n, std::string url, const options& with,
                             counts& so_far) {
    if (!with.quiet)
        std::printf("No%zu:%s request started...\n", n, url.c_str());
    try {
        const http::response response = co_await client.get(url);
        if (response.status >= 400)
            throw std::runtime_error("GET " + url + ": " + std::to_string(response.status) + " " + response.reason);
        if (!with.quiet)
            std::printf("No%zu:%s returned: length %zu\n", n, url.c_str(), response.body.size());
    } catch (const std::exception& e) {
        ++so_far.failed;
        std::printf("No%zu:%s\n", n, e.what());
    }
    ++so_far.done;
}

http::client_options for_many(const options& with) {
    http::client_options o;
    o.timeouts.connect = o.timeouts.first_byte = o.timeouts.between_bytes = seconds(with.timeout);
    o.idle_per_origin = o.idle_in_all = with.at_once;
    return o;
}

/// One greenlet for each url.
void crawl_each(const options& with, counts& so_far) {
    http::client client(for_many(with));
    std::vector<greenlet<>> greenlets;
    std::size_t n = 0;
    for (const std::string& url : with.urls) {
        ++n;
        if (with.coroutines)
            greenlets.push_back(
                spawn(run_task_as_coroutine, std::ref(client), n, url, std::cref(with), std::ref(so_far)));
        else
            greenlets.push_back(spawn(run_task, n, url, std::cref(with), std::ref(so_far)));
    }
    for (const auto& g : greenlets)
        await(g.join());
}

/// Back to the beginning of an emptied line, on a terminal.
const char* rewind() { return ::isatty(STDOUT_FILENO) != 0 ? "\r\x1b[K" : ""; }

/// Says from time to time how far it is: over and over in one line on a terminal, else in lines.
task<> show_progress(const options& with, const counts& so_far) {
    const bool terminal = ::isatty(STDOUT_FILENO) != 0;
    const time_point start = loop::current().fresh_now();
    for (;;) {
        co_await sleep_for(terminal ? 200ms : 1s);
        const double passed = std::chrono::duration<double>(loop::current().now() - start).count();
        const double rate = static_cast<double>(so_far.done) / passed;
        std::printf("%s%zu of %zu done, %zu failed, %.0f/s", rewind(), so_far.done, with.pages, so_far.failed, rate);
        if (rate > 0)
            std::printf(", %.0f s left", static_cast<double>(with.pages - so_far.done) / rate);
        if (!terminal)
            std::printf("\n");
        std::fflush(stdout);
    }
}

/// A number of greenlets, each of which fetches one page after the other.
void crawl_many(const options& with, counts& so_far) {
    http::client client(for_many(with));
    std::size_t next = 0;
    const auto work = [&] {
        while (next < with.pages) {
            const std::size_t n = ++next;
            run_task(n, with.urls[n % with.urls.size()], with, so_far);
        }
    };
    const auto work_as_coroutine = [&]() -> task<> {
        while (next < with.pages) {
            const std::size_t n = ++next;
            co_await run_task_as_coroutine(client, n, with.urls[n % with.urls.size()], with, so_far);
        }
    };
    std::vector<greenlet<>> greenlets;
    for (std::size_t i = 0; i < std::min(with.at_once, with.pages); ++i)
        greenlets.push_back(with.coroutines ? spawn(work_as_coroutine) : spawn(work));
    const auto progress = spawn(show_progress, std::cref(with), std::cref(so_far));
    for (const auto& g : greenlets)
        await(g.join());
    progress.kill();
    std::printf("%s%zu of %zu done, %zu failed\n", rewind(), so_far.done, with.pages, so_far.failed);
}

// --- a server to crawl -------------------------------------------------------------------------------

/// Eight sites, each with a page of another length, none of which hurries.
void add_sites(http::server& server, double delay) {
    for (std::size_t n = 1; n <= 8; ++n) {
        server.handle("/site" + std::to_string(n), [n, delay](http::request&) -> task<http::response> {
            co_await sleep_for(seconds(delay));
            co_return http::response(200, std::string(1000 * n, '.'), "text/html");
        });
    }
}

/// A connection needs a descriptor here and, with a server of our own, one there.
void raise_limit_of_descriptors(options& with, bool own_server) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t needed = with.at_once * (own_server ? 2 : 1) + 64;
    if (limit.rlim_cur >= needed)
        return;
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < needed) {
        with.at_once = (limit.rlim_cur - 64) / (own_server ? 2 : 1);
        std::fprintf(stderr,
                     "crawler: only %zu pages at once, because this process may open no more files (ulimit -n)\n",
                     with.at_once);
    }
}

// --- the command line --------------------------------------------------------------------------------

[[noreturn]] void stop(int status) {
    std::fputs(usage, status == 0 ? stdout : stderr);
    std::exit(status);
}

options read_arguments(int argc, char** argv) {
    options o;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const auto number = [&] {
            char* end = nullptr;
            const double value = i + 1 < argc ? std::strtod(argv[++i], &end) : -1;
            if (end == nullptr || *end != '\0' || !(value >= 0 && value <= 1e9))
                stop(2);
            return value;
        };
        if (argument == "--coroutines")
            o.coroutines = true;
        else if (argument == "-n")
            o.pages = static_cast<std::size_t>(number());
        else if (argument == "-c")
            o.at_once = std::max<std::size_t>(1, static_cast<std::size_t>(number()));
        else if (argument == "--timeout")
            o.timeout = number();
        else if (argument == "--delay")
            o.delay = number();
        else if (argument == "--help" || argument == "-h")
            stop(0);
        else if (argument.starts_with('-'))
            stop(2);
        else
            o.urls.emplace_back(argument);
    }
    return o;
}

int crawl(options with) {
    const bool own_server = with.urls.empty();
    if (with.pages > 0)
        raise_limit_of_descriptors(with, own_server);
    with.quiet = with.pages > 0;

    http::server server;
    if (own_server) {
        add_sites(server, with.delay);
        const std::string origin = "http://" + server.start(net::address::loopback(0)).to_string();
        for (std::size_t n = 1; n <= 8; ++n)
            with.urls.push_back(origin + "/site" + std::to_string(n));
    }

    counts so_far;
    const time_point start = hub().fresh_now();
    if (with.pages > 0)
        crawl_many(with, so_far);
    else
        crawl_each(with, so_far);
    const double took = std::chrono::duration<double>(hub().fresh_now() - start).count();
    std::printf("over, took %.2f s\n", took);
    return so_far.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    try {
        return crawl(read_arguments(argc, argv));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "crawler: %s\n", e.what());
        return 1;
    }
}

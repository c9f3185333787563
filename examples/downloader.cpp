// Downloads files with a progress bar, and goes on where a broken transfer left off:
//
//     downloader URL FILE
//
// Without arguments it shows that on a server of its own which breaks the first two transfers.

#include <ringlet/core/run.hpp>
#include <ringlet/net/http_download.hpp>
#include <ringlet/net/http_server.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <unistd.h>

using namespace ringlet;

namespace {

/// One line that grows; where nobody watches, one line for each quarter.
class progress_bar {
public:
    void show(const http::progress& now) {
        if (!now.total || *now.total == 0)
            return;
        const std::size_t percent = now.done * 100 / *now.total;
        if (::isatty(STDOUT_FILENO) != 0)
            std::printf("\r[%-50s] %3zu %%", std::string(percent / 2, '#').c_str(), percent);
        for (; percent >= next_ && ::isatty(STDOUT_FILENO) == 0; next_ += 25)
            std::printf("[%-20s] %3zu %%\n", std::string(next_ / 5, '#').c_str(), next_);
        std::fflush(stdout);
    }

private:
    std::size_t next_ = 25;
};

task<> fetch(std::string url, std::string path) {
    http::client client;
    progress_bar bar;
    http::download_options options;
    options.backoff = 10ms;
    options.on_progress = [&bar](const http::progress& now) { bar.show(now); };
    const http::downloaded done = co_await http::download(client, url, path, options);
    std::printf("%s: %zu bytes in %u attempts\n", path.c_str(), static_cast<std::size_t>(done.size), done.attempts);
}

/// Text that tells where it belongs.
std::string content(std::size_t size) {
    std::string text;
    while (text.size() < size)
        text += "line " + std::to_string(text.size()) + "\n";
    return text;
}

/// Sends what is asked for, but breaks off after a third of the file, twice.
http::handler unreliable(const std::string& text) {
    return http::make_handler(
        [&text, breaks = 2](http::request& asked, http::response_writer& out) mutable -> task<> {
            std::size_t from = 0;
            if (const auto range = asked.fields().get("range"))
                from = std::stoul(std::string(range->substr(std::string_view("bytes=").size())));
            if (from > 0) {
                out.status(206);
                out.set("Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(text.size() - 1) +
                                             "/" + std::to_string(text.size()));
            }
            out.set("ETag", "\"1\"");
            out.length(text.size() - from);
            const std::string_view rest = std::string_view(text).substr(from);
            if (breaks-- > 0) {
                co_await out.write(rest.substr(0, text.size() / 3));
                throw std::runtime_error("the line is broken");
            }
            co_await out.write(rest);
        });
}

task<> demo() {
    const std::string text = content(300'000);
    http::server server;
    server.handle("/", unreliable(text));
    const std::string url = "http://" + server.start(net::address::loopback(0)).to_string() + "/file";
    const std::string path = std::filesystem::temp_directory_path() / ("downloader-" + std::to_string(::getpid()));
    co_await fetch(url, path);
    std::ifstream file(path);
    const std::string got((std::istreambuf_iterator<char>(file)), {});
    std::puts(got == text ? "it is what was to be sent" : "it is something else");
    std::filesystem::remove(path);
    co_await server.stop();
}

}  // namespace

int main(int argc, char** argv) {
    set_report_sink([](std::string_view) {});  // the broken transfers of the demo are no news
    try {
        if (argc == 3)
            run([&] { return fetch(argv[1], argv[2]); });
        else
            run(demo);
    } catch (const std::exception& e) {
        std::printf("%s\n", e.what());
        return 1;
    }
}

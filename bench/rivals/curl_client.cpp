// A crawler on libcurl's multi interface, driven by curl_multi_poll as its manual shows it. Handles are
// used again, connections are kept by the multi handle.

#include "../load/fetches.hpp"

#include <curl/curl.h>

#include <vector>

namespace {

std::size_t keep(char* data, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

struct transfer {
    CURL* handle;
    std::string body;
};

class crawler {
public:
    explicit crawler(const load::crawl& wanted) : multi_(curl_multi_init()), transfers_(wanted.concurrency) {
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(wanted.concurrency));
        for (transfer& each : transfers_) {
            each.handle = curl_easy_init();
            curl_easy_setopt(each.handle, CURLOPT_URL, wanted.url().c_str());
            curl_easy_setopt(each.handle, CURLOPT_WRITEFUNCTION, keep);
            curl_easy_setopt(each.handle, CURLOPT_WRITEDATA, &each.body);
            curl_easy_setopt(each.handle, CURLOPT_PRIVATE, &each);
        }
    }

    std::size_t fetch(std::size_t times) {
        std::size_t started = 0, done = 0, bytes = 0;
        for (; started < std::min(times, transfers_.size()); ++started)
            curl_multi_add_handle(multi_, transfers_[started].handle);
        while (done < times) {
            int running = 0;
            curl_multi_perform(multi_, &running);
            int queued = 0;
            while (CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
                if (message->data.result != CURLE_OK)
                    throw std::runtime_error(curl_easy_strerror(message->data.result));
                transfer* over = nullptr;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &over);
                curl_multi_remove_handle(multi_, over->handle);
                bytes += over->body.size();
                over->body.clear();
                ++done;
                if (started < times) {
                    curl_multi_add_handle(multi_, over->handle);
                    ++started;
                }
            }
            if (done < times)
                curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
        }
        return bytes;
    }

private:
    CURLM* multi_;
    std::vector<transfer> transfers_;
};

}  // namespace

int main(int argc, char** argv) try {
    const load::crawl wanted = load::parse_crawl(argc, argv);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    crawler all(wanted);
    load::at_each_turn([&](std::size_t fetches) { return all.fetch(fetches); });
} catch (const std::exception& error) {
    std::fprintf(stderr, "curl_client: %s\n", error.what());
    return 1;
}

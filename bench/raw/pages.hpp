// The pages of the raw web server, ready to be sent, with a Date that is renewed in place.
#pragma once

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace raw {

inline constexpr std::size_t date_size = 29;

struct page {
    std::string answer;
    std::size_t date_at = 0;
    std::chrono::milliseconds wait{};
};

inline std::size_t number_at(std::string_view text, std::size_t at) {
    std::size_t number = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), number);
    return number;
}

class pages {
public:
    page& find(std::string_view request) {
        if (!request.starts_with("GET /"))
            throw std::runtime_error("not a GET: " + std::string(request.substr(0, 40)));
        const std::string path(request.substr(4, request.find(' ', 4) - 4));
        auto& slot = pages_[path];
        if (!slot)
            slot = make(path);
        return *slot;
    }

    // Once a second the date in all answers is written anew, in place.
    void keep_date() {
        const std::time_t now = std::time(nullptr);
        if (now == second_)
            return;
        second_ = now;
        std::tm parts{};
        ::gmtime_r(&now, &parts);
        std::strftime(date_.data(), date_.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        for (auto& [path, each] : pages_)
            each->answer.replace(each->date_at, date_size, date_.data(), date_size);
    }

private:
    std::unique_ptr<page> make(const std::string& path) {
        const std::string body = path == "/" ? "Hello, World!" : std::string(number_at(path, 1), 'x');
        auto made = std::make_unique<page>();
        made->answer =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\nDate: ";
        made->date_at = made->answer.size();
        made->answer += std::string(date_.data(), date_size) + "\r\n\r\n" + body;
        if (const std::size_t at = path.find("?wait="); at != std::string::npos)
            made->wait = std::chrono::milliseconds(number_at(path, at + 6));
        return made;
    }

    std::map<std::string, std::unique_ptr<page>> pages_;
    std::time_t second_ = 0;
    std::array<char, date_size + 1> date_{};
};

}  // namespace raw

// The yardstick of HTTP clients: connections on epoll, each of which asks, counts bytes until the answer
// is whole, and asks again. It parses the first answer only; the others are as long. With --keep each body
// becomes a string of its own, which is the least that a client does whose users get the bodies.

#include "../load/fetches.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

int must(ssize_t answer, const char* act) {
    if (answer < 0)
        throw std::system_error(errno, std::generic_category(), act);
    return static_cast<int>(answer);
}

class client {
public:
    explicit client(const load::crawl& wanted)
        : request_("GET " + wanted.page + " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: raw\r\nAccept: */*\r\n\r\n"),
          body_size_(std::stoul(wanted.page.substr(1))),
          keep_(wanted.keep),
          epoll_(must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
        for (std::size_t i = 0; i < wanted.concurrency; ++i)
            connect(wanted.port);
    }

    std::size_t fetch(std::size_t times) {
        std::size_t asked = 0;
        std::size_t whole = 0;
        for (; asked < std::min(times, fds_.size()); ++asked)
            ask(fds_[asked]);
        while (whole < times) {
            const int count =
                must(::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 10'000), "wait");
            if (count == 0)
                throw std::runtime_error("no answer for 10 s");
            for (int i = 0; i < count; ++i) {
                const int fd = events_[static_cast<std::size_t>(i)].data.fd;
                if (!receive(fd))
                    continue;
                ++whole;
                if (asked < times) {
                    ask(fd);
                    ++asked;
                }
            }
        }
        return whole * body_size_;
    }

private:
    void connect(std::uint16_t port) {
        const int fd = must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        const int on = 1;
        must(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        must(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), "connect");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        must(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
        fds_.push_back(fd);
        if (static_cast<std::size_t>(fd) >= received_.size())
            received_.resize(2 * static_cast<std::size_t>(fd) + 64);
    }

    void ask(int fd) {
        if (must(::send(fd, request_.data(), request_.size(), MSG_NOSIGNAL), "send") !=
            static_cast<int>(request_.size()))
            throw std::runtime_error("a request did not fit into an empty socket");
    }

    // True when an answer is whole.
    bool receive(int fd) {
        const int got = must(::recv(fd, buffer_.data(), buffer_.size(), 0), "receive");
        if (got == 0)
            throw std::runtime_error("the server closed a connection");
        if (answer_size_ == 0)
            learn(static_cast<std::size_t>(got));
        auto& [have, body] = received_[static_cast<std::size_t>(fd)];
        if (keep_)
            keep(body, have, {buffer_.data(), static_cast<std::size_t>(got)});
        have += static_cast<std::size_t>(got);
        if (have < answer_size_)
            return false;
        have = 0;
        body = {};
        return true;
    }

    void keep(std::string& body, std::size_t have, std::string_view bytes) const {
        const std::size_t head = answer_size_ - body_size_;
        if (have == 0)
            body.reserve(body_size_);
        body += bytes.substr(std::min(bytes.size(), head - std::min(head, have)));
    }

    void learn(std::size_t got) {
        const std::string_view head(buffer_.data(), got);
        const std::size_t end = head.find("\r\n\r\n");
        if (!head.starts_with("HTTP/1.1 200") || end == std::string_view::npos)
            throw std::runtime_error("not an answer: " + std::string(head.substr(0, 100)));
        answer_size_ = end + 4 + body_size_;
    }

    std::string request_;
    std::size_t body_size_;
    bool keep_;
    int epoll_;
    std::size_t answer_size_ = 0;
    std::vector<int> fds_;
    std::vector<std::pair<std::size_t, std::string>> received_;  // By descriptor: of the answer that arrives.
    std::array<epoll_event, 1024> events_{};
    std::array<char, 64 * 1024> buffer_{};
};

}  // namespace

int main(int argc, char** argv) try {
    client all(load::parse_crawl(argc, argv));
    load::at_each_turn([&](std::size_t fetches) { return all.fetch(fetches); });
} catch (const std::exception& error) {
    std::fprintf(stderr, "epoll_http_client: %s\n", error.what());
    return 1;
}

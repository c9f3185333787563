// The yardstick of HTTP clients: connections on epoll, each of which asks, counts bytes until the answer
// is whole, and asks again. It parses the first answer only; the others are as long. With --keep each body
// becomes a string of its own, which is the least that a client does whose users get the bodies. With --parse
// llhttp reads each answer, and users get its status, fields and body: what a client can be at best that knows
// nothing of pools, time limits, redirects and cookies.

#include "../load/fetches.hpp"

#include <llhttp.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
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

// One answer as users of a client get it: the names and values of its fields in one text, and its body.
struct answer {
    int status = 0;
    std::string text;
    std::vector<std::pair<std::size_t, std::size_t>> fields;  // where the name ends in it, and the value
    std::string body;
    bool whole = false;
};

class parser {
public:
    parser() {
        llhttp_init(&machine_, HTTP_RESPONSE, &settings());
        machine_.data = this;
    }
    parser(const parser&) = delete;
    parser& operator=(const parser&) = delete;

    // True when an answer is whole.
    bool feed(std::string_view bytes) {
        if (llhttp_execute(&machine_, bytes.data(), bytes.size()) != HPE_OK)
            throw std::runtime_error(std::string("not an answer: ") + llhttp_get_error_reason(&machine_));
        return now_.whole;
    }
    answer take() { return std::exchange(now_, {}); }

private:
    static answer& of(llhttp_t* machine) { return static_cast<parser*>(machine->data)->now_; }
    static const llhttp_settings_t& settings() {
        static const llhttp_settings_t all = [] {
            llhttp_settings_t s;
            llhttp_settings_init(&s);
            const auto text = [](llhttp_t* machine, const char* at, std::size_t size) {
                of(machine).text.append(at, size);
                return 0;
            };
            s.on_header_field = text;
            s.on_header_value = text;
            s.on_header_field_complete = [](llhttp_t* machine) {
                of(machine).fields.emplace_back(of(machine).text.size(), 0);
                return 0;
            };
            s.on_header_value_complete = [](llhttp_t* machine) {
                of(machine).fields.back().second = of(machine).text.size();
                return 0;
            };
            s.on_headers_complete = [](llhttp_t* machine) {
                of(machine).status = machine->status_code;
                of(machine).body.reserve(machine->content_length);
                return 0;
            };
            s.on_body = [](llhttp_t* machine, const char* at, std::size_t size) {
                of(machine).body.append(at, size);
                return 0;
            };
            s.on_message_complete = [](llhttp_t* machine) {
                of(machine).whole = true;
                return 0;
            };
            return s;
        }();
        return all;
    }

    llhttp_t machine_{};
    answer now_;
};

class client {
public:
    explicit client(const load::crawl& wanted)
        : request_("GET " + wanted.page + " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: raw\r\nAccept: */*\r\n\r\n"),
          body_size_(std::stoul(wanted.page.substr(1))),
          keep_(wanted.keep),
          parse_(wanted.parse),
          epoll_(must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
        for (std::size_t i = 0; i < wanted.concurrency; ++i)
            connect(wanted.port);
    }

    std::size_t fetch(std::size_t times) {
        std::size_t asked = 0;
        std::size_t whole = 0;
        bytes_ = 0;
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
        return bytes_;
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
        if (parse_) {
            parsers_.resize(received_.size());
            parsers_[static_cast<std::size_t>(fd)] = std::make_unique<parser>();
        }
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
        if (parse_)
            return parsed(*parsers_[static_cast<std::size_t>(fd)], {buffer_.data(), static_cast<std::size_t>(got)});
        if (answer_size_ == 0)
            learn(static_cast<std::size_t>(got));
        auto& [have, body] = received_[static_cast<std::size_t>(fd)];
        if (keep_)
            keep(body, have, {buffer_.data(), static_cast<std::size_t>(got)});
        have += static_cast<std::size_t>(got);
        if (have < answer_size_)
            return false;
        have = 0;
        const std::string given = std::move(body);  // and freed by whoever got it
        bytes_ += body_size_;
        return true;
    }

    bool parsed(parser& by, std::string_view bytes) {
        if (!by.feed(bytes))
            return false;
        const answer page = by.take();
        if (page.status != 200)
            throw std::runtime_error("answered with " + std::to_string(page.status));
        bytes_ += page.body.size();
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
    bool parse_;
    int epoll_;
    std::size_t answer_size_ = 0;
    std::size_t bytes_ = 0;
    std::vector<int> fds_;
    std::vector<std::pair<std::size_t, std::string>> received_;  // By descriptor: of the answer that arrives.
    std::vector<std::unique_ptr<parser>> parsers_;  // By descriptor, too.
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

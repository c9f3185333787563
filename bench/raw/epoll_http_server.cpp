// A web server that parses nothing: the yardstick of HTTP hello, and the one whose pages the clients
// fetch. All requests of a connection must be alike. The first one says what is asked for and how long
// they are; of the others only the length and the last bytes are looked at.
//
//   /             Hello, World!
//   /N            N bytes
//   /N?wait=MS    N bytes, that many milliseconds later

#include "pages.hpp"
#include "server.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using clock = std::chrono::steady_clock;

struct connection {
    raw::page* what = nullptr;  // Null until the first request is whole.
    std::size_t request_size = 0;
    std::string first;  // The first request as it arrives.
    std::size_t unanswered = 0;  // Bytes of a request whose rest is to come.
    std::string unsent;
    std::uint64_t id = 0;  // Tells a late answer that its descriptor has another owner now.
};

class http_server {
public:
    http_server(int listener, int stop_fd)
        : listener_(listener), stop_fd_(stop_fd), epoll_(raw::must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
        watch(EPOLL_CTL_ADD, stop_fd_, EPOLLIN);
    }

    void run() {
        while (!stopped_) {
            const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), patience());
            pages_.keep_date();
            for (int i = 0; i < count; ++i)
                take(events_[static_cast<std::size_t>(i)]);
            answer_late_ones();
        }
    }

private:
    void take(const epoll_event& event) {
        const int fd = event.data.fd;
        if (fd == listener_)
            accept_all();
        else if (fd == stop_fd_)
            stopped_ = true;
        else if (event.events & EPOLLOUT)
            flush(fd);
        else
            receive(fd);
    }

    void accept_all() {
        for (;;) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0)
                return;
            if (static_cast<std::size_t>(fd) >= connections_.size())
                connections_.resize(2 * static_cast<std::size_t>(fd) + 64);
            at(fd).id = ++accepted_;
            watch(EPOLL_CTL_ADD, fd, EPOLLIN);
        }
    }

    void receive(int fd) {
        const ssize_t got = ::read(fd, buffer_.data(), buffer_.size());
        if (got <= 0) {
            if (got == 0 || errno != EAGAIN)
                close(fd);
            return;
        }
        const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
        connection& peer = at(fd);
        peer.unanswered += bytes.size();
        if (peer.what == nullptr && !learn(peer, bytes))
            return;
        const std::size_t requests = peer.unanswered / peer.request_size;
        peer.unanswered %= peer.request_size;
        if (peer.unanswered == 0 && !bytes.ends_with('\n'))
            throw std::runtime_error("the requests of a connection were not alike");
        if (peer.what->wait.count() > 0)
            late_.emplace(clock::now() + peer.what->wait, late_answer{fd, peer.id, requests});
        else
            answer(fd, peer, requests);
    }

    // The first request ends in an empty line; what comes after it is the second.
    bool learn(connection& peer, std::string_view bytes) {
        peer.first += bytes;
        const std::size_t end = peer.first.find("\r\n\r\n");
        if (end == std::string::npos)
            return false;
        peer.request_size = end + 4;
        peer.what = &pages_.find(peer.first);
        peer.first = {};
        return true;
    }

    void answer(int fd, connection& peer, std::size_t requests) {
        const std::string& one = peer.what->answer;
        if (requests == 1 && peer.unsent.empty())
            return send(fd, peer, one);
        if (requests == 0 || !peer.unsent.empty()) {
            for (; requests > 0; --requests)
                peer.unsent += one;
            return;
        }
        together_.clear();
        for (; requests > 0; --requests)
            together_ += one;
        send(fd, peer, together_);
    }

    void send(int fd, connection& peer, std::string_view bytes) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put == static_cast<ssize_t>(bytes.size()))
            return;
        if (put < 0 && errno != EAGAIN)
            return close(fd);
        peer.unsent.assign(bytes.substr(static_cast<std::size_t>(std::max<ssize_t>(put, 0))));
        watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
    }

    // While something is unsent nothing is received, so memory stays bounded.
    void flush(int fd) {
        connection& peer = at(fd);
        const ssize_t put = ::write(fd, peer.unsent.data(), peer.unsent.size());
        if (put < 0 && errno != EAGAIN)
            return close(fd);
        peer.unsent.erase(0, static_cast<std::size_t>(std::max<ssize_t>(put, 0)));
        if (peer.unsent.empty())
            watch(EPOLL_CTL_MOD, fd, EPOLLIN);
    }

    void answer_late_ones() {
        while (!late_.empty() && late_.begin()->first <= clock::now()) {
            const late_answer due = late_.begin()->second;
            late_.erase(late_.begin());
            if (connection& peer = at(due.fd); peer.id == due.id)
                answer(due.fd, peer, due.requests);
        }
    }

    int patience() const {
        if (late_.empty())
            return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(late_.begin()->first - clock::now());
        return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }

    void close(int fd) {
        at(fd) = {};
        ::close(fd);
    }

    void watch(int operation, int fd, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        raw::must(::epoll_ctl(epoll_, operation, fd, &event), "epoll_ctl");
    }

    connection& at(int fd) { return connections_[static_cast<std::size_t>(fd)]; }

    struct late_answer {
        int fd;
        std::uint64_t id;
        std::size_t requests;
    };

    int listener_;
    int stop_fd_;
    int epoll_;
    bool stopped_ = false;
    std::uint64_t accepted_ = 0;
    raw::pages pages_;
    std::array<epoll_event, 1024> events_{};
    std::array<char, 64 * 1024> buffer_{};
    std::vector<connection> connections_;  // By descriptor.
    std::string together_;
    std::multimap<clock::time_point, late_answer> late_;
};

}  // namespace

int main(int argc, char** argv) try {
    const std::uint16_t port = raw::port_argument(argc, argv);
    raw::raise_descriptor_limit();
    const int stop_fd = raw::stop_signal();
    const int listener = raw::listen_on_loopback(port);
    raw::must(::fcntl(listener, F_SETFL, O_NONBLOCK), "fcntl listener");
    http_server server(listener, stop_fd);
    raw::announce(listener);
    server.run();
} catch (const std::exception& error) {
    std::fprintf(stderr, "epoll_http_server: %s\n", error.what());
    return 1;
}

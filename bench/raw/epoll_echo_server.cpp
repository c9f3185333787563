// The best echo server we know how to write on epoll: level-triggered, one
// read and one write per message, no bookkeeping unless a peer stops reading.
// What cannot be written makes the server stop reading from that peer, so
// memory is bounded by one buffer per connection.

#include "server.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace {

class echo_server {
public:
    echo_server(int listener, int stop_fd)
        : listener_(listener), stop_fd_(stop_fd), epoll_(raw::must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
        watch(EPOLL_CTL_ADD, stop_fd_, EPOLLIN);
    }

    void run() {
        while (!stopped_) {
            ++waits_;
            const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), -1);
            for (int i = 0; i < count; ++i)
                take(events_[static_cast<std::size_t>(i)]);
        }
        std::fprintf(stderr, "{\"messages\": %llu, \"enters\": %llu, \"sqes\": 0}\n",
                     static_cast<unsigned long long>(messages_),
                     static_cast<unsigned long long>(waits_ + reads_ + writes_));
    }

private:
    void take(const epoll_event& event) {
        const int fd = event.data.fd;
        if (fd == listener_)
            accept_all();
        else if (fd == stop_fd_)
            stopped_ = true;
        else if (event.events & EPOLLOUT)
            write_rest(fd);
        else
            echo(fd);
    }

    void accept_all() {
        for (;;) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0)
                return;
            if (static_cast<std::size_t>(fd) >= rests_.size())
                rests_.resize(2 * static_cast<std::size_t>(fd) + 64);
            watch(EPOLL_CTL_ADD, fd, EPOLLIN);
        }
    }

    // One read only: a second one that finds nothing costs more than being
    // told again by epoll when there is more.
    void echo(int fd) {
        ++reads_;
        const ssize_t got = ::read(fd, buffer_.data(), buffer_.size());
        if (got <= 0) {
            if (got == 0 || errno != EAGAIN)
                close(fd);
            return;
        }
        ++messages_;
        ++writes_;
        const ssize_t put = ::write(fd, buffer_.data(), static_cast<std::size_t>(got));
        if (put == got)
            return;
        if (put < 0 && errno != EAGAIN)
            return close(fd);
        rests_[static_cast<std::size_t>(fd)].assign(buffer_.begin() + std::max<ssize_t>(put, 0),
                                                    buffer_.begin() + got);
        watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
    }

    void write_rest(int fd) {
        auto& rest = rests_[static_cast<std::size_t>(fd)];
        ++writes_;
        const ssize_t put = ::write(fd, rest.data(), rest.size());
        if (put < 0 && errno != EAGAIN)
            return close(fd);
        rest.erase(rest.begin(), rest.begin() + std::max<ssize_t>(put, 0));
        if (rest.empty())
            watch(EPOLL_CTL_MOD, fd, EPOLLIN);
    }

    void close(int fd) {
        rests_[static_cast<std::size_t>(fd)] = {};
        ::close(fd);
    }

    void watch(int operation, int fd, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        raw::must(::epoll_ctl(epoll_, operation, fd, &event), "epoll_ctl");
    }

    int listener_;
    int stop_fd_;
    int epoll_;
    bool stopped_ = false;
    std::uint64_t messages_ = 0;
    std::uint64_t waits_ = 0;
    std::uint64_t reads_ = 0;
    std::uint64_t writes_ = 0;
    std::array<epoll_event, 1024> events_{};
    std::array<char, 64 * 1024> buffer_{};
    std::vector<std::vector<char>> rests_;  // By descriptor: what the peer did not take yet.
};

}  // namespace

int main(int argc, char** argv) try {
    const std::uint16_t port = raw::port_argument(argc, argv);
    raw::raise_descriptor_limit();
    const int stop_fd = raw::stop_signal();
    const int listener = raw::listen_on_loopback(port);
    raw::must(::fcntl(listener, F_SETFL, O_NONBLOCK), "fcntl listener");
    echo_server server(listener, stop_fd);
    raw::announce(listener);
    server.run();
} catch (const std::exception& error) {
    std::fprintf(stderr, "epoll_echo_server: %s\n", error.what());
    return 1;
}
